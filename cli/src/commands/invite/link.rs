//! Parses invite links: the code, and the server to claim it at.

use openindex_adapters_http::client::BaseUrl;
use openindex_domain::OpaqueSecret;

use crate::error::{Failure, Named as _};
use crate::token;

/// An invite code, alone or from a link.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) code: OpaqueSecret,
    /// Candidates for the server's URL, most likely first; empty for a code alone.
    pub(super) servers: Vec<BaseUrl>,
}

impl Link {
    /// Parses a code or a link. The code can be anywhere in the link: it is the only part that
    /// looks like one. The text is a secret, so no failure quotes it.
    pub(super) fn parse(text: &str) -> Result<Self, Failure> {
        let text = token::compact(text);
        if text.contains(|c| token::QUOTES.contains(c)) {
            return Err(Failure::usage(
                "remove the quotes; pass only the link or its code",
            ));
        }
        if let Some(code) = OpaqueSecret::parse(&text) {
            return Ok(Self {
                code,
                servers: Vec::new(),
            });
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(Failure::usage(
                "not an invite: pass the whole link, or its code of 43 characters",
            ));
        };
        let (rest, fragment) = rest.split_once('#').unwrap_or((rest, ""));
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let mut segments: Vec<&str> = rest.split('/').collect();
        let host = segments.remove(0);
        let values = |text: &'_ str| -> Vec<String> {
            let pairs = text.split('&');
            pairs
                .map(|pair| pair.split_once('=').map_or(pair, |(_, value)| value))
                .map(str::to_owned)
                .collect()
        };
        let in_path = segments.iter().map(|segment| (*segment).to_owned());
        let mut codes = in_path
            .chain(values(query))
            .chain(values(fragment))
            .filter_map(|part| OpaqueSecret::parse(&part));
        let (Some(code), None) = (codes.next(), codes.next()) else {
            return Err(Failure::usage(
                "no invite code in the link: pass the whole link with its code of 43 characters",
            ));
        };
        // The invite page is one path segment below the server's URL, which may have a path itself.
        segments.retain(|segment| !segment.is_empty() && *segment != code.expose());
        segments.pop();
        let mut servers: Vec<BaseUrl> = Vec::new();
        for path in [segments.join("/"), String::new()] {
            let url = format!("{scheme}://{host}/{path}");
            let url = BaseUrl::parse(&url).named("invalid link:")?;
            if !servers.contains(&url) {
                servers.push(url);
            }
        }
        Ok(Self { code, servers })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: &str = "abcdefghijklmnopqrstuvwxyz0123456789_-ABCDE";

    fn servers(text: &str) -> Vec<String> {
        let link = Link::parse(text).unwrap();
        assert_eq!(link.code.expose(), CODE);
        link.servers.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_code_can_be_alone_or_anywhere_in_a_link() {
        assert!(servers(&format!("\u{feff} {CODE}\r\n\n")).is_empty());
        let wrapped = format!("https://x.example/jo\n  in/{CODE}\n");
        assert_eq!(servers(&wrapped), ["https://x.example"]);
        for text in [
            format!("https://x.example/join/{CODE}"),
            format!("https://x.example/join/{CODE}/"),
            format!("https://x.example/join#{CODE}"),
            format!("https://x.example/join#code={CODE}"),
            format!("https://x.example/join?code={CODE}&lang=de"),
            format!("https://x.example/{CODE}"),
        ] {
            assert_eq!(servers(&text), ["https://x.example"], "{text}");
        }
        assert_eq!(
            servers(&format!("http://127.0.0.1:8080/oi/join/{CODE}")),
            ["http://127.0.0.1:8080/oi", "http://127.0.0.1:8080"]
        );
    }

    #[test]
    fn anything_else_is_an_error_that_does_not_quote_it() {
        let twice = format!("https://x.example/{CODE}?a={CODE}");
        let short = format!("https://x.example/join/{}", &CODE[1..]);
        let ftp = format!("ftp://x.example/join/{CODE}");
        let user = format!("https://ada:hunter2@x.example/join/{CODE}");
        let quoted = format!("<https://x.example/join/{CODE}>");
        for text in [
            "",
            "hello",
            &CODE[1..],
            &twice,
            &short,
            &ftp,
            &user,
            &quoted,
        ] {
            let failure = Link::parse(text).unwrap_err();
            assert_eq!(failure.exit, crate::exit_code::ExitCode::Usage, "{text}");
            assert!(!failure.message.contains(&CODE[1..]), "{text}");
            assert!(!failure.message.contains("hunter2"), "{text}");
        }
    }
}
