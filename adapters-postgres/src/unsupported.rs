//! Settings in a database URL or in the environment that other programs support and this one does
//! not, with what to do instead. None of them is ignored silently.

/// A parameter of a database URL that the driver does not support.
pub(crate) struct Parameter {
    pub(crate) name: &'static str,
    /// What to do instead.
    pub(crate) fix: &'static str,
    /// Whether to reject the URL, because ignoring the parameter would connect to another place or
    /// less securely.
    pub(crate) is_rejected: bool,
}

const SCHEMA: &str = "set options=-c%20search_path%3DNAME, or run ALTER ROLE … SET search_path";
const HOST: &str = "put host, port, user and database in the URL";
const TLS: &str = "set sslmode (such as verify-full) and sslrootcert instead";
const POOL: &str =
    "not configurable; a server opens at most 12 connections and waits at most 3 s for one";
const REMOVE: &str = "remove it";
const PASSWORD: &str = "set a password or a certificate (sslcert, sslkey)";
const STATEMENTS: &str = "behind a pooler in transaction mode, set pool_mode=transaction";
const PRIMARY: &str = "list all hosts in the URL; standbys are always rejected";

const fn rejected(name: &'static str, fix: &'static str) -> Parameter {
    Parameter {
        name,
        fix,
        is_rejected: true,
    }
}

const fn ignored(name: &'static str, fix: &'static str) -> Parameter {
    Parameter {
        name,
        fix,
        is_rejected: false,
    }
}

const UNSUPPORTED: [Parameter; 58] = [
    rejected("schema", SCHEMA),
    rejected("currentSchema", SCHEMA),
    rejected("search_path", SCHEMA),
    rejected("service", HOST),
    rejected("servicefile", HOST),
    rejected("ssl", TLS),
    rejected("tls", TLS),
    rejected("sslaccept", TLS),
    rejected("sslcrl", TLS),
    rejected("sslcrldir", TLS),
    rejected("ssl_min_protocol_version", TLS),
    rejected("require_auth", TLS),
    rejected("requirepeer", TLS),
    rejected("requiressl", TLS),
    rejected("sslcertmode", TLS),
    rejected("ssl_max_protocol_version", TLS),
    rejected("min_protocol_version", REMOVE),
    rejected(
        "sslpassword",
        "use a key without encryption that only the server's user can read",
    ),
    rejected("sslidentity", "use PEM files: sslcert and sslkey"),
    rejected("scram_client_key", PASSWORD),
    rejected("scram_server_key", PASSWORD),
    rejected("oauth_issuer", PASSWORD),
    rejected("oauth_client_id", PASSWORD),
    rejected("oauth_client_secret", PASSWORD),
    rejected("oauth_scope", PASSWORD),
    rejected("replication", REMOVE),
    rejected("passfile", "set the environment variable PGPASSFILE"),
    ignored("targetServerType", PRIMARY),
    ignored("load_balance_hosts", PRIMARY),
    ignored("connection_limit", POOL),
    ignored("pool_timeout", POOL),
    ignored("pool_size", POOL),
    ignored("max_pool_size", POOL),
    ignored("pool_max_conns", POOL),
    ignored("connect_timeout", POOL),
    ignored("connectTimeout", POOL),
    ignored("socket_timeout", POOL),
    ignored("prepareThreshold", STATEMENTS),
    ignored("prepared_statements", STATEMENTS),
    ignored("preparedStatements", STATEMENTS),
    ignored("statement_cache_size", STATEMENTS),
    ignored("prepared_statement_cache_size", STATEMENTS),
    ignored("default_query_exec_mode", STATEMENTS),
    ignored("client_encoding", "remove it; the encoding is always UTF8"),
    ignored("fallback_application_name", "set application_name"),
    ignored("keepalives", REMOVE),
    ignored("keepalives_idle", REMOVE),
    ignored("keepalives_interval", REMOVE),
    ignored("keepalives_count", REMOVE),
    ignored("tcp_user_timeout", REMOVE),
    ignored("sslnegotiation", REMOVE),
    ignored("sslcompression", REMOVE),
    ignored("sslsni", REMOVE),
    ignored("sslkeylogfile", REMOVE),
    ignored("max_protocol_version", REMOVE),
    ignored("krbsrvname", REMOVE),
    ignored("gsslib", REMOVE),
    ignored("gssdelegation", REMOVE),
];

/// Returns the parameter with this name, ignoring case.
pub(crate) fn parameter(name: &str) -> Option<&'static Parameter> {
    let mut all = UNSUPPORTED.iter();
    all.find(|parameter| parameter.name.eq_ignore_ascii_case(name))
}

/// Environment variables that libpq supports and the driver does not.
const VARIABLES: [(&str, &str); 21] = [
    ("PGSERVICE", HOST),
    ("PGSERVICEFILE", HOST),
    ("PGLOADBALANCEHOSTS", PRIMARY),
    ("PGCONNECT_TIMEOUT", POOL),
    ("PGREQUIRESSL", TLS),
    ("PGSSLCRL", TLS),
    ("PGSSLCRLDIR", TLS),
    ("PGSSLMINPROTOCOLVERSION", TLS),
    ("PGSSLMAXPROTOCOLVERSION", TLS),
    ("PGSSLNEGOTIATION", TLS),
    ("PGSSLCERTMODE", TLS),
    ("PGREQUIREAUTH", TLS),
    ("PGREQUIREPEER", TLS),
    ("PGCHANNELBINDING", TLS),
    ("PGGSSENCMODE", TLS),
    ("PGKRBSRVNAME", TLS),
    ("PGCLIENTENCODING", "unset it; the encoding is always UTF8"),
    ("PGDATESTYLE", "unset it; it has no effect here"),
    ("PGTZ", "unset it; times are always in UTC"),
    ("PGGEQO", "unset it; it has no effect here"),
    ("PGSYSCONFDIR", HOST),
];

/// Returns the variables that are set but have no effect, with what to do instead.
pub(crate) fn variables(
    is_set: impl Fn(&str) -> bool,
) -> impl Iterator<Item = &'static (&'static str, &'static str)> {
    VARIABLES.iter().filter(move |(name, _)| is_set(name))
}
