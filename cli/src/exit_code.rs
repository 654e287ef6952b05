//! What the exit status of `oi` means.

/// The exit status. These numbers are a promise to scripts; none changes its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum ExitCode {
    /// Done. A reader that closed the pipe early is no failure.
    Success = 0,
    /// Not done, for any reason that has no number of its own.
    Failure = 1,
    /// The command line is wrong; nothing was tried.
    Usage = 2,
    /// No token, a token that is not accepted, or one that may not do this.
    Auth = 4,
    /// Interrupted at a question, as by Ctrl-C: 128 and the number of the signal.
    Interrupted = 130,
}

impl ExitCode {
    /// Every one with its meaning, for `oi schema`.
    pub(crate) const ALL: [(Self, &'static str, &'static str); 5] = [
        (Self::Success, "success", "done"),
        (Self::Failure, "failure", "not done; the error says why"),
        (
            Self::Usage,
            "usage",
            "the command line is wrong; nothing was tried",
        ),
        (
            Self::Auth,
            "authentication_or_authorization",
            "no token, a token that is not accepted, or one that may not do this",
        ),
        (
            Self::Interrupted,
            "interrupted",
            "interrupted, as by Ctrl-C",
        ),
    ];
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code as u8)
    }
}
