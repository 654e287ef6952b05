//! `oi completions`: shell completion scripts. They call `oi` itself, which knows every command and
//! the names of the profiles.

use clap_complete::env::Shells;

use crate::commands::prelude::*;

/// The variable that the scripts set when they call `oi`.
pub(crate) const VARIABLE: &str = "_OI_COMPLETE";

#[derive(Debug, clap::Args)]
#[command(after_help = "\
The script calls oi for each completion, so it stays up to date when oi is upgraded.

Examples:
  oi completions bash > ~/.local/share/bash-completion/completions/oi
  oi completions zsh > ~/.zfunc/_oi
  oi completions fish > ~/.config/fish/completions/oi.fish")]
pub(crate) struct Print {
    /// Shell to generate the script for
    #[arg(value_parser = ["bash", "zsh", "fish"])]
    shell: String,
}

pub(super) fn run(args: &Print, app: &mut App<'_>) -> Result<(), CliError> {
    let mut script = Vec::new();
    let shells = Shells::builtins();
    let shell = shells
        .completer(&args.shell)
        .ok_or_else(|| Failure::usage("the shell must be bash, zsh or fish"))?;
    shell.write_registration(VARIABLE, "oi", "oi", "oi", &mut script)?;
    if args.shell == "zsh" {
        // zsh loads the file at the first completion, which would otherwise return nothing.
        script.extend(b"[[ $funcstack[1] == _oi ]] && _clap_dynamic_completer_oi \"$@\"\n");
    }
    app.out.raw(&String::from_utf8_lossy(&script))
}
