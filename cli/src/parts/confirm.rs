use crate::error::{CliError, Failure};
use crate::prompt;

/// Whether a change is confirmed on the command line.
#[derive(Debug, clap::Args)]
pub(crate) struct Confirmation {
    /// Skip the confirmation prompt
    #[arg(short, long)]
    yes: bool,
}

/// What to change, and whether that is confirmed.
#[derive(Debug, clap::Args)]
pub(crate) struct Confirmed<T: clap::Args> {
    #[command(flatten)]
    pub(crate) what: T,
    #[command(flatten)]
    pub(crate) yes: Confirmation,
}

impl Confirmation {
    /// Returns whether `--yes` was passed.
    pub(crate) const fn given(&self) -> bool {
        self.yes
    }

    /// Requires `--yes` if there is no terminal to ask for confirmation on.
    pub(crate) fn require(&self, action: &str) -> Result<(), Failure> {
        require_terminal_or_yes(self.yes, action)
    }

    /// Asks the question unless `--yes` was passed; fails with `declined` if the user declines.
    pub(crate) fn ask(
        &self,
        declined: &str,
        question: impl FnOnce() -> Result<String, CliError>,
    ) -> Result<(), CliError> {
        if self.yes {
            return Ok(());
        }
        confirm(&question()?, declined)
    }
}

/// Requires `--yes` if there is no terminal to ask for confirmation on.
pub(crate) fn require_terminal_or_yes(yes: bool, action: &str) -> Result<(), Failure> {
    if yes || prompt::is_interactive() {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "{action} requires confirmation, but there is no terminal; pass --yes"
    )))
}

/// Asks a question; fails with `declined` if the user declines.
pub(crate) fn confirm(question: &str, declined: &str) -> Result<(), CliError> {
    if prompt::confirm(question)? {
        return Ok(());
    }
    Err(Failure::of("not_confirmed", declined).into())
}

/// Returns the question of what to do with one or several objects, after the lines about them.
pub(crate) fn question_about(
    lines: &str,
    count: usize,
    verb: &str,
    one: &str,
    several: &str,
) -> String {
    let what = match count {
        1 => format!("this {one}"),
        count => format!("these {count} {several}"),
    };
    format!("{lines}{verb} {what} working immediately. This cannot be undone.")
}
