//! The command line: what can be typed, and its help.

use clap::builder::styling::{AnsiColor, Effects};
use clap::builder::{StyledStr, Styles};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args, CommandFactory as _, Parser, Subcommand};

use crate::commands::{
    account, admin, agent_run, completions, doctor, invite, man, profile, queue, report_leak,
    schema, tokens, work_item,
};

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().effects(Effects::BOLD))
    .usage(AnsiColor::Green.on_default().effects(Effects::BOLD))
    .literal(AnsiColor::Cyan.on_default().effects(Effects::BOLD))
    .placeholder(AnsiColor::Cyan.on_default());

const AFTER_HELP: &str = "\
Examples:
  oi profile set --app-url https://openindex.example.com --token -
  oi auth check
  oi settings personal tokens create --name ci --expires-in 90d
  oi agent-run start --agent-id builder-7 --ttl 30m
  oi queue list

Environment:
  OPENINDEX_TOKEN     the token to use, over the profile's
  OPENINDEX_APP_URL   the server to use, over the profile's
  OPENINDEX_PROFILE   the profile to use
  OPENINDEX_AGENT_ID  the agent to work as, over the profile's
  OPENINDEX_CONFIG    the config file
  OPENINDEX_ALLOW_INSECURE_HTTP
                      1 sends tokens over plain http to other machines, too
  https_proxy, http_proxy, all_proxy, no_proxy
                      the proxy to the server, as in curl; HTTPS_PROXY, ALL_PROXY and NO_PROXY too
  SSL_CERT_FILE       a PEM file of the only certificate authorities to trust

Exit status: 0 done, 1 failed, 2 wrong command line, 4 not authenticated or not allowed,
130 interrupted. On a pipe, and with --json, the answer is one JSON document.";

/// What other programs call a command, and what does it here.
pub(crate) const SYNONYMS: [(&str, &str); 14] = [
    ("login", SIGN_IN),
    ("signin", SIGN_IN),
    ("sign-in", SIGN_IN),
    ("init", SIGN_IN),
    ("config", SIGN_IN),
    ("configure", SIGN_IN),
    ("logout", "oi profile delete NAME"),
    ("whoami", "oi me"),
    ("status", "oi auth check"),
    ("version", "oi --version"),
    ("done", "oi work-item complete"),
    ("close", "oi work-item complete"),
    ("pat", TOKENS),
    ("pats", TOKENS),
];
const SIGN_IN: &str = "oi profile set --app-url URL --token -";
const TOKENS: &str = "oi settings personal tokens";

/// OpenIndex from a terminal or a script.
#[derive(Debug, Parser)]
#[command(name = "oi", version, styles = STYLES, after_help = AFTER_HELP, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) globals: Globals,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Shows how the command is used where something is missing or too much.
pub(crate) fn with_example(mut error: clap::Error) -> clap::Error {
    if matches!(
        error.kind(),
        ErrorKind::MissingRequiredArgument
            | ErrorKind::ArgumentConflict
            | ErrorKind::UnknownArgument
    ) && error.get(ContextKind::Suggested).is_none()
        && error.get(ContextKind::SuggestedArg).is_none()
        && let Some(example) = example(&error)
    {
        let tip = StyledStr::from(example);
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip]));
    }
    error
}

/// The first example of the command that an error is about.
fn example(error: &clap::Error) -> Option<String> {
    let ContextValue::StyledStr(usage) = error.get(ContextKind::Usage)? else {
        return None;
    };
    let usage = usage.to_string();
    let path = usage.split_whitespace().skip_while(|word| *word != "oi");
    let mut command = Cli::command();
    for name in path.skip(1) {
        let Some(child) = command.find_subcommand(name) else {
            break;
        };
        command = child.clone();
    }
    let help = command.get_after_help()?.to_string();
    let (_, examples) = help.split_once("Examples:\n")?;
    Some(examples.lines().next()?.trim().to_owned())
}

/// What every command understands.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Globals {
    /// The profile to use.
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        add = completions::profiles(),
        value_parser = not_blank,
        help = "The profile to use [env: OPENINDEX_PROFILE]"
    )]
    pub(crate) profile: Option<String>,
    /// The server to use, over the profile's.
    #[arg(
        long,
        global = true,
        value_name = "URL",
        value_parser = not_blank,
        help = "The server to use, over the profile's [env: OPENINDEX_APP_URL]"
    )]
    pub(crate) app_url: Option<String>,
    /// Answer with one JSON document, on a terminal too
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

/// A value that is there: a variable that is empty in a script must not be taken for no flag.
fn not_blank(text: &str) -> Result<String, &'static str> {
    match text.trim() {
        "" => Err("must not be blank; leave the flag out instead"),
        text => Ok(text.to_owned()),
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Keep servers and tokens under names
    #[command(subcommand)]
    Profile(profile::Command),
    /// See whether the token is accepted
    #[command(subcommand)]
    Auth(AuthCommand),
    /// Show who the token acts as
    #[command(after_help = "Examples:\n  oi me\n  oi me --json | jq -r .user.email")]
    Me,
    /// See what there is to do
    #[command(subcommand)]
    Queue(queue::Command),
    /// Make, find, take on and complete work items
    #[command(subcommand)]
    WorkItem(work_item::Command),
    /// Start, list and end runs of agents, each with a token of its own
    #[command(subcommand)]
    AgentRun(agent_run::Command),
    /// Manage your tokens, and the instance
    #[command(subcommand)]
    Settings(SettingsCommand),
    /// Join an instance that you are invited to
    #[command(subcommand)]
    Invite(invite::Command),
    /// Report tokens that were found where they should not be, to have them revoked
    #[command(after_help = report_leak::AFTER_HELP)]
    ReportLeak,
    /// Find out why it does not work
    #[command(after_help = doctor::AFTER_HELP)]
    Doctor,
    /// Describe these commands, or the server's API, for programs
    Schema(schema::Args),
    /// Print a completion script for a shell
    Completions(completions::Args),
    /// Write the manual pages
    Man(man::Args),
}

#[derive(Debug, Subcommand)]
pub(crate) enum AuthCommand {
    /// Show who you are, with which token, and for how long
    #[command(after_help = "\
Exits with 4, and says why, when the token is not accepted.

Examples:
  oi auth check
  OPENINDEX_TOKEN=oi_pat_… oi auth check
  oi auth check --json | jq -r .source")]
    Check,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SettingsCommand {
    /// What is yours
    #[command(subcommand)]
    Personal(PersonalCommand),
    /// What is the instance's; needs a token with the scope admin
    #[command(subcommand)]
    Admin(admin::Command),
}

#[derive(Debug, Subcommand)]
pub(crate) enum PersonalCommand {
    /// Issue, list, rotate and delete personal access tokens
    #[command(subcommand)]
    Tokens(tokens::Command),
    /// Change your account
    #[command(subcommand)]
    Account(account::Command),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_shows_an_example() {
        fn walk(command: &clap::Command, path: &str) {
            if command.has_subcommands() {
                for child in command.get_subcommands() {
                    walk(child, &format!("{path} {}", child.get_name()));
                }
            } else {
                let help = command.get_after_help().map(ToString::to_string);
                assert!(
                    help.is_some_and(|help| help.contains(&format!("  {path}"))),
                    "{path} shows how it is used"
                );
            }
        }
        walk(&Cli::command(), "oi");
    }
}
