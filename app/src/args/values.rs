//! Parsers of the values of flags and variables.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::PathBuf;

use axum::http::HeaderValue;
use ipnet::IpNet;
use openindex_adapters_system::SystemClock;
use openindex_domain::clock::{Clock as _, Timestamp};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::EnvFilter;

/// Parses the path of a file. Rejects a URL, which may contain a password, and what is in the file:
/// paths are printed.
pub(super) fn file(text: &str) -> Result<PathBuf, &'static str> {
    if text.contains("://") {
        Err("must be the path of a file, not a URL (a database URL belongs in DATABASE_URL)")
    } else if text.is_empty() || text.contains(char::is_control) || text.contains("-----") {
        Err("must be the path of a file, not what is in it")
    } else {
        Ok(text.into())
    }
}

/// Parses the path of a backup. Rejects standard output, to which no database can be copied.
pub(super) fn backup_file(text: &str) -> Result<PathBuf, &'static str> {
    if text == "-" {
        Err("must be the path of a file (standard output is not supported)")
    } else {
        file(text)
    }
}

/// Parses `now`, a date or a date-time.
pub(super) fn time(text: &str) -> Result<Timestamp, &'static str> {
    match text.trim() {
        "now" => Ok(SystemClock.now()),
        text => Timestamp::parse_since(text)
            .ok_or("must be now, a date such as 2026-12-31, or an RFC 3339 date-time"),
    }
}

/// Parses an IP address and a port. Rejects host names: one can have several addresses, and the
/// server would listen on only one of them.
pub(super) fn socket_address(text: &str) -> Result<SocketAddr, &'static str> {
    text.trim().parse().map_err(|_| {
        "must be an IP address and a port, such as 127.0.0.1:8080, 0.0.0.0:8080 or [::1]:8080 \
         (host names are not accepted: for localhost write 127.0.0.1)"
    })
}

/// Parses a whole number from `MIN` to `MAX`.
pub(super) fn number<T: TryFrom<u64>, const MIN: u64, const MAX: u64>(
    text: &str,
) -> Result<T, String> {
    let number = text.trim().parse().ok();
    number
        .filter(|number| (MIN..=MAX).contains(number))
        .and_then(|number| T::try_from(number).ok())
        .ok_or_else(|| format!("must be a whole number from {MIN} to {MAX}, digits only"))
}

/// Parses a limit: at least 1, since 0 would let nothing through.
pub(super) fn at_least_one(text: &str) -> Result<usize, &'static str> {
    text.trim()
        .parse::<NonZeroUsize>()
        .map(NonZeroUsize::get)
        .map_err(|_| "must be a whole number of at least 1, digits only")
}

/// Parses the name of a PostgreSQL role. PostgreSQL reads `public` as every role, even in quotes.
pub(super) fn role(text: &str) -> Result<String, &'static str> {
    match text {
        "public" | "none" => Err("must name a single role (public and none are reserved)"),
        _ => identifier(text),
    }
}

/// Parses a PostgreSQL identifier. PostgreSQL would truncate a longer one, and so grant to another
/// role.
pub(super) fn identifier(text: &str) -> Result<String, &'static str> {
    if (1..=63).contains(&text.len()) && !text.chars().any(char::is_control) {
        Ok(text.to_owned())
    } else {
        Err("must be 1 to 63 bytes without control characters")
    }
}

/// Parses a log filter. Rejects a word that is neither a level nor one of our targets: it is
/// usually a mistyped level, and would silence everything.
pub(super) fn log_filter(text: &str) -> Result<String, &'static str> {
    let is_known = |directive: &str| {
        let directive = directive.trim();
        // A URL may contain a password, and filters are printed.
        if directive.contains("://") {
            return false;
        }
        directive.contains(['=', '[', ':'])
            || directive.starts_with("openindex")
            || directive.starts_with("oi_server")
            || (!directive.is_empty() && directive.parse::<LevelFilter>().is_ok())
    };
    let text = text.trim();
    if text.split(',').all(is_known) && EnvFilter::try_new(text).is_ok() {
        Ok(text.to_owned())
    } else {
        Err(
            "must be a level (error, warn, info, debug, trace or off) or a filter such as \
             openindex_app=debug,warn",
        )
    }
}

/// Parses an IP address or a network.
pub(super) fn network(text: &str) -> Result<IpNet, &'static str> {
    let text = text.trim();
    text.parse::<IpNet>()
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
        .map_err(|_| "must be an IP address such as 10.0.0.1 or a network such as 10.0.0.0/8")
}

