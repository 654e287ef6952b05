//! `oi doctor`: diagnoses configuration and connectivity.

mod checks;

use std::fmt::Write as _;

use serde::Serialize;

use crate::commands::prelude::*;
use crate::exit_code::ExitCode;
use crate::render::widest;
use checks::{Check, Status};

#[derive(Serialize)]
struct DoctorOutput<'a> {
    ok: bool,
    checks: &'a [Check],
}

pub(super) fn run(_: &NoArguments, app: &mut App<'_>) -> Result<(), CliError> {
    let checks = checks::all(app);
    let exit = verdict(&checks);
    let output = DoctorOutput {
        ok: exit == ExitCode::Success,
        checks: &checks,
    };
    app.out.print(&output, |style| human(&checks, style))?;
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
    let width = widest(checks.iter().map(|check| check.name));
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
    fn shows_the_result_of_each_check_with_a_hint() {
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
    fn a_failure_of_only_the_token_has_its_own_exit_status() {
        let check = |status| Check::new("x", status, "");
        let token = || Check {
            about_token: true,
            ..check(Status::Fail)
        };
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
