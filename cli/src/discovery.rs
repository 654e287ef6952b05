//! Where a server's API is: the server says it, and this decides whether to believe it.
//!
//! The token goes where this points, so a server may point to another origin only where nobody
//! in between can have written the answer: from https to https, or from this machine to itself.
//! It is asked when a profile is set, and what was decided is kept in the profile; no other
//! command asks, so nothing that happens to the server later moves the token elsewhere.

use openindex_adapters_http::client::{BaseUrl, Client};

/// Where the API is, and how that is known.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Resolution {
    pub(crate) api_url: BaseUrl,
    pub(crate) source: &'static str,
    /// Something the user should know about it.
    pub(crate) note: Option<String>,
}

/// The server said it.
pub(crate) const DISCOVERY: &str = "discovery";
/// It is taken to be where the server is.
pub(crate) const APP_URL: &str = "app_url";
/// The profile had it.
pub(crate) const PROFILE: &str = "profile";

/// Asks the server, without a token. A server that cannot be asked is taken at its address.
pub(crate) fn discover(client: &Client) -> Resolution {
    let app_url = client.api_url();
    match client.discovery() {
        Ok(discovery) => decide(app_url, &discovery.api_url),
        Err(error) => at_app_url(
            app_url,
            format!("the server was not asked for its API: {error}"),
        ),
    }
}

fn decide(app_url: &BaseUrl, said: &str) -> Resolution {
    let Ok(api_url) = BaseUrl::parse(said) else {
        return at_app_url(
            app_url,
            format!("{app_url} says that its API is at an address that is none; it was ignored"),
        );
    };
    if api_url.same_origin(app_url) {
        return Resolution {
            api_url,
            source: DISCOVERY,
            note: None,
        };
    }
    let believable = (app_url.is_https() && api_url.is_https())
        || (app_url.is_loopback() && api_url.is_loopback());
    if believable {
        let note = format!("{app_url} says that its API is at {api_url}: tokens are sent there");
        return Resolution {
            api_url,
            source: DISCOVERY,
            note: Some(note),
        };
    }
    at_app_url(
        app_url,
        format!(
            "{app_url} says that its API is at {api_url}; it was ignored, since an answer over \
             plain http may not move tokens to another place"
        ),
    )
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
    fn a_token_is_led_to_another_origin_only_where_nobody_can_interfere() {
        for (app_url, said, api_url, source, noted) in [
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
            let resolution = decide(&BaseUrl::parse(app_url).unwrap(), said);
            assert_eq!(resolution.api_url.as_str(), api_url, "{app_url} {said}");
            assert_eq!(resolution.source, source, "{app_url} {said}");
            assert_eq!(resolution.note.is_some(), noted, "{app_url} {said}");
        }
    }
}
