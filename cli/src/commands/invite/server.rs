//! Chooses the server to claim an invite at.

use openindex_adapters_http::client::BaseUrl;

use crate::commands::prelude::*;
use crate::config::Config;
use crate::discovery::{self, DISCOVERY, Resolution};
use crate::environment;
use crate::resolve::{Server, ServerSource, base_url, profile_server};

use super::link::Link;

/// The server to claim an invite at.
pub(super) struct ClaimServer {
    pub(super) app_url: BaseUrl,
    pub(super) api_url: BaseUrl,
    /// A note to the user about the choice.
    pub(super) note: Option<String>,
}

/// Returns the server in the link; for a code alone, the configured server.
pub(super) fn find(link: &Link, app: &App<'_>, config: &Config) -> Result<ClaimServer, CliError> {
    let given = app.globals.app_url.as_deref();
    let given = given.map(|url| base_url(url, "--app-url")).transpose()?;
    let candidates = match (given, link.servers.last()) {
        (Some(url), Some(linked)) if !url.same_origin(linked) => {
            let message = format!("the link is for {linked}, but --app-url is {url}");
            return Err(Failure::usage(message).into());
        }
        (Some(url), _) => vec![url],
        (None, Some(_)) => link.servers.clone(),
        (None, None) => match app.environment.get(environment::APP_URL)? {
            Some(url) => vec![base_url(&url, environment::APP_URL)?],
            None => return profile_or_default(app, config),
        },
    };
    let mut found: Option<(BaseUrl, Resolution)> = None;
    for url in candidates {
        let client = app.client(&url, None)?;
        client.check_confidential()?;
        let resolution = discovery::discover(&client);
        let discovered = resolution.source == DISCOVERY;
        if discovered || found.is_none() {
            found = Some((url, resolution));
        }
        if discovered {
            break;
        }
    }
    let (app_url, resolution) =
        found.ok_or_else(|| Failure::usage("the link contains no server; pass --app-url"))?;
    Ok(ClaimServer {
        app_url,
        api_url: resolution.api_url,
        note: resolution.note,
    })
}

/// Returns the profile's server, or else the default one. The profile may not exist yet.
fn profile_or_default(app: &App<'_>, config: &Config) -> Result<ClaimServer, CliError> {
    let name = app.sources(Ok(config)).profile_name()?;
    let server = profile_server(config, &name)?.map_or_else(Server::default_one, Ok)?;
    let note = (server.source == ServerSource::Default).then(|| {
        format!(
            "no server is configured; claiming the invite at {} on this machine (for another \
             server, pass the whole link)",
            server.api_url
        )
    });
    Ok(ClaimServer {
        app_url: server.app_url,
        api_url: server.api_url,
        note,
    })
}
