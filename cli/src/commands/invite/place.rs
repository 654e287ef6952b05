//! Which server an invite is claimed at.

use openindex_adapters_http::client::BaseUrl;

use crate::app::App;
use crate::config::Config;
use crate::discovery::{self, DISCOVERY, Resolution};
use crate::environment;
use crate::error::{CliError, Failure};
use crate::resolve::{Server, ServerSource, base_url, profile_server};

use super::link::Link;

/// Where to claim it.
pub(super) struct Place {
    pub(super) app_url: BaseUrl,
    pub(super) api_url: BaseUrl,
    /// Something the user should know about it.
    pub(super) note: Option<String>,
}

/// The server that the link leads to; for a code alone, the one that other commands would use.
pub(super) fn find(link: &Link, app: &App<'_>, config: &Config) -> Result<Place, CliError> {
    let given = app.globals.app_url.as_deref();
    let given = given.map(|url| base_url(url, "--app-url")).transpose()?;
    let candidates = match (given, link.servers.last()) {
        (Some(url), Some(leads_to)) if !url.same_origin(leads_to) => {
            let message = format!("the link leads to {leads_to}, and --app-url to {url}");
            return Err(Failure::usage(message).into());
        }
        (Some(url), _) => vec![url],
        (None, Some(_)) => link.servers.clone(),
        (None, None) => match app.environment.get(environment::APP_URL)? {
            Some(url) => vec![base_url(&url, environment::APP_URL)?],
            None => return stored_server(app, config),
        },
    };
    let mut found: Option<(BaseUrl, Resolution)> = None;
    for url in candidates {
        let client = app.client(&url, None)?;
        client.check_confidential()?;
        let resolution = discovery::discover(&client);
        let answered = resolution.source == DISCOVERY;
        if answered || found.is_none() {
            found = Some((url, resolution));
        }
        if answered {
            break;
        }
    }
    let (app_url, resolution) =
        found.ok_or_else(|| Failure::usage("the link names no server; pass --app-url"))?;
    Ok(Place {
        app_url,
        api_url: resolution.api_url,
        note: resolution.note,
    })
}

/// The profile's server, which need not exist yet: the token will be stored in it.
fn stored_server(app: &App<'_>, config: &Config) -> Result<Place, CliError> {
    let name = app.sources(Ok(config)).profile_name()?;
    let stored = match config.profiles.get(&name) {
        Some(profile) => profile_server(&name, profile)?,
        None => None,
    };
    let server = match stored {
        Some(server) => server,
        None => Server::default_one()?,
    };
    let note = (server.source == ServerSource::Default).then(|| {
        format!(
            "no server is set; claiming at {} on this machine (the whole link would say where)",
            server.api_url
        )
    });
    Ok(Place {
        app_url: server.app_url,
        api_url: server.api_url,
        note,
    })
}
