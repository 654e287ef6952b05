//! Settings in a database URL or in the environment that other programs support and this one does
//! not, with what to do instead. None of them is ignored silently.

/// A parameter of a database URL that the driver does not support.
pub(crate) struct Parameter {
    pub(crate) name: &'static str,
    /// What to do instead.
    pub(crate) fix: &'static str,
    /// Whether to reject the URL, because ignoring the parameter would connect to another place,
    /// less securely, or without a setting that matters.
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
const TIMEOUTS: &str = "remove it; the server sets its own timeouts";
const SETTING: &str = "set options=-c%20NAME%3DVALUE, or run ALTER ROLE … SET NAME = VALUE";
const ENCODING: &str = "remove it; the encoding is always UTF8";

/// Parameters of libpq, drivers, frameworks and services that are rejected: the names that have the
/// same fix, and the fix.
const REJECTED: [(&str, &str); 10] = [
    (
        "schema currentSchema search_path schema_search_path",
        SCHEMA,
    ),
    ("service servicefile", HOST),
    (
        "ssl tls sslaccept sslcrl sslcrldir ssl_min_protocol_version ssl_max_protocol_version \
         require_auth requireAuth requirepeer requiressl sslcertmode sslfactory sslfactoryarg \
         sslhostnameverifier sslpasswordcallback",
        TLS,
    ),
    ("channelBinding", "write channel_binding"),
    (
        "min_protocol_version replication socketFactory socketFactoryArg",
        REMOVE,
    ),
    (
        "sslpassword",
        "use a key without encryption that only the server's user can read",
    ),
    ("sslidentity", "use PEM files: sslcert and sslkey"),
    (
        "scram_client_key scram_server_key oauth_issuer oauth_client_id oauth_client_secret \
         oauth_scope authenticationPluginClassName",
        PASSWORD,
    ),
    ("passfile", "set the environment variable PGPASSFILE"),
    // Each can change what the server sees, what it may do, or what is lost in a crash.
    (
        "variables server_settings role session_authorization synchronous_commit",
        SETTING,
    ),
];

/// Those that are ignored.
const IGNORED: [(&str, &str); 12] = [
    (
        "targetServerType load_balance_hosts loadBalanceHosts hostRecheckSeconds",
        PRIMARY,
    ),
    (
        "connection_limit pool pool_timeout pool_size max_pool_size max_overflow pool_max_conns \
         pool_min_conns pool_min_idle_conns pool_max_conn_lifetime pool_max_conn_lifetime_jitter \
         pool_max_conn_idle_time pool_health_check_period pool_recycle pool_pre_ping max min \
         max_conns min_conns max_connections min_connections max_open_conns max_idle_conns \
         max_size min_size single_use_connections conn_max_age conn_health_checks \
         checkout_timeout reaping_frequency acquire_timeout idle_timeout max_lifetime \
         max_connection_lifetime max_idle_connection_lifetime connect_timeout connectTimeout \
         connection_timeout connectionTimeoutMillis idleTimeoutMillis socket_timeout \
         socketTimeout loginTimeout timeout",
        POOL,
    ),
    (
        "statement_timeout lock_timeout idle_in_transaction_session_timeout query_timeout \
         command_timeout cancelSignalTimeout sslResponseTimeout",
        TIMEOUTS,
    ),
    (
        "prepareThreshold prepare_threshold prepare prepared_statements preparedStatements \
         preferQueryMode prefer_simple_protocol default_query_exec_mode statement_cache_mode \
         statement_cache_size prepared_statement_cache_size prepared_statement_name_func \
         preparedStatementCacheQueries preparedStatementCacheSizeMiB disable_server_side_cursors",
        STATEMENTS,
    ),
    ("statement_cache_capacity", "set statement-cache-capacity"),
    (
        "client_encoding encoding charset allowEncodingChanges",
        ENCODING,
    ),
    (
        "fallback_application_name ApplicationName",
        "set application_name",
    ),
    ("TimeZone", "remove it; times are always in UTC"),
    (
        "uselibpqcompat",
        "remove it; sslmode has the meaning that it has in libpq",
    ),
    (
        "work_mem maintenance_work_mem temp_buffers jit geqo effective_cache_size \
         random_page_cost idle_session_timeout transaction_timeout tcp_keepalives_idle \
         tcp_keepalives_interval tcp_keepalives_count log_statement log_min_duration_statement",
        SETTING,
    ),
    (
        "keepalives keepalives_idle keepalives_interval keepalives_count keepalives_retries \
         keepAlive keepAliveInitialDelayMillis tcp_user_timeout tcpKeepAlive tcpNoDelay \
         sslnegotiation sslcompression sslsni sslkeylogfile max_protocol_version \
         protocolVersion krbsrvname kerberosServerName gsslib gssdelegation jaasLogin \
         jaasApplicationName useSpnego sspiServiceClass",
        REMOVE,
    ),
    (
        "supa workaround serverVersion adapter DateStyle binary_parameters \
         disable_prepared_binary_result description_cache_capacity fetch_types \
         adaptiveFetch adaptiveFetchMaximum adaptiveFetchMinimum assumeMinServerVersion autosave \
         binaryTransfer binaryTransferDisable binaryTransferEnable cleanupSavepoints \
         databaseMetadataCacheFields databaseMetadataCacheFieldsMiB defaultRowFetchSize \
         disableColumnSanitiser escapeSyntaxCallMode groupStartupParameters \
         hideUnprivilegedObjects loggerFile loggerLevel logServerErrorDetail \
         logUnclosedConnections maxResultBuffer maxSendBufferSize quoteReturningIdentifiers \
         readOnly readOnlyMode receiveBufferSize reWriteBatchedInserts sendBufferSize stringtype \
         unknownLength xmlFactoryFactory",
        REMOVE,
    ),
];

/// Returns the parameter with this name, ignoring case and what is in brackets after it.
pub(crate) fn parameter(name: &str) -> Option<Parameter> {
    let name = name.split(['[', '%']).next()?;
    let find = |groups: &[(&'static str, &'static str)], is_rejected| {
        groups.iter().find_map(|(names, fix)| {
            let mut names = names.split_whitespace();
            let name = names.find(|known| known.eq_ignore_ascii_case(name))?;
            Some(Parameter {
                name,
                fix,
                is_rejected,
            })
        })
    };
    find(&REJECTED, true).or_else(|| find(&IGNORED, false))
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
