//! `oi completions`: a script that lets a shell complete `oi`. The script asks `oi` itself, so that it
//! knows every level of commands, and the names of profiles.

use clap::CommandFactory as _;
use clap_complete::CompleteEnv;
use clap_complete::engine::{ArgValueCandidates, CompletionCandidate};
use clap_complete::env::Shells;

use crate::app::App;
use crate::cli::Cli;
use crate::config::{self, ConfigStore};
use crate::environment::Environment;
use crate::error::{CliError, Failure};

/// What the scripts set when they ask.
const ASKED: &str = "_OI_COMPLETE";

/// Which shell.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The script asks oi at each completion, so it stays valid when oi is upgraded.

Examples:
  oi completions bash > ~/.local/share/bash-completion/completions/oi
  oi completions zsh > ~/.zfunc/_oi
  oi completions fish > ~/.config/fish/completions/oi.fish")]
pub(crate) struct Args {
    /// The shell
    #[arg(value_parser = ["bash", "zsh", "fish"])]
    shell: String,
}

pub(crate) fn run(args: &Args, app: &mut App<'_>) -> Result<(), CliError> {
    let mut script = Vec::new();
    let shells = Shells::builtins();
    let shell = shells
        .completer(&args.shell)
        .ok_or_else(|| Failure::usage("the shell must be bash, zsh or fish"))?;
    shell.write_registration(ASKED, "oi", "oi", "oi", &mut script)?;
    if args.shell == "zsh" {
        // A file of $fpath is read at the first completion, which would be lost otherwise.
        script.extend(b"[[ $funcstack[1] == _oi ]] && _clap_dynamic_completer_oi \"$@\"\n");
    }
    app.out.raw(&String::from_utf8_lossy(&script))
}

/// Ends the process with an answer when it is a script that asks.
pub(crate) fn answer() {
    CompleteEnv::with_factory(Cli::command)
        .var(ASKED)
        .complete();
}

/// The names of the profiles. A config file that cannot be read has none.
pub(crate) fn profiles() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let environment = Environment::of_process();
        let path = config::locate(&environment, crate::user_config_dir());
        let config = ConfigStore::new(path).load();
        let profiles = config.into_iter().flat_map(|config| config.profiles);
        profiles
            .map(|(name, _)| CompletionCandidate::new(name))
            .collect()
    })
}
