use serde_json::json;

use super::ProfileName;
use crate::app::App;
use crate::environment;
use crate::error::CliError;
use crate::field::One;
use crate::render::plain;
use crate::resolve::profile_not_found;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  oi profile use work")]
pub(crate) struct Args {
    #[command(flatten)]
    name: One<ProfileName>,
}

pub(super) fn run(args: &Args, app: &mut App<'_>) -> Result<(), CliError> {
    app.config()?;
    let name = &args.name.0;
    // Check first, so that a mistyped name does not create the file.
    if !app.store.load()?.profiles.contains_key(name) {
        return Err(profile_not_found(name).into());
    }
    app.store.update(|config| {
        if !config.profiles.contains_key(name) {
            return Err(profile_not_found(name).into());
        }
        config.current_profile = Some(name.clone());
        Ok(())
    })?;
    match app.environment.get(environment::PROFILE) {
        Ok(Some(other)) if other != *name => app.out.warn(&format!(
            "{} is set to {other}, which overrides the current profile",
            environment::PROFILE
        )),
        Ok(_) => {}
        Err(failure) => app.out.warn(&failure.message),
    }
    app.out.print(&json!({ "currentProfile": name }), |style| {
        format!(
            "{} The current profile is {}\n",
            style.done(),
            style.bold(&plain(name))
        )
    })
}
