//! `oi-server config`.

use std::io::Write as _;

use crate::args::{Common, ConfigCommand, Serve};
use crate::settings::{self, Settings, warnings};

/// What is invalid has been reported before any command runs.
pub(crate) fn run(
    command: &ConfigCommand,
    serve: &Serve,
    common: &Common,
    settings: &Settings,
) -> anyhow::Result<()> {
    for warning in warnings(serve, common) {
        writeln!(std::io::stderr(), "warning: {warning}")?;
    }
    if matches!(command, ConfigCommand::Check) {
        for warning in settings::check(serve, common)? {
            writeln!(std::io::stderr(), "warning: {warning}")?;
        }
    }
    let mut out = std::io::stdout().lock();
    match (command, &settings.file) {
        (ConfigCommand::Check, Some(file)) => {
            writeln!(
                out,
                "The configuration in {} is valid.",
                file.path.display()
            )?;
        }
        (ConfigCommand::Check, None) => {
            writeln!(
                out,
                "The configuration is valid. There is no configuration file."
            )?;
        }
        (ConfigCommand::Show, _) => {
            for setting in settings.shown(common) {
                writeln!(out, "{setting}")?;
            }
        }
    }
    Ok(())
}