/// Parses an origin and returns it as browsers write it: lower case, without the scheme's default
/// port. Rejects patterns: others decide later which sites a pattern matches.
pub(super) fn origin(text: &str) -> Result<HeaderValue, &'static str> {
    let wrong = "must be an origin such as https://app.example.com: scheme, host and optional \
                 port, without a path or *";
    let text = text.trim();
    let url = url::Url::parse(text).map_err(|_| wrong)?;
    let is_plain = matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && url.username().is_empty()
        && url.password().is_none()
        && !text.contains(['*', '@', '?', '#', '\\'])
        // Two slashes after the scheme, none after the host.
        && text.matches('/').count() == 2;
    if !is_plain {
        return Err(wrong);
    }
    HeaderValue::try_from(url.origin().ascii_serialization()).map_err(|_| wrong)
}

/// Parses an http or https URL and returns it without a trailing slash.
pub(super) fn public_url(text: &str) -> Result<String, &'static str> {
    plain_url(
        text,
        "must be an http or https URL such as https://openindex.example.com, without a user name, \
         a password or a query",
    )
}

/// Parses the base URL of a collector.
pub(super) fn collector(text: &str) -> Result<String, &'static str> {
    let url = plain_url(
        text,
        "must be an http or https URL such as http://127.0.0.1:4318, without a user name, a \
         password or a query",
    )?;
    if url.ends_with("/v1/traces") {
        return Err("must be the base URL of the collector: remove /v1/traces, which is appended");
    }
    Ok(url)
}

fn plain_url(text: &str, wrong: &'static str) -> Result<String, &'static str> {
    let url = url::Url::parse(text).map_err(|_| wrong)?;
    let plain = matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    if plain {
        Ok(url.as_str().trim_end_matches('/').to_owned())
    } else {
        Err(wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_at_least_one() {
        assert_eq!(at_least_one("1"), Ok(1));
        for text in ["0", "-1", "", "many"] {
            assert!(at_least_one(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_log_filter_names_a_level_or_one_of_our_targets() {
        for text in [
            "info",
            "OFF",
            " debug ",
            "openindex_app=debug,warn",
            "trace,sqlx=trace",
            "oi_server",
        ] {
            assert_eq!(log_filter(text).as_deref(), Ok(text.trim()));
        }
        let url = "postgres://u:hunter2@db";
        for text in [
            "inof",
            "",
            "warning",
            "info,",
            "nonsense=[",
            "debug,inof",
            url,
        ] {
            assert!(log_filter(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn an_origin_is_exact() {
        for (text, origin) in [
            ("https://app.example.com", "https://app.example.com"),
            (" https://App.Example.com:443", "https://app.example.com"),
            ("http://localhost:3000", "http://localhost:3000"),
            ("http://[::1]:3000", "http://[::1]:3000"),
        ] {
            assert_eq!(super::origin(text).unwrap(), origin, "{text}");
        }
        for text in [
            "",
            "*",
            "null",
            "https://*.example.com",
            "https://app.example.com/",
            "https://app.example.com/path",
            "https://app.example.com?x",
            "https://ada@app.example.com",
            "app.example.com",
            "//app.example.com",
            "file:///etc",
            "ftp://app.example.com",
            "https://",
        ] {
            assert!(super::origin(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_name_that_postgresql_would_truncate_is_invalid() {
        for text in ["openindex", "Weird \" name; --", &"x".repeat(63)] {
            assert_eq!(identifier(text).as_deref(), Ok(text));
        }
        assert!(role("public").is_err());
        assert_eq!(role("Public").as_deref(), Ok("Public"));
        for text in ["", "a\nb", "a\0b", &"x".repeat(64), &"é".repeat(32)] {
            assert!(identifier(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn the_url_of_a_collector_is_its_base() {
        let url = "https://collector.example/otlp";
        assert_eq!(collector(&format!("{url}/")).as_deref(), Ok(url));
        for text in ["", "/v1/traces", "/v1/traces/"] {
            let is_base = text.is_empty();
            assert_eq!(
                collector(&format!("{url}{text}")).is_ok(),
                is_base,
                "{text}"
            );
        }
    }

    #[test]
    fn a_public_url_loses_its_trailing_slash() {
        assert_eq!(
            public_url("https://oi.example.com/api/").unwrap(),
            "https://oi.example.com/api"
        );
        for text in [
            "",
            "oi.example.com",
            "ftp://oi.example.com",
            "https://a:b@oi.example.com",
            "https://oi.example.com/?token=1",
        ] {
            assert!(public_url(text).is_err(), "{text}");
        }
    }
}
