//! The commands: each is its arguments, and what it does with them.

/// Declares a group of commands. Each is a type that implements [`Run`]; a single command also
/// names its output, a definition of `oi schema` or a media type.
macro_rules! commands {
    ($(
        $(#[$attribute:meta])*
        $name:ident($arguments:ty) $(-> $output:literal)?,
    )*) => {
        #[derive(Debug, clap::Subcommand)]
        pub(crate) enum Command {$(
            $(#[$attribute])*
            $(#[command(add = $crate::commands::schema::Prints($output))])?
            $name($arguments),
        )*}

        impl $crate::commands::Run for Command {
            fn run(
                &self,
                app: &mut $crate::app::App<'_>,
            ) -> Result<(), $crate::error::CliError> {
                match self {
                    $(Self::$name(arguments) => $crate::commands::Run::run(arguments, app),)*
                }
            }
        }
    };
}

mod account;
mod admin;
mod agent_run;
#[cfg(test)]
mod api_names;
mod auth;
pub(crate) mod completions;
mod doctor;
mod invite;
mod man;
mod me;
mod names;
mod once;
mod paging;
mod profile;
mod queue;
pub(crate) mod report_leak;
mod schema;
mod tokens;
mod work_item;

use openindex_domain::token::{TokenId, TokenKind};
use serde_json::json;

use crate::app::App;
use crate::error::{CliError, Failure};
use crate::exit_code::ExitCode;
use crate::prompt;
use crate::render::shown;

commands! {
    /// Manage profiles (server URL and token)
    #[command(subcommand)]
    Profile(profile::Command),
    /// Check authentication
    #[command(subcommand)]
    Auth(auth::Command),
    /// Show the current user and token
    Me(me::Show) -> "Me",
    /// Show the work queue
    #[command(subcommand)]
    Queue(queue::Command),
    /// Create, find, claim and complete work items
    #[command(subcommand)]
    WorkItem(work_item::Command),
    /// Start, list and end agent runs, each with its own token
    #[command(subcommand)]
    AgentRun(agent_run::Command),
    /// Manage your tokens and account, or administer the instance
    #[command(subcommand)]
    Settings(settings::Command),
    /// Join an instance with an invite
    #[command(subcommand)]
    Invite(invite::Command),
    /// Report leaked tokens so that they are revoked
    ReportLeak(report_leak::ReportLeak) -> "Reported",
    /// Diagnose configuration and connectivity
    Doctor(doctor::Diagnose) -> "Doctor",
    /// Describe the commands, or the server's API, as JSON
    Schema(schema::Describe) -> "application/json",
    /// Print a shell completion script
    Completions(completions::Print) -> "text/plain",
    /// Generate manual pages
    Man(man::Generate) -> "ManualPages",
}

/// `oi settings`: what concerns the caller, and what concerns all users.
mod settings {
    commands! {
        /// Manage your tokens and account
        #[command(subcommand)]
        Personal(super::personal::Command),
        /// Administer the instance (requires an admin token)
        #[command(subcommand)]
        Admin(super::admin::Command),
    }
}

/// `oi settings personal`: what concerns the caller.
mod personal {
    commands! {
        /// Create, list, rotate and delete your personal access tokens
        #[command(subcommand)]
        Tokens(super::tokens::Command),
        /// Manage your account
        #[command(subcommand)]
        Account(super::account::Command),
    }
}

/// A command with its arguments.
pub(crate) trait Run {
    fn run(&self, app: &mut App<'_>) -> Result<(), CliError>;
}

/// Whether a change is confirmed on the command line.
#[derive(Debug, clap::Args)]
pub(crate) struct Confirmation {
    /// Skip the confirmation prompt
    #[arg(short, long)]
    yes: bool,
}

impl Confirmation {
    /// Returns whether `--yes` was passed.
    const fn given(&self) -> bool {
        self.yes
    }

    /// Requires `--yes` if there is no terminal to ask for confirmation on.
    fn require(&self, action: &str) -> Result<(), Failure> {
        require_terminal_or_yes(self.yes, action)
    }

    /// Asks the question unless `--yes` was passed; fails with `declined` if the user declines.
    fn ask(
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
fn require_terminal_or_yes(yes: bool, action: &str) -> Result<(), Failure> {
    if yes || prompt::is_interactive() {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "{action} requires confirmation, but there is no terminal; pass --yes"
    )))
}

/// Asks a question; fails with `declined` if the user declines.
fn confirm(question: &str, declined: &str) -> Result<(), CliError> {
    if prompt::confirm(question)? {
        return Ok(());
    }
    Err(Failure::new(ExitCode::Failure, "not_confirmed", declined).into())
}

/// Returns the question of what to do with one or several objects, after the lines about them.
fn question_about(lines: &str, count: usize, verb: &str, one: &str, several: &str) -> String {
    let what = match count {
        1 => format!("this {one}"),
        count => format!("these {count} {several}"),
    };
    format!("{lines}{verb} {what} working immediately. This cannot be undone.")
}

/// Parses the ID of a token of this kind. A secret gets an error of its own, which does not repeat
/// it; `command` lists the IDs.
fn parse_token_id(
    text: &str,
    kind: TokenKind,
    secret: &str,
    command: &str,
) -> Result<TokenId, Failure> {
    let message = match text.parse::<TokenId>() {
        Ok(id) if id.kind() == kind => return Ok(id),
        _ if text.starts_with("oi_") => secret.to_owned(),
        _ => {
            let (what, prefix) = match kind {
                TokenKind::Personal => ("token", "pat_"),
                TokenKind::AgentRun => ("run", "run_"),
            };
            format!(
                "invalid {what} ID '{}': must be {prefix} and 32 hexadecimal digits, as shown by \
                 `list`",
                shown(text)
            )
        }
    };
    Err(Failure::usage(message).next(command))
}

/// Suggests the command `check` if the change may have been applied although the request failed.
fn suggest_check(failure: Failure, check: &str) -> Failure {
    if failure.may_have_taken_effect() {
        failure.next(check)
    } else {
        failure
    }
}

/// Adds a value unless it is there already.
fn push_new<T: PartialEq>(values: &mut Vec<T>, value: T) {
    if !values.contains(&value) {
        values.push(value);
    }
}

/// Parses values that were passed one by one, without duplicates.
fn parse_distinct<T: PartialEq>(
    texts: &[String],
    parse: impl Fn(&str) -> Result<T, Failure>,
) -> Result<Vec<T>, Failure> {
    let mut values = Vec::new();
    for text in texts {
        push_new(&mut values, parse(text)?);
    }
    Ok(values)
}

/// Runs `act` for each item and stops at the first failure, which lists the items before it under
/// `done`, such as `revoked`. The command `check` shows whether the failed change was applied.
fn one_by_one<T: std::fmt::Display>(
    items: &[T],
    done: &str,
    check: &str,
    act: impl Fn(&T) -> Result<(), Failure>,
) -> Result<Vec<String>, Failure> {
    let mut finished: Vec<String> = Vec::new();
    for item in items {
        act(item).map_err(|failure| {
            let mut failure = suggest_check(failure, check);
            failure.message = format!("{item}: {}", failure.message);
            if finished.is_empty() {
                return failure;
            }
            let before = finished.join(", ");
            failure.message = format!("{}\nalready {done}: {before}", failure.message);
            failure.detail(done, finished.clone())
        })?;
        finished.push(item.to_string());
    }
    Ok(finished)
}

/// Prints which objects were ended: as JSON under `done`, for a user with the verb, such as
/// `Revoked`.
fn print_ended(app: &mut App<'_>, done: &str, verb: &str, ids: &[String]) -> Result<(), CliError> {
    app.out.print(&json!({ done: ids }), |style| {
        let lines = ids
            .iter()
            .map(|id| format!("{} {verb} {id}\n", style.done()));
        lines.collect()
    })
}

#[cfg(test)]
pub(crate) mod tests;
