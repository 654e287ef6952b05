//! Checks a database URL before the driver parses it: the driver quotes what it does not
//! understand, in its log and in its errors, and any of that may be part of the password.

use std::borrow::Cow;
use std::net::IpAddr;

use openindex_domain::StoreError;
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use crate::pooling::PoolMode;
use crate::unsupported;

/// The parameters besides `options[…]`: the driver's, then our own. They are named when another one
/// is unknown.
const PARAMETERS: [&str; 17] = [
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "channel_binding",
    "application_name",
    "options",
    "statement-cache-capacity",
    TARGET,
    POOL_MODE,
    PGBOUNCER,
];

/// Not named: other names of the driver's parameters, and `gssencmode`, which has one valid value.
const ALIASES: [&str; 6] = [
    "ssl-mode",
    "ssl-root-cert",
    "ssl-ca",
    "ssl-cert",
    "ssl-key",
    "gssencmode",
];

/// Variables whose invalid values the driver would replace with the default, or find only when it
/// connects; each with the parameter of the same meaning.
const VARIABLES: [(&str, &str); 8] = [
    ("PGSSLMODE", "sslmode"),
    ("PGPORT", "port"),
    ("PGHOST", "host"),
    ("PGHOSTADDR", "hostaddr"),
    ("PGSSLROOTCERT", "sslrootcert"),
    ("PGSSLCERT", "sslcert"),
    ("PGSSLKEY", "sslkey"),
    ("PGTARGETSESSIONATTRS", TARGET),
];

/// Which of several hosts to use. It can only be the primary.
const TARGET: &str = "target_session_attrs";

/// Declares the mode of a pooler; not a parameter of the driver.
const POOL_MODE: &str = "pool_mode";
/// Prisma's parameter for a pooler in transaction mode.
const PGBOUNCER: &str = "pgbouncer";

/// Why a URL is invalid. The messages repeat nothing of it except the names of parameters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum InvalidUrl {
    #[error("a PostgreSQL URL must begin with postgres:// or postgresql://")]
    Scheme,
    #[error("whitespace in the PostgreSQL URL; percent-encode it (a space is %20)")]
    WhiteSpace,
    #[error(
        "unexpected {0} in the PostgreSQL URL; in the password, write it as {1} (percent-encoded, \
         as @ is %40)"
    )]
    Unencoded(char, &'static str),
    #[error(
        "invalid host or port in the PostgreSQL URL; write \
         postgres://user:password@host:port/database and percent-encode special characters in the \
         password (@ is %40, / is %2F, ? is %3F)"
    )]
    Authority,
    #[error(
        "multiple hosts must be in the PostgreSQL URL, as \
         postgres://user:password@host1:port1,host2:port2/database"
    )]
    Hosts,
    #[error("invalid value of parameter {0} in the PostgreSQL URL{hint}", hint = allowed(.0))]
    Value(&'static str),
    #[error("invalid value of environment variable {0}{hint}", hint = allowed(.1))]
    Variable(&'static str, &'static str),
    #[error("parameter {0} of the PostgreSQL URL must be lower case")]
    Case(&'static str),
    #[error("unsupported parameter {0} in the PostgreSQL URL; {1}")]
    Unsupported(&'static str, &'static str),
    #[error(
        "unknown parameter {0} in the PostgreSQL URL; remove it, or use one of {known}",
        known = PARAMETERS.join(", ")
    )]
    Unknown(String),
    #[error(
        "unknown parameter after ? in the PostgreSQL URL; remove it, or, if the ? is part of the \
         password, write it as %3F"
    )]
    Unnamed,
}

/// Returns the valid values, as the end of an error message.
fn allowed(parameter: &str) -> &'static str {
    match parameter {
        "sslmode" | "ssl-mode" => "; use disable, allow, prefer, require, verify-ca or verify-full",
        "sslrootcert" | "ssl-root-cert" | "ssl-ca" | "sslcert" | "ssl-cert" | "sslkey"
        | "ssl-key" => {
            "; use the path of a PEM file that the server's user can read (to trust the \
             system's certificates, omit sslrootcert)"
        }
        "port" => "; use a number from 1 to 65535",
        "hostaddr" => "; use an IP address",
        TARGET => "; use read-write or primary (a standby may have revoked tokens as live)",
        POOL_MODE => "; use session or transaction",
        PGBOUNCER => "; use true or false",
        "gssencmode" => "; remove it (GSSAPI is not supported; set sslmode instead)",
        _ => "",
    }
}

/// Checks the URL of a store without connecting. Returns a warning for each parameter and variable
/// that has no effect.
///
/// # Errors
///
/// [`StoreError::Corrupt`] if it, or one of PostgreSQL's environment variables, is not valid.
pub fn check_url(url: &str) -> Result<Vec<String>, StoreError> {
    let Checked { urls, ignored, .. } = check_all(url)?;
    let _: Vec<_> = urls
        .iter()
        .map(|url| options(url))
        .collect::<Result<_, _>>()?;
    let parameters = ignored
        .iter()
        .map(|(name, fix)| format!("ignoring the parameter {name} of the database URL; {fix}"));
    let variables = ignored_variables();
    let variables = variables.map(|(name, fix)| format!("ignoring the variable {name}; {fix}"));
    Ok(parameters.chain(variables).collect())
}

