//! The exit statuses of `oi`.

/// An exit status. Scripts rely on these numbers: their meaning never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum ExitCode {
    /// The command succeeded, or the reader closed the pipe early.
    Success = 0,
    /// The command failed for a reason without a status of its own, or `oi scan` found a token.
    Failure = 1,
    /// The command line is invalid; nothing was done.
    Usage = 2,
    /// There is no token, the token was rejected, or it lacks permission.
    Auth = 4,
    /// Interrupted, for example by Ctrl-C at a prompt: 128 plus the signal's number.
    Interrupted = 130,
}

impl ExitCode {
    /// Every exit status with its name and description, for `oi schema`.
    pub(crate) const ALL: [(Self, &'static str, &'static str); 5] = [
        (Self::Success, "success", "the command succeeded"),
        (
            Self::Failure,
            "failure",
            "the command failed, and the error gives the reason; or oi scan found a token",
        ),
        (
            Self::Usage,
            "usage",
            "the command line is invalid; nothing was done",
        ),
        (
            Self::Auth,
            "authentication_or_authorization",
            "there is no token, the token was rejected, or it lacks permission",
        ),
        (
            Self::Interrupted,
            "interrupted",
            "interrupted, for example by Ctrl-C",
        ),
    ];
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code as u8)
    }
}
