use std::net::SocketAddr;

use openindex_domain::StoreError;
use openindex_domain::entropy::EntropyError;

/// An error that prevents the server from starting.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The store could not be opened or migrated.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The system has no entropy for password hashing.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// The address is in use, not one of this machine's, or not permitted.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address to listen on.
        address: SocketAddr,
        /// The error of the operating system.
        source: std::io::Error,
    },
}
