use openindex_domain::StoreError;
use openindex_domain::entropy::EntropyError;

use crate::listen::ListenAddress;
use crate::tls::TlsError;

/// An error that prevents the server from starting.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The store could not be opened or migrated.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The certificate for TLS cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The system has no entropy for password hashing.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// The address is in use, not one of this machine's, or not permitted; or the path of the Unix
    /// socket is that of another file.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address to listen on.
        address: ListenAddress,
        /// The error of the operating system.
        source: std::io::Error,
    },
}
