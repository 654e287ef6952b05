use serde::Serialize;

use crate::app::App;
use crate::error::{CliError, Failure};
use crate::field::Optional;
use crate::render::{fields, plain};
use crate::resolve::profile_not_found;

use super::{ProfileName, Shown, or_dash};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Without NAME, shows the current profile.

Examples:
  oi profile show
  oi profile show work")]
pub(crate) struct Args {
    #[command(flatten)]
    name: Optional<ProfileName>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShowOutput {
    #[serde(flatten)]
    profile: Shown,
    config_path: String,
}

pub(super) fn run(args: &Args, app: &mut App<'_>) -> Result<(), CliError> {
    let config = app.config()?;
    let active = app.sources(Ok(&config)).profile_name();
    let (name, active) = match (&args.name.0, active) {
        // An invalid default profile does not matter here.
        (Some(name), active) => (name.clone(), active.ok()),
        (None, active) => active.map(|name| (name.clone(), Some(name)))?,
    };
    let name = &name;
    let profile = config
        .profiles
        .get(name)
        .ok_or_else(|| missing(name, config.profiles.is_empty()))?;
    let output = ShowOutput {
        profile: Shown::new(name, active.as_ref() == Some(name), profile),
        config_path: app.store.file()?.display().to_string(),
    };
    app.out.print(&output, |style| {
        let shown = &output.profile;
        let [app_url, api_url] = shown.server_rows();
        let rows = [
            app_url,
            api_url,
            ("token", or_dash(shown.token.as_ref())),
            ("agent id", or_dash(shown.agent_id.as_ref())),
            ("config", plain(&output.config_path)),
        ];
        let current = if shown.current { " (current)" } else { "" };
        let name = style.bold(&plain(&shown.name));
        format!("{name}{current}\n{}", fields(&rows, style))
    })
}

fn missing(name: &str, none_at_all: bool) -> Failure {
    let failure = profile_not_found(name);
    if none_at_all {
        failure.next("oi profile set --app-url https://openindex.example.com --token -")
    } else {
        failure
    }
}
