use crate::wire::ProblemBody;

/// Why a request gave no response that can be used. It never holds a token, nor anything of the
/// body of a response but a problem and the title of an HTML page.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The server rejected the request, and says why.
    #[error("{}", .0.body.detail)]
    Problem(Box<Problem>),
    /// No response arrived, or not all of it.
    #[error("cannot reach {url}: {reason}")]
    Transport {
        /// The server that was tried.
        url: String,
        /// What went wrong.
        reason: String,
        /// What can be done about it.
        cause: Cause,
        /// What became of the change that was requested.
        effect: Effect,
    },
    /// A response that no OpenIndex server of this version gives: of another program, a proxy, or
    /// another version.
    #[error("unexpected response from {url} (HTTP {status}): {reason}")]
    UnexpectedAnswer {
        /// The URL that was requested, without its query.
        url: String,
        /// The HTTP status.
        status: u16,
        /// What is unexpected about it.
        reason: String,
        /// Who may have sent it.
        origin: Origin,
        /// How many seconds to wait before retrying, when it says so.
        retry_after: Option<u64>,
        /// What became of the change that was requested.
        effect: Effect,
    },
    /// A variable does not name a proxy that can be used; nothing was sent.
    #[error("{variable}: {reason}")]
    InvalidProxy {
        /// The variable; its value can hold a password.
        variable: &'static str,
        /// What is wrong with it.
        reason: &'static str,
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

impl ClientError {
    /// What became of the change that was requested.
    #[must_use]
    pub fn effect(&self) -> Effect {
        match self {
            Self::Problem(problem) => problem.effect,
            Self::Transport { effect, .. } | Self::UnexpectedAnswer { effect, .. } => *effect,
            Self::InvalidProxy { .. } | Self::UnsendableToken | Self::InsecureTransport { .. } => {
                Effect::None
            }
        }
    }
}

/// What became of the change that a failed request asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Nothing was changed, or the request was no change.
    None,
    /// It may have been done: the whole request was sent, and nothing says what became of it.
    Possible,
    /// It was done: the server confirmed it, and its response could not be read.
    Done,
}

/// Why there is no connection, where something can be done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The server's certificate is from an authority that is not trusted.
    UnknownAuthority,
    /// The server's certificate has expired or is not valid yet, by this machine's clock.
    CertificateTime,
    /// The server's certificate is wrong in another way.
    Certificate,
    /// The proxy cannot be reached, or did not connect.
    Proxy,
    /// The proxy requires a login.
    ProxyLogin,
    /// Anything else.
    Other,
}

/// Who may have sent an unexpected response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A proxy or gateway on the way, which reached no server.
    Gateway,
    /// A login page, a captive portal, or another program.
    Page,
    /// Something that redirects elsewhere.
    Redirect,
    /// An OpenIndex server of another version, or another program that speaks JSON.
    Version,
    /// Another program.
    Other,
}

/// Why an export is not complete.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The server rejected the request.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The export broke off in the middle: the server says why, or the connection ended.
    #[error("the export is not complete: {0}")]
    Incomplete(#[source] ClientError),
    /// What arrived could not be written.
    #[error("cannot write the export")]
    Sink(#[source] std::io::Error),
}

/// A rejected request with its circumstances.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The URL that was requested, without its query.
    pub url: String,
    /// The HTTP status of the response.
    pub status: u16,
    /// How many seconds to wait before retrying, when it says so (RFC 9110 §10.2.3).
    pub retry_after: Option<u64>,
    /// Names the request in the server's logs (`X-Request-Id`).
    pub request_id: Option<String>,
    /// What the server says.
    pub body: ProblemBody,
    /// What became of the change: an outage in the middle of it leaves that open.
    pub effect: Effect,
}
