//! The command-line grammar and its help texts.

use clap::builder::styling::{AnsiColor, Effects};
use clap::builder::{StyledStr, Styles};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory as _, Parser};

use crate::commands::Command;
use crate::flags;
use crate::globals::Globals;

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
  OPENINDEX_TOKEN     Token to use; overrides the profile's token
  OPENINDEX_APP_URL   Server URL; overrides the profile's server
  OPENINDEX_PROFILE   Profile to use
  OPENINDEX_AGENT_ID  ID of the agent; overrides the profile's agent ID
  OPENINDEX_CONFIG    Path of the config file
  OPENINDEX_CONFIG_DIR
                      Directory of the config file config.json
  OPENINDEX_ALLOW_INSECURE_HTTP
                      Set to 1 to send tokens to other machines over plain HTTP
  https_proxy, http_proxy, all_proxy, no_proxy
                      Proxy settings, as in curl; also HTTPS_PROXY, ALL_PROXY and NO_PROXY
  SSL_CERT_FILE       PEM file of certificate authorities to trust instead of the system's
  SSL_CERT_DIR        Directory of PEM files, named by the hashes of their subjects (c_rehash)
  TRACEPARENT         Trace that the requests are part of (W3C Trace Context)
  NO_COLOR, CLICOLOR_FORCE
                      Set to 1 to turn color off, or on without a terminal

Files:
  ~/.config/openindex-agent/config.json
                      The config file, with profiles and their tokens

Exit status:
  0    Success
  1    Failure, or oi scan found a token
  2    Invalid command line
  4    Not authenticated, or permission denied
  130  Interrupted

With --json, or when standard output is not a terminal, the output is one JSON document.";

/// Command names that users of other tools try first, each with the command to use instead.
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

/// Work with OpenIndex from a terminal or a script
#[derive(Debug, Parser)]
#[command(name = "oi", version, styles = STYLES, after_help = AFTER_HELP, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) globals: Globals,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Adds an example of the command to errors about missing, conflicting or unknown arguments.
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

/// Returns the first example in the help of the command that caused the error.
fn example(error: &clap::Error) -> Option<String> {
    let ContextValue::StyledStr(usage) = error.get(ContextKind::Usage)? else {
        return None;
    };
    let usage = usage.to_string();
    let path = usage.split_whitespace().skip_while(|word| *word != "oi");
    let command = flags::of(Cli::command(), path.skip(1));
    let help = command.get_after_help()?.to_string();
    let (_, examples) = help.split_once("Examples:\n")?;
    Some(examples.lines().next()?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use openindex_command_line::conceal;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_help_names_every_variable() {
        for (name, ..) in crate::environment::ALL {
            assert!(AFTER_HELP.contains(name), "{name}");
        }
    }

    #[test]
    fn get_and_show_are_the_same_command() {
        for line in [
            "oi work-item show OPS-42",
            "oi settings admin users show ada@example.com",
            "oi profile get",
        ] {
            assert!(Cli::try_parse_from(line.split(' ')).is_ok(), "{line}");
        }
    }

    #[test]
    fn no_usage_error_repeats_a_secret() {
        fn walk(command: &clap::Command, path: &[&str], secret: &str) -> usize {
            let mut failed = 0;
            for argument in command.get_arguments() {
                let flag = argument.get_long().map(|flag| format!("--{flag}={secret}"));
                let typed = flag.as_deref().unwrap_or(secret);
                let words: Vec<OsString> =
                    path.iter().chain([&typed]).map(OsString::from).collect();
                let Err(error) = Cli::try_parse_from(&words) else {
                    continue;
                };
                failed += 1;
                let message = conceal(error, Cli::command(), &SYNONYMS, &words).to_string();
                assert!(!message.contains(secret), "{path:?} {typed}: {message}");
            }
            let children = command.get_subcommands();
            let below = children.map(|it| walk(it, &[path, &[it.get_name()]].concat(), secret));
            failed + below.sum::<usize>()
        }
        let mut root = Cli::command();
        root.build();
        for secret in [
            "oi_pat_jZHvxRBv86PcflRJxLvgWo9a_8nw9xGsKx80URWSUagWwm0h",
            "oi_run_jZHvxRBv8",
            "abcdefghijklmnopqrstuvwxyz0123456789_-ABCDE",
            "https://openindex.example.com/join/abcdefghijklmnopqrstuvwxyz0123456789_-ABCDE",
            "https://ada:hunter2@openindex.example.com",
            "Tr0ub4dor&3",
        ] {
            assert!(walk(&root, &["oi"], secret) > 100, "{secret}");
        }
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
                    "the help of {path} has an example"
                );
            }
        }
        walk(&Cli::command(), "oi");
    }
}
