use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderValue;
use ipnet::IpNet;
use openindex_adapters_http::server::{DEFAULT_MAX_REQUESTS_IN_PROGRESS, RequestSpans};
use openindex_domain::use_cases::Quotas;

use crate::connections::ConnectionLimits;
use crate::listen::ListenAddress;
use crate::tls::TlsFiles;

/// The default database: an SQLite file in the working directory.
pub const DEFAULT_DATABASE_URL: &str = "sqlite://openindex.db";

/// The configuration of a server.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen.
    pub listen: ListenAddress,
    /// Address to serve metrics on; `None` disables them.
    pub metrics_listen: Option<SocketAddr>,
    /// The certificate for TLS; `None` means plain HTTP.
    pub tls: Option<TlsFiles>,
    /// URL of the store.
    pub database: DatabaseUrl,
    /// Whether to open a SQLite file that a server has, to do what ends no token.
    pub is_guest: bool,
    /// URL at which clients reach this instance, without a trailing slash. `None` means `http://`
    /// and the address that it listens on, which a Unix socket does not have.
    pub public_url: Option<String>,
    /// Limits per user on tokens and agent runs.
    pub quotas: Quotas,
    /// Proxies whose `X-Forwarded-For` header is trusted.
    pub trusted_proxies: Vec<IpNet>,
    /// Origins whose scripts may call the API, such as `https://app.example.com`.
    pub cors_origins: Vec<HeaderValue>,
    /// Limits on the number of connections, and their timeouts.
    pub connections: ConnectionLimits,
    /// Maximum number of requests in progress; others wait for up to a second, then get 503.
    pub max_requests_in_progress: usize,
    /// Maximum time for requests in progress to finish after the signal to stop.
    pub drain_for: Duration,
    /// What follows the spans of requests, such as an exporter of traces.
    pub spans: Option<Arc<dyn RequestSpans>>,
}

impl Config {
    /// Returns the defaults with this database and a free port on the loopback interface.
    #[must_use]
    pub fn on(database: DatabaseUrl) -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)).into(),
            metrics_listen: None,
            tls: None,
            database,
            is_guest: false,
            public_url: None,
            quotas: Quotas::default(),
            trusted_proxies: Vec::new(),
            cors_origins: Vec::new(),
            connections: ConnectionLimits::default(),
            max_requests_in_progress: DEFAULT_MAX_REQUESTS_IN_PROGRESS,
            drain_for: Duration::from_secs(10),
            spans: None,
        }
    }
}

/// The URL of a store: `sqlite://PATH` or `postgres://…`. It may contain a password, so `Debug`
/// shows only the scheme and there is no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl {
    url: String,
    scheme: Scheme,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    Sqlite,
    Postgres,
}

/// Why a text is not the URL of a store. Does not repeat the text, which may contain a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDatabaseUrl {
    /// The URL is in quotes, which a shell removes but an environment file does not.
    #[error("must not be in quotes; remove them")]
    Quoted,
    /// `DATABASE_URL=` precedes the URL.
    #[error("must not begin with the name of a variable; remove it and the = after it")]
    Named,
    /// The URL names a driver of another language, as in `jdbc:postgresql://` or
    /// `postgresql+psycopg://`.
    #[error("must begin with postgres:// (remove jdbc: or the name of a driver, such as +psycopg)")]
    Driver,
    /// The URL has neither scheme of a store.
    #[error("must begin with sqlite:// or postgres:// (such as sqlite://openindex.db)")]
    Scheme,
}

impl DatabaseUrl {
    pub(crate) fn expose(&self) -> &str {
        &self.url
    }

    /// Returns the URL to print; `None` if it contains a password, or if that cannot be ruled out
    /// because only the store can parse it.
    #[must_use]
    pub fn printable(&self) -> Option<&str> {
        let url = url::Url::parse(&self.url).ok()?;
        // An @ is that after a user name and no other.
        let at_signs = usize::from(!url.username().is_empty());
        let is_plain = !self.has_password() && self.url.matches('@').count() == at_signs;
        is_plain.then_some(&*self.url)
    }

