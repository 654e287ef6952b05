//! The commands: each is its arguments, and what it does with them.

/// Declares a group of commands. A single command is its arguments, its output (a definition of
/// `oi schema`, or a media type) and the function that runs it; otherwise it is another group.
macro_rules! commands {
    (@run $arguments:ident $app:ident) => {
        $arguments.run($app)
    };
    (@run $arguments:ident $app:ident $run:path) => {
        $run($arguments, $app)
    };
    ($(
        $(#[$attribute:meta])*
        $name:ident($arguments:ty) $(-> $output:literal = $run:path)?,
    )*) => {
        #[derive(Debug, clap::Subcommand)]
        pub(crate) enum Command {$(
            $(#[$attribute])*
            $(#[command(add = $crate::parts::Prints($output))])?
            $name($arguments),
        )*}

        impl Command {
            /// Runs the command.
            pub(crate) fn run(
                &self,
                app: &mut $crate::app::App<'_>,
            ) -> Result<(), $crate::error::CliError> {
                match self {
                    $(Self::$name(arguments) => commands!(@run arguments app $($run)?),)*
                }
            }
        }
    };
}

mod account;
mod admin;
mod agent_run;
mod auth;
pub(crate) mod completions;
mod doctor;
mod invite;
mod man;
mod me;
mod names;
mod personal;
mod prelude;
mod profile;
mod queue;
mod report_leak;
mod scan;
mod schema;
mod settings;
mod tokens;
mod work_item;

use crate::parts::NoArguments;

commands! {
    /// Manage profiles (server URL and token)
    #[command(subcommand)]
    Profile(profile::Command),
    /// Check, rotate or revoke the token in use
    #[command(subcommand)]
    Auth(auth::Command),
    /// Show the current user and token
    #[command(after_help = "Examples:\n  oi me\n  oi me --json | jq -r .user.email")]
    Me(NoArguments) -> "Me" = me::show,
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
    #[command(after_help = "\
Reads text from standard input (a log, a diff, a list) and reports the tokens in it; nothing else is
sent. Active tokens are revoked immediately, and their owners are notified. The response does not
reveal which tokens were active. Your own token is neither required nor sent. Reporting a token
again does no harm.

Examples:
  oi report-leak < build.log
  git log -p | oi report-leak --app-url https://openindex.example.com")]
    ReportLeak(NoArguments) -> "Reported" = report_leak::run,
    /// Find tokens in files, directories and diffs
    Scan(scan::Scan) -> "Scanned" = scan::run,
    /// Diagnose configuration and connectivity
    #[command(after_help = "\
Checks the config file, the profile, the token, the server and the clocks. Exits with status 1 if a
check fails, or 4 if only token checks fail.

Examples:
  oi doctor
  oi doctor --json | jq '.checks[] | select(.status != \"ok\")'")]
    Doctor(NoArguments) -> "Doctor" = doctor::run,
    /// Describe the commands, or the server's API, as JSON
    Schema(schema::Describe) -> "application/json" = schema::run,
    /// Print a shell completion script
    Completions(completions::Print) -> "text/plain" = completions::run,
    /// Generate manual pages
    Man(man::Generate) -> "ManualPages" = man::run,
}

#[cfg(test)]
pub(crate) mod tests;
