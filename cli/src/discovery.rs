//! Discovers the URL of a server's API, and decides whether to trust it.
//!
//! Tokens are sent to this URL, so it may have another origin than the server only if the response
//! cannot have been tampered with: from https to https, or from this machine to itself. Discovery
//! runs only when a profile is set or an invite is claimed, and the result is saved in the profile:
//! a server that is compromised later cannot redirect tokens.

use openindex_adapters_http::client::{BaseUrl, Client};

/// The URL of the API, and how it was determined.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Resolution {
    pub(crate) api_url: BaseUrl,
    pub(crate) source: &'static str,
    /// A note to the user about the choice.
    pub(crate) note: Option<String>,
}

/// The server announced the URL.
pub(crate) const DISCOVERY: &str = "discovery";
/// The API is assumed to be at the server's URL.
pub(crate) const APP_URL: &str = "app_url";
/// The profile already contains the URL.
pub(crate) const PROFILE: &str = "profile";

/// Asks the server for its API URL, without a token. Falls back to the server's own URL.
pub(crate) fn discover(client: &Client) -> Resolution {
    let app_url = client.api_url();
    match client.discovery() {
        Ok(discovery) => decide(app_url, &discovery.api_url),
        Err(error) => at_app_url(app_url, format!("could not discover the API URL: {error}")),
    }
}

fn decide(app_url: &BaseUrl, announced: &str) -> Resolution {
    let Ok(api_url) = BaseUrl::parse(announced) else {
        let why = format!("announced by {app_url}: it is not a valid URL");
        return at_app_url(app_url, format!("ignored the API URL {why}"));
    };
    let is_same = api_url.same_origin(app_url);
    let is_trusted = (app_url.is_https() && api_url.is_https())
        || (app_url.is_loopback() && api_url.is_loopback());
    if !is_same && !is_trusted {
        let note = format!(
            "ignored the API URL {api_url} announced by {app_url}: plain HTTP cannot redirect \
             tokens to another origin"
        );
        return at_app_url(app_url, note);
    }
    let note = format!("{app_url} announces its API at {api_url}; tokens are sent there");
    Resolution {
        api_url,
        source: DISCOVERY,
        note: (!is_same).then_some(note),
    }
}

fn at_app_url(app_url: &BaseUrl, note: String) -> Resolution {
    Resolution {
        api_url: app_url.clone(),
        source: APP_URL,
        note: Some(note),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_redirected_to_another_origin_only_over_a_trusted_path() {
        for (app_url, announced, api_url, source, noted) in [
            (
                "https://x.example",
                "https://x.example/api",
                "https://x.example/api",
                DISCOVERY,
                false,
            ),
            (
                "http://x.example",
                "http://x.example",
                "http://x.example",
                DISCOVERY,
                false,
            ),
            (
                "https://x.example",
                "https://api.x.example",
                "https://api.x.example",
                DISCOVERY,
                true,
            ),
            (
                "http://localhost:1",
                "http://127.0.0.1:1",
                "http://127.0.0.1:1",
                DISCOVERY,
                true,
            ),
            (
                "https://x.example",
                "http://x.example",
                "https://x.example",
                APP_URL,
                true,
            ),
            (
                "http://x.example",
                "https://y.example",
                "http://x.example",
                APP_URL,
                true,
            ),
            (
                "http://localhost:1",
                "http://x.example",
                "http://localhost:1",
                APP_URL,
                true,
            ),
            (
                "https://x.example",
                "https://u:p@x.example",
                "https://x.example",
                APP_URL,
                true,
            ),
            ("https://x.example", "", "https://x.example", APP_URL, true),
        ] {
            let resolution = decide(&BaseUrl::parse(app_url).unwrap(), announced);
            let case = format!("{app_url} {announced}");
            assert_eq!(resolution.api_url.as_str(), api_url, "{case}");
            assert_eq!(resolution.source, source, "{case}");
            assert_eq!(resolution.note.is_some(), noted, "{case}");
        }
    }
}
