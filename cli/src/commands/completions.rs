//! `oi completions`: a script that lets a shell complete `oi`.

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::app::App;
use crate::cli::Cli;
use crate::error::CliError;

/// Which shell.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
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
    let shell = match args.shell.as_str() {
        "bash" => Shell::Bash,
        "zsh" => Shell::Zsh,
        _ => Shell::Fish,
    };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "oi", &mut script);
    app.out.raw(&String::from_utf8_lossy(&script))
}
