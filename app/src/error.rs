use std::io::ErrorKind;

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
    #[error("cannot listen on {address}{fix}", fix = fix(source.kind()))]
    Listen {
        /// The address to listen on.
        address: ListenAddress,
        /// The error of the operating system.
        source: std::io::Error,
    },
}

/// Returns what to do about an error of listening, as the end of an error message.
const fn fix(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::PermissionDenied => {
            "; a port below 1024 requires the capability CAP_NET_BIND_SERVICE, and a Unix socket \
             write access to its directory"
        }
        ErrorKind::AddrInUse => "; another process listens there",
        ErrorKind::NotFound => "; create the directory of the Unix socket first",
        _ => "",
    }
}
