use super::*;

/// Parses a URL of one host.
fn only(url: &str) -> PgConnectOptions {
    let (mut servers, _) = parse(url).unwrap();
    assert_eq!(servers.len(), 1, "{url}");
    servers.remove(0)
}

#[test]
fn an_ipv6_address_loses_its_brackets() {
    let options = only("postgres://u:p@[::1]:6432/db");
    assert_eq!((options.get_host(), options.get_port()), ("::1", 6432));
}

#[test]
fn no_error_repeats_any_part_of_the_url() {
    for (url, expected) in [
        ("postgres://u:hun#ter2@h/db", "write it as %23"),
        ("postgres://u:hun/ter2@h/db", "write it as %2F"),
        ("postgres://u:12/ter2@h/db", "write it as %2F"),
        ("postgres://u:hun?ter2@h/db", "? is %3F"),
        ("postgres://u:12?hun=ter2?", "write it as %3F"),
        ("postgres://u:hunter2", "percent-encode"),
        ("postgres://u:hunter2@h:hunter2/db", "percent-encode"),
        ("postgres://u:hun ter2@h/db", "whitespace in"),
        (
            "postgres://u@h/db?sslmode=hunter2",
            "value of parameter sslmode",
        ),
        ("postgres://u@h/db?port=hunter2", "value of parameter port"),
        (
            "postgres://u@h/db?hostaddr=hunter2",
            "value of parameter hostaddr",
        ),
        ("postgres://u:%ff@h/db", "percent-encode"),
        ("postgres://u:100%hunter2@h/db", "write it as %25"),
        ("postgres://u:hunter2%@h/db", "write it as %25"),
        ("postgres://u:p@hunter2?a=b@h/db", "write it as %3F"),
        ("postgres://u:p@hunter2/x@h/db", "write it as %2F"),
        (
            "postgres://u@h/db?pool_mode=hunter2",
            "value of parameter pool_mode",
        ),
        (
            "\"postgres://u:hunter2@h/db\"",
            "must begin with postgres://",
        ),
        ("postgres:hunter2", "must begin with postgres://"),
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
fn a_parameter_without_effect_is_dropped_and_reported_by_name_only() {
    let url = "postgres://u:p%40w@h:1/db?keepalives_idle=hunter2&sslmode=require&connect_timeout=3";
    let checked = check(url).unwrap();
    assert_eq!(checked.urls, ["postgres://u:p%40w@h:1/db?sslmode=require"]);
    let names: Vec<_> = checked.ignored.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["keepalives_idle", "connect_timeout"]);
    assert_eq!(checked.pool_mode, None);
    let warnings = check_url(url).unwrap();
    assert!(warnings[0].starts_with("ignoring the parameter keepalives_idle of"));
    assert!(!warnings.concat().contains("hunter2"), "{warnings:?}");
}

/// A mistyped `sslmode` would otherwise connect without the TLS that it asks for.
#[test]
fn an_unknown_parameter_is_an_error_that_names_the_known_ones() {
    for name in ["sslmod", "ssl_mode", "sslrootcrt", "a.b"] {
        let error = check(&format!("postgres://u@h/db?{name}=hunter2")).unwrap_err();
        let message = error.to_string();
        let expected =
            format!("unknown parameter {name} in the PostgreSQL URL; remove it, or use one of");
        assert!(message.starts_with(&expected), "{message}");
        assert!(message.contains("sslmode, sslrootcert,"), "{message}");
        assert!(!message.contains("hunter2"), "{message}");
    }
    let documentation = include_str!("../../../docs/postgresql.md");
    for name in PARAMETERS {
        assert!(
            documentation.contains(&format!("`{name}`")) || name == PGBOUNCER,
            "{name}"
        );
    }
    for name in ["Hunter2", "hunter2", "a@h/db", ""] {
        assert!(!is_name(name), "{name}");
    }
}

/// The user may have mistyped a parameter, or not encoded a password.
#[test]
fn a_name_that_may_be_part_of_a_password_is_not_repeated() {
    for url in [
        "postgres://u:12?Hunter2=x",
        "postgres://u@h/db?Hunter2=x",
        "postgres://u@h/db?=x",
    ] {
        let message = check(url).unwrap_err().to_string();
        let expected = "unknown parameter after ? in the PostgreSQL URL; remove it, or, if the ? \
                        is part of the password, write it as %3F";
        assert_eq!(message, expected, "{url}");
    }
}

/// Parameters that libraries, services and frameworks put into a URL.
#[test]
fn a_parameter_of_another_driver_is_named_with_what_to_do_instead() {
    const IGNORED: &str = "supa workaround pool uselibpqcompat single_use_connections \
        binary_parameters encoding charset serverVersion timeout checkout_timeout \
        reaping_frequency conn_max_age conn_health_checks pool_min_conns pool_max_conns \
        pool_max_conn_lifetime pool_max_conn_idle_time pool_health_check_period \
        statement_cache_capacity description_cache_capacity prepared_statements max_conns \
        ApplicationName loginTimeout socketTimeout tcpKeepAlive reWriteBatchedInserts \
        prepareThreshold preferQueryMode defaultRowFetchSize stringtype TimeZone timezone \
        datestyle statement_timeout lock_timeout idle_in_transaction_session_timeout work_mem";
    const REJECTED: &str = "ssl sslfactory sslhostnameverifier socketFactory channelBinding \
        authenticationPluginClassName schema_search_path role synchronous_commit \
        variables[search_path] variables%5Bsearch_path%5D";
    for name in IGNORED.split_whitespace() {
        let checked = check(&format!("postgres://u@h/db?{name}=hunter2")).unwrap();
        assert_eq!(checked.urls, ["postgres://u@h/db"]);
        let (reported, fix) = checked.ignored[0];
        assert!(reported.eq_ignore_ascii_case(name), "{name}: {reported}");
        assert!(!fix.is_empty(), "{name}");
    }
    for name in REJECTED.split_whitespace() {
        let error = check(&format!("postgres://u@h/db?{name}=hunter2")).unwrap_err();
        assert!(matches!(error, InvalidUrl::Unsupported(..)), "{error}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
    for (name, expected) in [
        ("ApplicationName", "application_name"),
        ("work_mem", "set options=-c%20NAME%3DVALUE"),
        ("synchronous_commit", "set options=-c%20NAME%3DVALUE"),
        ("statement_cache_capacity", "set statement-cache-capacity"),
    ] {
        let fix = unsupported::parameter(name).unwrap().fix;
        assert!(fix.contains(expected), "{name}: {fix}");
    }
}

#[test]
fn a_url_written_for_another_program_works_or_gets_a_hint() {
    let message = |url: &str| match check(url) {
        Ok(checked) => panic!("{url}: {:?}", checked.urls),
        Err(error) => error.to_string(),
    };
    for (url, expected) in [
        (
            "postgres://u@h/db?SSLMODE=require",
            "sslmode of the PostgreSQL URL must be lower case",
        ),
        (
            "postgres://u@h/db?Pool_Mode=session",
            "pool_mode of the PostgreSQL URL must be lower",
        ),
        ("postgres://u@h/db?schema=tracker", "search_path%3DNAME"),
        (
            "postgres://u@h/db?CURRENTSCHEMA=tracker",
            "unsupported parameter currentSchema",
        ),
        (
            "postgres://u@h/db?service=tracker",
            "put host, port, user and database",
        ),
        ("postgres://u@h/db?ssl=true", "set sslmode"),
        ("postgres://u@h/db?sslcrl=/a.crl", "set sslmode"),
        ("postgres:///db?host=a,b", "multiple hosts must be in"),
        (
            "postgres:///db?host=a&port=1,2",
            "multiple hosts must be in",
        ),
        ("postgres://a,b/db?port=1", "multiple hosts must be in"),
        ("postgres://a,:2/db", "invalid host or port"),
        ("postgres://a,/db", "invalid host or port"),
        ("postgres://a:1,b:x/db", "invalid host or port"),
        (
            "postgres://u@h/db?target_session_attrs=any",
            "use read-write or primary",
        ),
        (
            "postgres://u@h/db?sslmode=strict",
            "use disable, allow, prefer, require",
        ),
        (
            "postgres://u@h/db?sslrootcert=/missing.pem",
            "path of a PEM file that the server's",
        ),
        ("postgres://u@h/db?sslrootcert=system", "omit sslrootcert"),
        (
            "postgres://u@h/db?sslkey=/",
            "path of a PEM file that the server's",
        ),
        ("postgres://u@h/db?port=0", "a number from 1 to 65535"),
        ("postgres://u@h/db?pgbouncer=1", "use true or false"),
        ("postgres://u@h/db?gssencmode=require", "GSSAPI is not"),
        ("postgres://u@h/db?sslpassword=x", "without encryption"),
        ("postgres://u@h/db?password=100%hunter2", "write it as %25"),
    ] {
        let message = message(url);
        assert!(message.contains(expected), "{url}: {message}");
    }
    for name in [
        "connection_limit",
        "pool_timeout",
        "targetServerType",
        "prepareThreshold",
    ] {
        let url = format!("postgres://u@h/db?{name}=5");
        let (message, fix) = check(&url).unwrap().ignored[0];
        assert_eq!(message, name);
        assert!(!fix.is_empty(), "{name}");
    }
}

#[test]
fn a_url_without_a_host_keeps_its_user_its_password_and_its_port() {
    for (url, expected) in [
        (
            "postgres://u@/db?host=/run/x",
            "postgres:///db?host=/run/x&user=u",
        ),
        (
            "postgres://u:p%40+w&d@:6432/db?host=/run/x",
            "postgres:///db?host=/run/x&user=u&password=p%40%2Bw%26d&port=6432",
        ),
        (
            "postgres://u@/db?user=v&host=h",
            "postgres:///db?user=v&host=h",
        ),
        (
            "postgres://h/db?password=a+b",
            "postgres://h/db?password=a%2Bb",
        ),
    ] {
        assert_eq!(check(url).unwrap().urls, [expected]);
    }
    let options = only("postgres://ada:p+w@:6432/db?host=/run/x");
    assert_eq!(options.get_username(), "ada");
    assert_eq!(options.get_port(), 6432);
    assert_eq!(options.get_socket().unwrap().to_str(), Some("/run/x"));
}

#[test]
fn an_invalid_environment_variable_is_named_without_its_value() {
    for (name, value, expected) in [
        (
            "PGSSLMODE",
            "hunter2",
            "invalid value of environment variable PGSSLMODE; use disable",
        ),
        (
            "PGPORT",
            "hunter2",
            "invalid value of environment variable PGPORT; use a number",
        ),
        ("PGHOSTADDR", "hunter2", "environment variable PGHOSTADDR"),
        (
            "PGSSLROOTCERT",
            "/hunter2",
            "environment variable PGSSLROOTCERT",
        ),
        ("PGHOST", "hunter2,b", "multiple hosts"),
        (
            "PGTARGETSESSIONATTRS",
            "hunter2",
            "PGTARGETSESSIONATTRS; use read-write or primary",
        ),
    ] {
        let found = check_variables(|asked| (asked == name).then(|| value.to_owned()));
        let message = found.unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
        assert!(!message.contains("hunter2"), "{message}");
    }
    let right = |name: &str| (name == "PGSSLMODE").then(|| "require".to_owned());
    assert_eq!(check_variables(right), Ok(()));
    let ignored: Vec<_> = unsupported::variables(|name| name == "PGSERVICE").collect();
    assert!(ignored[0].1.contains("put host"));
}

#[test]
fn the_application_name_comes_from_the_url() {
    let name = |url| only(url).get_application_name().map(ToOwned::to_owned);
    assert_eq!(name("postgres://h/db").as_deref(), Some("openindex"));
    assert_eq!(
        name("postgres://h/db?application_name=eu%2D1").as_deref(),
        Some("eu-1")
    );
}

#[test]
fn each_host_of_a_list_gets_everything_else_of_the_url() {
    for (url, expected) in [
        (
            "postgres://u:p,w@a:1,[::1]:2,c/db?target_session_attrs=read-write&sslmode=require",
            &[("a", 1), ("::1", 2), ("c", 5432)][..],
        ),
        (
            "postgres://u:p%2Cw@a,b:3?dbname=db",
            &[("a", 5432), ("b", 3)],
        ),
        (
            "postgres://u:p,w@a/db?target_session_attrs=primary",
            &[("a", 5432)],
        ),
    ] {
        let (servers, _) = parse(url).unwrap();
        let places = servers.iter().map(|one| (one.get_host(), one.get_port()));
        assert_eq!(places.collect::<Vec<_>>(), expected, "{url}");
        for server in &servers {
            assert_eq!(server.get_username(), "u", "{url}");
            assert_eq!(server.get_database(), Some("db"), "{url}");
        }
    }
    let urls = check("postgres://u:p,w@a:1,b/d,b?user=v").unwrap().urls;
    let expected = [
        "postgres://u:p,w@a:1/d,b?user=v",
        "postgres://u:p,w@b/d,b?user=v",
    ];
    assert_eq!(urls, expected);
}

#[test]
fn the_url_can_declare_the_pool_mode() {
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
        (
            "postgres://u@h/db?pgbouncer=true",
            Some(PoolMode::Transaction),
        ),
        ("postgres://u@h/db?pgbouncer=false", None),
    ] {
        assert_eq!(parse(url).unwrap().1, expected, "{url}");
    }
}

#[test]
fn every_url_that_the_driver_accepts_is_accepted() {
    for url in [
        "postgres://u@h/db",
        "postgresql://u:p@ss@h:5432/db?sslmode=verify-full&sslrootcert=/dev/null",
        "postgres://u:p:w@h/db",
        "postgres://[::1]:5432/db",
        "postgres://[::1]/db",
        "postgres:///db?host=/var/run/postgresql&user=ada@server",
        "postgres://%2Fvar%2Frun/db",
        "postgres://u@h/db?options=-c%20a%3Db&options[search_path]=x",
        "postgres://u@h/db?channel_binding=require",
        "postgres://u@h/db?application_name=a&statement-cache-capacity=0&gssencmode=disable",
        " postgres://u@h/db\n",
    ] {
        assert!(parse(url).is_ok(), "{url}");
    }
}

/// The connection parameters of libpq, up to `PostgreSQL` 18.
#[test]
fn every_parameter_of_libpq_works_is_ignored_or_is_rejected_with_the_fix() {
    const LIBPQ: &str = "host hostaddr port dbname user password passfile require_auth \
        channel_binding connect_timeout client_encoding options application_name \
        fallback_application_name keepalives keepalives_idle keepalives_interval keepalives_count \
        tcp_user_timeout replication gssencmode sslmode requiressl sslnegotiation sslcompression \
        sslcert sslkey sslkeylogfile sslpassword sslcertmode sslrootcert sslcrl sslcrldir sslsni \
        requirepeer ssl_min_protocol_version ssl_max_protocol_version min_protocol_version \
        max_protocol_version krbsrvname gsslib gssdelegation scram_client_key scram_server_key \
        service servicefile target_session_attrs load_balance_hosts oauth_issuer oauth_client_id \
        oauth_client_secret oauth_scope";
    for name in LIBPQ.split_whitespace() {
        let known = PARAMETERS.contains(&name) || ALIASES.contains(&name);
        let error = check(&format!("postgres://u@h/db?{name}=x")).err();
        assert!(known || unsupported::parameter(name).is_some(), "{name}");
        assert!(!matches!(error, Some(InvalidUrl::Unknown(_))), "{name}");
    }
}