fn check_all(url: &str) -> Result<Checked, StoreError> {
    let checked = check(url.trim()).map_err(StoreError::corrupt)?;
    check_variables(|name| std::env::var(name).ok()).map_err(StoreError::corrupt)?;
    Ok(checked)
}

fn ignored_variables() -> impl Iterator<Item = &'static (&'static str, &'static str)> {
    unsupported::variables(|name| std::env::var_os(name).is_some())
}

/// Parses the URL: the options for each of its hosts, of which there is at least one, and the pooler
/// mode, if any. Parameters that have no effect are logged and dropped.
pub(crate) fn parse(url: &str) -> Result<(Vec<PgConnectOptions>, Option<PoolMode>), StoreError> {
    let Checked {
        urls,
        ignored,
        pool_mode,
    } = check_all(url)?;
    for (name, fix) in ignored {
        tracing::warn!(
            name,
            fix,
            "ignoring unsupported parameter of the database URL"
        );
    }
    for (name, fix) in ignored_variables() {
        tracing::warn!(
            name,
            fix,
            "ignoring unsupported PostgreSQL environment variable"
        );
    }
    let servers = urls.iter().map(|url| options(url));
    Ok((servers.collect::<Result<_, _>>()?, pool_mode))
}

/// Parses a URL of one host that has been checked.
fn options(url: &str) -> Result<PgConnectOptions, StoreError> {
    // The driver's own error would quote the URL.
    let parsed = url.parse::<PgConnectOptions>();
    let options = parsed.map_err(|_| StoreError::corrupt(InvalidUrl::Authority))?;
    // The driver would look up an IPv6 address with its brackets as a name.
    let host = options.get_host();
    let options = match host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
    {
        Some(address) => options.clone().host(address),
        None => options,
    };
    // Poolers reject the parameter, and no column is a floating-point number.
    let options = options.extra_float_digits(None);
    Ok(match options.get_application_name() {
        Some(_) => options,
        None => options.application_name("openindex"),
    })
}

/// A URL for each host with only the parameters that the driver supports, the names of those that
/// have no effect with what to do instead, and the pooler mode.
#[derive(Debug)]
struct Checked {
    urls: Vec<String>,
    ignored: Vec<(&'static str, &'static str)>,
    pool_mode: Option<PoolMode>,
}

fn check(url: &str) -> Result<Checked, InvalidUrl> {
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
    if !is_percent_encoded(user) || !is_percent_encoded(path) {
        return Err(InvalidUrl::Unencoded('%', "%25"));
    }
    let hosts: Vec<&str> = host.split(',').collect();
    let is_list = hosts.len() > 1;
    if hosts.iter().any(|host| {
        let port = port(host);
        !port.is_empty() && !is_port(port) || is_list && is_elsewhere(host)
    }) {
        return Err(InvalidUrl::Authority);
    }
    let (mut supported, ignored, pool_mode) = parameters(query)?;
    let places = ["host=", "hostaddr=", "port="];
    if is_list
        && supported
            .iter()
            .any(|pair| places.iter().any(|place| pair.starts_with(place)))
    {
        return Err(InvalidUrl::Hosts);
    }
    let mut before = Cow::Borrowed(before);
    if is_elsewhere(host) {
        // A URL without a host cannot have a user or a port.
        before = format!("/{path}").into();
        let (name, password) = user.split_once(':').unwrap_or((user, ""));
        for (parameter, value) in [("user", name), ("password", password), ("port", port(host))] {
            let already = format!("{parameter}=");
            if !value.is_empty() && !supported.iter().any(|pair| pair.starts_with(&already)) {
                supported.push(pair(parameter, value).into());
            }
        }
    }
    let mut query = supported.join("&");
    if !query.is_empty() {
        query.insert(0, '?');
    }
    let urls = if is_list {
        let user = authority.strip_suffix(host).unwrap_or_default();
        let rest = &before[authority.len()..];
        let urls = hosts
            .iter()
            .map(|host| format!("{scheme}://{user}{host}{rest}{query}"));
        urls.collect()
    } else {
        vec![format!("{scheme}://{before}{query}")]
    };
    Ok(Checked {
        urls,
        ignored,
        pool_mode,
    })
}

/// Returns the port of a host, or an empty text.
fn port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((_, port)) if !host.ends_with(']') => port,
        _ => "",
    }
}

/// Returns whether the host comes from a parameter or a variable.
fn is_elsewhere(host: &str) -> bool {
    host.is_empty() || host.starts_with(':')
}

type Parameters<'u> = (
    Vec<Cow<'u, str>>,
    Vec<(&'static str, &'static str)>,
    Option<PoolMode>,
);

