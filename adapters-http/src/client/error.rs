use crate::wire::ProblemBody;

/// Why a request has no usable response. It never contains a token, and of a response body only a
/// problem or the title of an HTML page.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The server rejected the request.
    #[error("{}", .0.body.detail)]
    Problem(Box<Problem>),
    /// No response, or an incomplete one. If [`effect`](Self::effect) is [`Effect::Possible`],
    /// check whether the change was made before you retry.
    #[error("cannot reach {url}: {reason}")]
    Transport {
        /// Base URL of the server.
        url: String,
        /// What failed.
        reason: String,
        /// Category of the failure, for advice.
        cause: Cause,
        /// Whether the requested change was made.
        effect: Effect,
    },
    /// A response that no OpenIndex server of this version sends: from another program, a proxy, or
    /// another version.
    #[error("unexpected response from {url} (HTTP {status}): {reason}")]
    UnexpectedResponse {
        /// URL of the request, without its query.
        url: String,
        /// HTTP status.
        status: u16,
        /// What is unexpected.
        reason: String,
        /// Who probably sent it.
        origin: Origin,
        /// Seconds to wait before retrying, if the response says so.
        retry_after: Option<u64>,
        /// Whether the requested change was made.
        effect: Effect,
    },
    /// A variable names an unusable proxy; nothing was sent.
    #[error("{variable}: {reason}")]
    InvalidProxy {
        /// Name of the variable; its value may contain a password.
        variable: &'static str,
        /// What is wrong with the value.
        reason: &'static str,
    },
    /// The token cannot be sent in a header.
    #[error("the token contains invalid characters")]
    UnsendableToken,
    /// A secret would be sent unencrypted to another machine; it was not sent.
    #[error("refusing to send a secret to {host} over plain HTTP, where others could read it")]
    InsecureTransport {
        /// Host that would have received it.
        host: String,
    },
}

impl ClientError {
    /// Returns whether the requested change was made.
    #[must_use]
    pub fn effect(&self) -> Effect {
        match self {
            Self::Problem(problem) => problem.effect,
            Self::Transport { effect, .. } | Self::UnexpectedResponse { effect, .. } => *effect,
            Self::InvalidProxy { .. } | Self::UnsendableToken | Self::InsecureTransport { .. } => {
                Effect::None
            }
        }
    }
}

/// Whether the change that a failed request asked for was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Nothing was changed, or the request was not a change.
    None,
    /// Possibly: the request was completely sent, but its result is unknown.
    Possible,
    /// Yes: the server confirmed it, but its response could not be read.
    Done,
}

/// The category of a connection failure, for advice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The server's certificate is signed by an untrusted authority.
    UnknownAuthority,
    /// The server's certificate has expired or is not valid yet, by this machine's clock.
    CertificateTime,
    /// The server's certificate is invalid for another reason.
    Certificate,
    /// The proxy is unreachable or did not connect.
    Proxy,
    /// The proxy requires a login.
    ProxyLogin,
    /// Any other failure.
    Other,
}

/// The probable sender of an unexpected response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A proxy or gateway that reached no server.
    Gateway,
    /// A login page, a captive portal or another web server.
    Page,
    /// A server that redirects elsewhere.
    Redirect,
    /// An OpenIndex server of another version, or another JSON API.
    Version,
    /// Another program.
    Other,
}

/// Why an export is incomplete.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The server rejected the request.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The export was interrupted: the server sent a reason, or the connection ended.
    #[error("the export is incomplete: {0}")]
    Incomplete(#[source] ClientError),
    /// The output could not be written.
    #[error("cannot write the export")]
    Sink(#[source] std::io::Error),
}

/// A problem with the circumstances of its response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// URL of the request, without its query.
    pub url: String,
    /// HTTP status of the response.
    pub status: u16,
    /// Seconds to wait before retrying, if the response says so (RFC 9110 §10.2.3).
    pub retry_after: Option<u64>,
    /// Request id, also in the server log (`X-Request-Id`).
    pub request_id: Option<String>,
    /// The problem details.
    pub body: ProblemBody,
    /// Whether the change was made; an outage in the middle of it leaves this open.
    pub effect: Effect,
}
