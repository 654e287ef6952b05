//! The URL of a database, checked before the driver reads it: the driver quotes what it does not
//! understand, in its log and in its errors, and any of that may be a part of the password.

use std::net::IpAddr;

use openindex_domain::StoreError;
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use crate::pooling::PoolMode;

/// What the driver knows, beside `options[…]`.
const PARAMETERS: [&str; 20] = [
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "statement-cache-capacity",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
    "channel_binding",
    POOL_MODE,
];

/// The parameter that tells what a pooler in between does; not the driver's.
const POOL_MODE: &str = "pool_mode";

/// Why a URL cannot be used. It repeats nothing of it but the name of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum InvalidUrl {
    #[error("a PostgreSQL URL begins with postgres:// or postgresql://")]
    Scheme,
    #[error("the PostgreSQL URL has white space in it; percent-encode it (a space is %20)")]
    WhiteSpace,
    #[error(
        "the PostgreSQL URL has a {0} at the wrong place; in the password, write it as {1} \
         (percent-encoded, as @ is %40)"
    )]
    Unencoded(char, &'static str),
    #[error(
        "the PostgreSQL URL has no valid host and port; write postgres://user:password@host:port/database \
         and percent-encode special characters in the password (@ is %40, / is %2F, ? is %3F)"
    )]
    Authority,
    #[error("the parameter {0} of the PostgreSQL URL has an invalid value")]
    Value(&'static str),
}

/// Reads the URL, and from it what it says of a pooler. Parameters that the driver does not know are
/// named in the log, and left out.
pub(crate) fn parse(url: &str) -> Result<(PgConnectOptions, Option<PoolMode>), StoreError> {
    let Checked {
        url,
        unknown,
        pool_mode,
    } = check(url.trim()).map_err(StoreError::corrupt)?;
    for name in unknown {
        tracing::warn!(
            name,
            "ignoring a parameter of the database URL that is not supported"
        );
    }
    // The driver's own error would quote the URL.
    let parsed = url.parse::<PgConnectOptions>();
    let options = parsed.map_err(|_| StoreError::corrupt(InvalidUrl::Authority))?;
    // The driver takes the brackets of an IPv6 address for a part of a name.
    let host = options.get_host();
    let options = match host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
    {
        Some(address) => options.clone().host(address),
        None => options,
    };
    // Poolers refuse the parameter, and no column is a floating-point number.
    let options = options.extra_float_digits(None);
    Ok((options.application_name("openindex"), pool_mode))
}

/// A URL with the parameters that the driver knows, the names of the others, and the one that is
/// ours.
#[derive(Debug)]
struct Checked<'u> {
    url: String,
    unknown: Vec<&'u str>,
    pool_mode: Option<PoolMode>,
}

fn check(url: &str) -> Result<Checked<'_>, InvalidUrl> {
    let (scheme, rest) = url.split_once("://").ok_or(InvalidUrl::Scheme)?;
    if !matches!(scheme, "postgres" | "postgresql") {
        return Err(InvalidUrl::Scheme);
    }
    if rest.contains(char::is_whitespace) {
        return Err(InvalidUrl::WhiteSpace);
    }
    if rest.contains('#') {
        return Err(InvalidUrl::Unencoded('#', "%23"));
    }
    let (before, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, path) = before.split_once('/').unwrap_or((before, ""));
    if path.contains('@') {
        return Err(InvalidUrl::Unencoded('/', "%2F"));
    }
    let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    if !is_percent_encoded(user) {
        return Err(InvalidUrl::Unencoded('%', "%25"));
    }
    let port = match host.rsplit_once(':') {
        Some((_, port)) if !host.ends_with(']') => port,
        _ => "",
    };
    if !port.is_empty() && port.parse::<u16>().is_err() {
        return Err(InvalidUrl::Authority);
    }
    let mut kept: Vec<&str> = Vec::new();
    let mut unknown = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair
            .split_once('=')
            .filter(|(name, _)| is_name(name))
            .ok_or(InvalidUrl::Unencoded('?', "%3F"))?;
        if value.contains('?') || (name != "user" && value.contains('@')) {
            return Err(InvalidUrl::Unencoded('?', "%3F"));
        }
        if let Some(known) = PARAMETERS.iter().find(|known| **known == name) {
            check_value(known, value)?;
            kept.push(pair);
        } else if name.starts_with("options[") {
            kept.push(pair);
        } else {
            unknown.push(name);
        }
    }
    let pool_mode = kept.iter().find_map(|pair| pair.strip_prefix("pool_mode="));
    let pool_mode = pool_mode.and_then(PoolMode::parse);
    kept.retain(|pair| !pair.starts_with("channel_binding=") && !pair.starts_with("pool_mode="));
    let mut url = format!("{scheme}://{before}");
    if !kept.is_empty() {
        url.push('?');
        url.push_str(&kept.join("&"));
    }
    Ok(Checked {
        url,
        unknown,
        pool_mode,
    })
}