/// Separates the parameters: those for the driver, those to be logged as ignored, and the pooler
/// mode.
fn parameters(query: &str) -> Result<Parameters<'_>, InvalidUrl> {
    let mut supported = Vec::new();
    let mut ignored = Vec::new();
    let mut pool_mode = None;
    for given in query.split('&').filter(|given| !given.is_empty()) {
        let unencoded = || InvalidUrl::Unencoded('?', "%3F");
        let (name, value) = given.split_once('=').ok_or_else(unencoded)?;
        if value.contains('?') || (name != "user" && value.contains('@')) {
            return Err(unencoded());
        }
        let known = PARAMETERS
            .iter()
            .chain(&ALIASES)
            .find(|known| known.eq_ignore_ascii_case(name));
        if let Some(known) = known {
            if *known != name {
                return Err(InvalidUrl::Case(known));
            }
            check_value(known, value)?;
            match *known {
                // The driver always offers the first and never the second, and a standby is always
                // rejected.
                "channel_binding" | "gssencmode" | TARGET => {}
                POOL_MODE => pool_mode = PoolMode::parse(value),
                PGBOUNCER if value == "true" => {
                    pool_mode = pool_mode.or(Some(PoolMode::Transaction));
                }
                PGBOUNCER => {}
                "user" | "password" => supported.push(pair(known, value).into()),
                _ => supported.push(given.into()),
            }
        } else if name.starts_with("options[") {
            supported.push(given.into());
        } else if let Some(parameter) = unsupported::parameter(name) {
            if parameter.is_rejected {
                return Err(InvalidUrl::Unsupported(parameter.name, parameter.fix));
            }
            ignored.push((parameter.name, parameter.fix));
        } else if is_name(name) {
            return Err(InvalidUrl::Unknown(name.to_owned()));
        } else {
            return Err(InvalidUrl::Unnamed);
        }
    }
    Ok((supported, ignored, pool_mode))
}

/// Encodes a parameter for the driver, which parses it as a form, where + is a space. In a password
/// it is a plus sign.
fn pair(name: &str, value: &str) -> String {
    let value = value.replace('+', "%2B").replace('&', "%26");
    format!("{name}={value}")
}

/// Fails if a variable has a value that the driver would ignore.
fn check_variables(value_of: impl Fn(&str) -> Option<String>) -> Result<(), InvalidUrl> {
    for (variable, parameter) in VARIABLES {
        let Some(value) = value_of(variable) else {
            continue;
        };
        // A variable is not percent-encoded.
        let encoded = value.replace('%', "%25").replace('+', "%2B");
        check_value(parameter, &encoded).map_err(|error| match error {
            InvalidUrl::Hosts => error,
            _ => InvalidUrl::Variable(variable, parameter),
        })?;
    }
    Ok(())
}

/// Returns whether each % begins an encoded byte. The driver would accept any other % literally,
/// and read `%41` in a password as `A`.
fn is_percent_encoded(text: &str) -> bool {
    text.split('%').skip(1).all(|after| {
        let digits = after.bytes().take(2);
        digits.filter(u8::is_ascii_hexdigit).count() == 2
    })
}

/// Returns whether the text can be the name of a parameter, and not part of a password.
fn is_name(text: &str) -> bool {
    let text = text.replace("%5B", "[").replace("%5D", "]");
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b"_-.[]".contains(&b))
}

fn check_value(name: &'static str, value: &str) -> Result<(), InvalidUrl> {
    if !is_percent_encoded(value) {
        return Err(InvalidUrl::Unencoded('%', "%25"));
    }
    if matches!(name, "host" | "hostaddr" | "port") && value.contains(',') {
        return Err(InvalidUrl::Hosts);
    }
    let valid = match name {
        "sslmode" | "ssl-mode" => value.parse::<PgSslMode>().is_ok(),
        "sslrootcert" | "ssl-root-cert" | "ssl-ca" | "sslcert" | "ssl-cert" | "sslkey"
        | "ssl-key" => is_pem(value),
        "port" => is_port(value),
        "host" => !value.is_empty(),
        "hostaddr" => value.parse::<IpAddr>().is_ok(),
        "statement-cache-capacity" => value.parse::<usize>().is_ok(),
        POOL_MODE => PoolMode::parse(value).is_some(),
        PGBOUNCER => matches!(value, "true" | "false"),
        TARGET => matches!(value, "read-write" | "primary"),
        "channel_binding" => matches!(value, "disable" | "prefer" | "require"),
        "gssencmode" => matches!(value, "disable" | "prefer"),
        _ => true,
    };
    if valid {
        Ok(())
    } else {
        Err(InvalidUrl::Value(name))
    }
}

fn is_port(text: &str) -> bool {
    text.parse::<u16>().is_ok_and(|port| port > 0)
}

/// Returns whether the value is a certificate or a key, or the path of a readable file. The driver
/// would check that only when it connects, and fail as if the server were unreachable.
fn is_pem(value: &str) -> bool {
    let pair = format!("={value}");
    let decoded = form_urlencoded::parse(pair.as_bytes()).next();
    decoded.is_some_and(|(_, value)| {
        value.trim_start().starts_with("-----BEGIN") || std::fs::read(&*value).is_ok()
    })
}

#[cfg(test)]
mod tests;