    /// Returns the URL as it can be shown: without a password, and without what may be one because
    /// only the store can parse it.
    #[must_use]
    pub fn redacted(&self) -> String {
        const KNOWN_QUERIES: [&str; 4] = [
            "mode=rw",
            "mode=rwc",
            "sslmode=require",
            "sslmode=verify-full",
        ];
        let (scheme, rest) = match self.url.split_once("://") {
            Some(parts) => parts,
            // `sqlite:PATH` is accepted, too.
            None if self.scheme == Scheme::Sqlite => self.url.split_once(':').unwrap_or_default(),
            None => return "postgres://…".to_owned(),
        };
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let query = match query {
            "" => String::new(),
            query if KNOWN_QUERIES.contains(&query) => format!("?{query}"),
            _ => "?…".to_owned(),
        };
        if self.scheme == Scheme::Sqlite {
            // As for the store, what precedes an @ could be a password.
            let (before, _) = place.split_once('@').unwrap_or_default();
            let place = if before.contains(':') { "…" } else { place };
            return format!("{scheme}://{place}{query}");
        }
        let is_plain = |text: &str| {
            let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-_./,".contains(&b);
            text.bytes().all(is_plain)
        };
        let (user, hosts) = match place.rsplit_once('@') {
            Some((user, hosts)) if is_plain(user) => (format!("{user}@"), hosts),
            Some((_, hosts)) => ("…@".to_owned(), hosts),
            // The question mark is part of the password.
            None if rest.contains('@') => return format!("{scheme}://…"),
            None => (String::new(), place),
        };
        // A port has digits only; what else follows a colon may be a password.
        let is_host = |host: &str| {
            let (host, port) = host.split_once(':').unwrap_or((host, ""));
            is_plain(host) && port.bytes().all(|b| b.is_ascii_digit())
        };
        let (hosts, database) = hosts.split_once('/').unwrap_or((hosts, ""));
        if !hosts.split(',').all(is_host) || !is_plain(database) {
            return format!("{scheme}://{user}…");
        }
        let database = place.contains('/').then(|| format!("/{database}"));
        format!(
            "{scheme}://{user}{hosts}{}{query}",
            database.unwrap_or_default()
        )
    }

    pub(crate) const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Returns the same URL with which a missing SQLite file is an error instead of created.
    #[must_use]
    pub fn existing(mut self) -> Self {
        if self.scheme == Scheme::Sqlite {
            self.url = match self.url.strip_suffix("?mode=rwc") {
                Some(path) => format!("{path}?mode=rw"),
                None if self.url.contains('?') => self.url,
                None => format!("{}?mode=rw", self.url),
            };
        }
        self
    }

    /// Returns whether the URL contains a password, which other users can read in process
    /// arguments.
    #[must_use]
    pub fn has_password(&self) -> bool {
        if let Ok(url) = url::Url::parse(&self.url) {
            let mut pairs = url.query_pairs();
            return url.password().is_some() || pairs.any(|(name, _)| name.ends_with("password"));
        }
        // A URL with a user and no host parses only in the store.
        let user = self.url.rsplit_once('@').map(|(user, _)| user);
        user.and_then(|user| user.split_once("://"))
            .is_some_and(|(_, user)| user.contains(':'))
    }
}

impl FromStr for DatabaseUrl {
    type Err = InvalidDatabaseUrl;

    fn from_str(url: &str) -> Result<Self, InvalidDatabaseUrl> {
        let url = url.trim();
        let quotes = ['"', '\'', '`', '“', '”', '‘', '’'];
        let scheme = match url.split_once(':') {
            _ if url.starts_with(quotes) || url.ends_with(quotes) => {
                return Err(InvalidDatabaseUrl::Quoted);
            }
            Some(("sqlite", _)) => Scheme::Sqlite,
            Some(("postgres" | "postgresql", _)) => Scheme::Postgres,
            Some((scheme, _))
                if scheme == "jdbc"
                    || scheme.starts_with("postgres+")
                    || scheme.starts_with("postgresql+") =>
            {
                return Err(InvalidDatabaseUrl::Driver);
            }
            Some((before, _)) if before.contains('=') => return Err(InvalidDatabaseUrl::Named),
            _ => return Err(InvalidDatabaseUrl::Scheme),
        };
        Ok(Self {
            url: url.to_owned(),
            scheme,
        })
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({:?}, redacted)", self.scheme)
    }
}

#[cfg(test)]
mod tests {
    use super::InvalidDatabaseUrl::{Driver, Named, Quoted, Scheme as NoScheme};
    use super::*;

