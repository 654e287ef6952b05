//! `oi doctor`: finds out why it does not work.

mod checks;

use std::fmt::Write as _;

use serde::Serialize;

use crate::app::App;
use crate::error::CliError;
use crate::exit_code::ExitCode;
use crate::render::{Style, plain, redact};

pub(crate) const AFTER_HELP: &str = "\
Looks at the config file, the profile, the token, the server and both clocks. Exits with 1 when a
check fails, with 4 when all that fails is the token's.

Examples:
  oi doctor
  oi doctor --json | jq '.checks[] | select(.status != \"ok\")'";

/// What was looked at, and what came of it.
#[derive(Debug, Serialize)]
struct Check {
    name: &'static str,
    status: Status,
    detail: String,
    hint: Option<String>,
    /// Its failure is the token's, and not the way's to the server.
    #[serde(skip)]
    about_token: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Ok,
    /// Works, but should be looked after.
    Warn,
    Fail,
    /// Could not be looked at, because of an earlier failure.
    Skip,
}

#[derive(Serialize)]
struct Answer<'a> {
    ok: bool,
    checks: &'a [Check],
}

impl Check {
    fn new(name: &'static str, status: Status, detail: impl Into<String>) -> Self {
        Self {
            name,
            status,
            // It quotes what is in the file, where a secret may be at a wrong place.
            detail: redact(&detail.into()),
            hint: None,
            about_token: false,
        }
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(redact(&hint.into()));
        self
    }

    const fn about_token(mut self) -> Self {
        self.about_token = true;
        self
    }
}

pub(crate) fn run(app: &mut App<'_>) -> Result<(), CliError> {
    let checks = checks::all(app);
    let exit = verdict(&checks);
    let answer = Answer {
        ok: exit == ExitCode::Success,
        checks: &checks,
    };
    app.out.answer(&answer, |style| human(&checks, style))?;
    match exit {
        ExitCode::Success => Ok(()),
        exit => Err(CliError::Reported(exit)),
    }
}

fn verdict(checks: &[Check]) -> ExitCode {
    let mut failed = checks
        .iter()
        .filter(|check| check.status == Status::Fail)
        .peekable();
    if failed.peek().is_none() {
        ExitCode::Success
    } else if failed.all(|check| check.about_token) {
        ExitCode::Auth
    } else {
        ExitCode::Failure
    }
}

fn human(checks: &[Check], style: &Style) -> String {
    let width = checks
        .iter()
        .map(|check| check.name.len())
        .max()
        .unwrap_or(0);
    let mut text = String::new();
    for check in checks {
        let mark = match check.status {
            Status::Ok => style.green("✓"),
            Status::Warn => style.yellow("!"),
            Status::Fail => style.red("✗"),
            Status::Skip => style.dim("-"),
        };
        let name = style.bold(&format!("{:width$}", check.name));
        let _ = writeln!(text, "{mark} {name}  {}", plain(&check.detail));
        if let Some(hint) = &check.hint {
            let label = style.cyan("hint:");
            let _ = writeln!(text, "  {:width$}  {label} {}", "", plain(hint));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::tests::STYLE;

    #[test]
    fn shows_what_is_well_what_is_not_and_what_to_do() {
        let checks = [
            Check::new(
                "config file",
                Status::Ok,
                "/home/ada/.config/openindex-agent/config.json (mode 0600)",
            ),
            Check::new("server", Status::Ok, "http://127.0.0.1:8080, version 0.1.0"),
            Check::new("clock", Status::Warn, "3 minutes behind the server's")
                .hint("set this machine's clock"),
            Check::new("token", Status::Fail, "it was revoked").hint("oi profile set --token -"),
            Check::new("scope", Status::Skip, "not known without a live token"),
        ];
        insta::assert_snapshot!(human(&checks, &STYLE));
    }

    #[test]
    fn a_failure_of_the_token_alone_has_an_exit_status_of_its_own() {
        let check = |status| Check::new("x", status, "");
        let token = || check(Status::Fail).about_token();
        for (checks, exit) in [
            (vec![], ExitCode::Success),
            (
                vec![check(Status::Warn), check(Status::Skip)],
                ExitCode::Success,
            ),
            (vec![check(Status::Ok), token()], ExitCode::Auth),
            (vec![check(Status::Fail), token()], ExitCode::Failure),
            (vec![check(Status::Fail)], ExitCode::Failure),
        ] {
            assert_eq!(verdict(&checks), exit);
        }
    }
}
