use crate::wire::ProblemBody;

/// Why a request gave no answer that can be used. It never holds a token, nor the body of an
/// answer other than a problem's.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The server refused, and says why.
    #[error("{}", .0.body.detail)]
    Problem(Box<Problem>),
    /// No answer arrived.
    #[error("cannot reach {url}: {reason}")]
    Transport {
        /// The server that was tried.
        url: String,
        /// What went wrong.
        reason: String,
        /// The request may have arrived all the same: what it asks for may have been done.
        may_have_arrived: bool,
    },
    /// An answer that no OpenIndex server gives: of another program, a proxy, or a version that
    /// does not fit.
    #[error("unexpected answer from {url} (HTTP {status}): {reason}")]
    UnexpectedAnswer {
        /// The server that was asked.
        url: String,
        /// The HTTP status.
        status: u16,
        /// What is unexpected about it.
        reason: String,
        /// For how many seconds to wait before trying again, when it says so.
        retry_after: Option<u64>,
    },
    /// The token cannot be written into a header; it was not sent.
    #[error("the token contains characters that no token has")]
    UnsendableToken,
    /// A token, or another secret, would travel readable for everyone on the way; it was not sent.
    #[error("will not send a secret to {host} over plain http, where others can read it")]
    InsecureTransport {
        /// Where it would have gone.
        host: String,
    },
}

/// Why an export is not complete.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The server refused, or stopped in the middle.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// What arrived could not be written.
    #[error("cannot write the export")]
    Sink(#[source] std::io::Error),
}

/// A refusal with its circumstances.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The HTTP status of the answer.
    pub status: u16,
    /// For how many seconds to wait before trying again, when it says so (RFC 9110 §10.2.3).
    pub retry_after: Option<u64>,
    /// Names the request in the server's logs (`X-Request-Id`).
    pub request_id: Option<String>,
    /// What the server says.
    pub body: ProblemBody,
}
