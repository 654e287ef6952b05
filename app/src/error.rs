use std::net::SocketAddr;

use openindex_domain::StoreError;
use openindex_domain::entropy::EntropyError;

/// Why the server did not start, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The store could not be opened or migrated.
    #[error("the database cannot be used")]
    Store(#[from] StoreError),
    /// There is no entropy to hash passwords with.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// The address is taken, or not one of this machine's.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
}
