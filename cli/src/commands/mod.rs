//! The commands: each is its arguments, and what it does with them.

/// Declares a group of commands. Each is a type that implements [`Run`](crate::parts::Run), or,
/// after `=`, a function of arguments that several commands share; a single command also names its
/// output, a definition of `oi schema` or a media type.
macro_rules! commands {
    (@run $arguments:ident $app:ident) => {
        $crate::parts::Run::run($arguments, $app)
    };
    (@run $arguments:ident $app:ident $run:path) => {
        $run($arguments, $app)
    };
    ($(
        $(#[$attribute:meta])*
        $name:ident($arguments:ty) $(-> $output:literal)? $(= $run:path)?,
    )*) => {
        #[derive(Debug, clap::Subcommand)]
        pub(crate) enum Command {$(
            $(#[$attribute])*
            $(#[command(add = $crate::parts::Prints($output))])?
            $name($arguments),
        )*}

        impl $crate::parts::Run for Command {
            fn run(
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
mod profile;
mod queue;
mod report_leak;
mod schema;
mod settings;
mod tokens;
mod work_item;

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

#[cfg(test)]
pub(crate) mod tests;
