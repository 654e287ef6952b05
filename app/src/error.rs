use std::net::SocketAddr;

use openindex_domain::StoreError;

/// Why the server did not start, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The store could not be opened or migrated.
    #[error("the database cannot be used")]
    Store(#[from] StoreError),
    /// The address is taken, or not one of this machine's.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
}