/// Whether each % begins an encoded byte. The driver would take another one as it is, and a
/// password with `%41` in it for one with an `A`.
fn is_percent_encoded(text: &str) -> bool {
    text.split('%').skip(1).all(|after| {
        let digits = after.bytes().take(2);
        digits.filter(u8::is_ascii_hexdigit).count() == 2
    })
}

/// Whether it can be the name of a parameter, and not a part of a password.
fn is_name(text: &str) -> bool {
    let text = text.replace("%5B", "[").replace("%5D", "]");
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b"_-.[]".contains(&b))
}

fn check_value(name: &'static str, value: &str) -> Result<(), InvalidUrl> {
    let valid = match name {
        "sslmode" | "ssl-mode" => value.parse::<PgSslMode>().is_ok(),
        "port" => value.parse::<u16>().is_ok(),
        "hostaddr" => value.parse::<IpAddr>().is_ok(),
        "statement-cache-capacity" => value.parse::<usize>().is_ok(),
        POOL_MODE => PoolMode::parse(value).is_some(),
        // The driver always offers it.
        "channel_binding" => matches!(value, "disable" | "prefer" | "require"),
        _ => true,
    };
    if valid {
        Ok(())
    } else {
        Err(InvalidUrl::Value(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_address_is_taken_without_its_brackets() {
        let (options, _) = parse("postgres://u:p@[::1]:6432/db").unwrap();
        assert_eq!((options.get_host(), options.get_port()), ("::1", 6432));
    }

    #[test]
    fn no_error_repeats_a_part_of_the_url() {
        for (url, expected) in [
            ("postgres://u:hun#ter2@h/db", "write it as %23"),
            ("postgres://u:hun/ter2@h/db", "write it as %2F"),
            ("postgres://u:12/ter2@h/db", "write it as %2F"),
            ("postgres://u:hun?ter2@h/db", "? is %3F"),
            ("postgres://u:12?hun=ter2?", "write it as %3F"),
            ("postgres://u:hunter2", "percent-encode"),
            ("postgres://u:hunter2@h:hunter2/db", "percent-encode"),
            ("postgres://u:hun ter2@h/db", "white space"),
            ("postgres://u@h/db?sslmode=hunter2", "the parameter sslmode"),
            ("postgres://u@h/db?port=hunter2", "the parameter port"),
            (
                "postgres://u@h/db?hostaddr=hunter2",
                "the parameter hostaddr",
            ),
            ("postgres://u:%ff@h/db", "percent-encode"),
            ("postgres://u:100%hunter2@h/db", "write it as %25"),
            ("postgres://u:hunter2%@h/db", "write it as %25"),
            ("postgres://u:p@hunter2?a=b@h/db", "write it as %3F"),
            ("postgres://u:p@hunter2/x@h/db", "write it as %2F"),
            (
                "postgres://u@h/db?pool_mode=hunter2",
                "the parameter pool_mode",
            ),
            ("\"postgres://u:hunter2@h/db\"", "begins with postgres://"),
            ("postgres:hunter2", "begins with postgres://"),
        ] {
            let error = parse(url).unwrap_err();
            let message = std::error::Error::source(&error).unwrap().to_string();
            assert!(message.contains(expected), "{url}: {message}");
            for part in ["hunter2", "ter2", "hun/"] {
                assert!(!message.contains(part), "{url}: {message}");
            }
        }
    }

    #[test]
    fn an_unknown_parameter_is_left_out_and_known_by_its_name_alone() {
        let url = "postgres://u:p%40w@h:1/db?sslpassword=hunter2&sslmode=require&connect_timeout=3";
        let checked = check(url).unwrap();
        assert_eq!(checked.url, "postgres://u:p%40w@h:1/db?sslmode=require");
        assert_eq!(checked.unknown, ["sslpassword", "connect_timeout"]);
        assert_eq!(checked.pool_mode, None);
        for name in ["Hunter2", "hunter2", "a@h/db", ""] {
            assert!(!is_name(name), "{name}");
        }
    }

    #[test]
    fn what_a_pooler_does_can_be_told() {
        for (url, expected) in [
            ("postgres://u@h/db", None),
            (
                "postgres://u@h/db?pool_mode=transaction",
                Some(PoolMode::Transaction),
            ),
            (
                "postgres://u@h/db?sslmode=disable&pool_mode=session",
                Some(PoolMode::Session),
            ),
        ] {
            assert_eq!(parse(url).unwrap().1, expected, "{url}");
        }
    }

    #[test]
    fn what_the_driver_takes_is_taken() {
        for url in [
            "postgres://u@h/db",
            "postgresql://u:p@ss@h:5432/db?sslmode=verify-full&sslrootcert=/a.pem",
            "postgres://u:p:w@h/db",
            "postgres://[::1]:5432/db",
            "postgres://[::1]/db",
            "postgres:///db?host=/var/run/postgresql&user=ada@server",
            "postgres://%2Fvar%2Frun/db",
            "postgres://u@h/db?options=-c%20a%3Db&options[search_path]=x",
            "postgres://u@h/db?channel_binding=require",
            " postgres://u@h/db\n",
        ] {
            assert!(parse(url).is_ok(), "{url}");
        }
    }
}