    #[test]
    fn the_scheme_selects_the_store_and_nothing_shows_the_password() {
        let url: DatabaseUrl = "postgres://oi:hunter2@db/oi".parse().unwrap();
        assert_eq!(url.scheme(), Scheme::Postgres);
        assert!(url.has_password());
        assert!(!format!("{url:?}").contains("hunter2"));
        let url: DatabaseUrl = "postgres://oi@db/oi?password=hunter2".parse().unwrap();
        assert!(url.has_password());
        let url: DatabaseUrl = "postgres://u:hunter2@/oi?host=/run".parse().unwrap();
        assert!(url.has_password());
        let url: DatabaseUrl = "postgres://u@/oi?host=/run".parse().unwrap();
        assert!(!url.has_password());
        let url: DatabaseUrl = "sqlite://openindex.db".parse().unwrap();
        assert_eq!(url.scheme(), Scheme::Sqlite);
        assert!(!url.has_password());
        let url: DatabaseUrl = "postgres://db/oi?sslpassword=hunter2".parse().unwrap();
        assert!(url.has_password());
        for (text, is_printable) in [
            ("sqlite://openindex.db", true),
            ("sqlite:///var/lib/openindex/openindex.db", true),
            ("postgres://oi@db/oi", true),
            ("postgres:///oi?host=/run", true),
            ("postgres://oi:hunter2@db/oi", false),
            ("postgres://oi@db/oi?password=hunter2", false),
            ("postgres://oi@db/oi?pass%77ord=hunter2", false),
            ("postgres://oi@/oi?password=hunter2", false),
            ("postgres://oi:hunter2@/oi?host=/run", false),
            ("postgres://oi:hunter2@a,b/oi", false),
            ("sqlite:oi:hunter2@db", false),
            ("sqlite://oi:hunter2@db/oi", false),
        ] {
            let url: DatabaseUrl = text.parse().unwrap();
            assert_eq!(url.printable(), is_printable.then_some(text), "{text}");
        }
        for (text, expected) in [
            ("", NoScheme),
            ("openindex.db", NoScheme),
            ("mysql://u:hunter2@db/oi", NoScheme),
            ("hunter2", NoScheme),
            ("\"postgres://u:hunter2@db/oi\"", Quoted),
            ("'sqlite://openindex.db'", Quoted),
            ("postgres://u:hunter2@db/oi'", Quoted),
            ("DATABASE_URL=postgres://u:hunter2@db/oi", Named),
            ("jdbc:postgresql://db/oi?user=u&password=hunter2", Driver),
            ("postgresql+psycopg://u:hunter2@db/oi", Driver),
            ("postgres+asyncpg://u:hunter2@db/oi", Driver),
        ] {
            let error = text.parse::<DatabaseUrl>().unwrap_err();
            assert_eq!(error, expected, "{text}");
            assert!(!error.to_string().contains("hunter2"));
        }
    }

    #[test]
    fn a_shown_url_has_nothing_that_may_be_a_password() {
        let shown = |url: &str| url.parse::<DatabaseUrl>().expect(url).redacted();
        for url in [
            "sqlite://openindex.db",
            "sqlite:///var/lib/open index/a.db?mode=rw",
            "postgres://oi@db.example.com:5432/oi?sslmode=require",
            "postgres://oi@a:1,b:2/oi",
            "postgresql://db/oi",
            "postgres:///oi",
        ] {
            assert_eq!(shown(url), url);
        }
        for (url, expected) in [
            ("postgres://oi:hunter2@db/oi", "postgres://…@db/oi"),
            ("postgres://oi:h@hunter2@db/oi", "postgres://…@db/oi"),
            ("postgres://oi:h/hunter2@db/oi", "postgres://…@db/oi"),
            ("postgres://oi:h?hunter2@db/oi", "postgres://…"),
            ("postgres://oi:h#hunter2@db/oi", "postgres://…@db/oi"),
            ("postgres://oi%3Ahunter2@db/oi", "postgres://…@db/oi"),
            ("postgres://oi：hunter2@db/oi", "postgres://…@db/oi"),
            ("postgres://oi:hunter2", "postgres://…"),
            ("postgres://db/oi#password=hunter2", "postgres://…"),
            ("postgres://db/oi?PASSWORD=hunter2", "postgres://db/oi?…"),
            (
                "postgres://db/oi?user=a;password=hunter2",
                "postgres://db/oi?…",
            ),
            ("sqlite://a.db?key=hunter2", "sqlite://a.db?…"),
            ("sqlite:back.db", "sqlite://back.db"),
            (
                "sqlite:/var/back.db?mode=rw",
                "sqlite:///var/back.db?mode=rw",
            ),
            ("sqlite://oi:hunter2@db", "sqlite://…"),
            ("sqlite:oi:hunter2@db", "sqlite://…"),
            ("postgres:hunter2", "postgres://…"),
        ] {
            assert_eq!(shown(url), expected, "{url}");
        }
    }
}
