use openindex_adapters_http::wire::PlainSecret;
use openindex_domain::testing::SeededEntropy;
use openindex_domain::token::TokenKind;

use super::*;
use crate::environment::{AGENT_ID, APP_URL, PROFILE, TOKEN};

fn secret(seed: u64) -> String {
    Secret::generate(TokenKind::Personal, &SeededEntropy::new(seed))
        .unwrap()
        .expose()
        .to_owned()
}

/// Profiles `default` and `work`, each with a token and a server of its own; `bare` has nothing.
fn config(current: Option<&str>) -> Config {
    let profile = |seed, host: &str| Profile {
        app_url: Some(format!("https://{host}.example")),
        api_url: Some(format!("https://api.{host}.example")),
        token: Some(PlainSecret::new(&secret(seed))),
        ..Profile::default()
    };
    let mut config = Config {
        current_profile: current.map(str::to_owned),
        ..Config::default()
    };
    config
        .profiles
        .insert("default".to_owned(), profile(1, "default"));
    config
        .profiles
        .insert("work".to_owned(), profile(2, "work"));
    config
        .profiles
        .insert("bare".to_owned(), Profile::default());
    config
}

fn flags(profile: Option<&str>, app_url: Option<&str>) -> Globals {
    Globals {
        profile: profile.map(str::to_owned),
        app_url: app_url.map(str::to_owned),
        json: false,
    }
}

/// An environment with one variable; none where it is `None`.
fn variable(name: &str, value: Option<&str>) -> Environment {
    value.map_or_else(Environment::default, |value| {
        Environment::from([(name, value)])
    })
}

#[test]
fn the_profile_comes_from_flag_then_environment_then_file_then_default() {
    for (flag, value, current, expected) in [
        (Some("work"), Some("bare"), Some("default"), "work"),
        (Some("work"), Some(""), None, "work"),
        (None, Some("bare"), Some("work"), "bare"),
        (None, None, Some("work"), "work"),
        (None, None, None, "default"),
    ] {
        let sources = Sources {
            globals: &flags(flag, None),
            environment: &variable(PROFILE, value),
            config: Ok(&config(current)),
        };
        assert_eq!(sources.profile_name().unwrap(), expected);
        assert!(sources.profile().unwrap().1.is_some());
    }
}

#[test]
fn a_chosen_profile_must_exist_but_the_default_one_may_be_missing() {
    let missing = "wrok";
    let nothing = Config::default();
    let current = Config {
        current_profile: Some(missing.to_owned()),
        ..Config::default()
    };
    for (globals, value, config) in [
        (flags(Some(missing), None), None, &nothing),
        (flags(None, None), Some(missing), &nothing),
        (flags(None, None), None, &current),
    ] {
        let environment = variable(PROFILE, value);
        let sources = Sources {
            globals: &globals,
            environment: &environment,
            config: Ok(config),
        };
        let failure = sources.credential().unwrap_err();
        assert_eq!(failure.code, "profile_not_found");
        assert!(failure.message.contains(missing));
    }
    let sources = Sources {
        globals: &flags(None, None),
        environment: &Environment::default(),
        config: Ok(&nothing),
    };
    assert!(sources.credential().unwrap().is_none());
    let server = sources.server().unwrap();
    assert_eq!(server.api_url.as_str(), "http://127.0.0.1:8080");
    assert_eq!(server.source, ServerSource::Default);
}

#[test]
fn the_environment_token_overrides_every_profiles_token() {
    for (flag, value, source, seed) in [
        (None, Some(secret(9)), "OPENINDEX_TOKEN", 9),
        (
            Some("work"),
            Some(format!(" {}\n", secret(9))),
            "OPENINDEX_TOKEN",
            9,
        ),
        (Some("work"), None, "profile:work", 2),
        (None, None, "profile:default", 1),
    ] {
        let sources = Sources {
            globals: &flags(flag, None),
            environment: &variable(TOKEN, value.as_deref()),
            config: Ok(&config(None)),
        };
        let credential = sources.credential().unwrap().unwrap();
        assert_eq!(credential.source.to_string(), source);
        assert_eq!(credential.secret.expose(), secret(seed));
    }
}

#[test]
fn a_malformed_token_is_rejected_with_its_source_but_not_its_text() {
    let sources = Sources {
        globals: &flags(None, None),
        environment: &Environment::from([(TOKEN, "oi_pat_hunter2")]),
        config: Ok(&config(None)),
    };
    let failure = sources.credential().unwrap_err();
    assert_eq!(failure.exit, ExitCode::Auth);
    assert_eq!(
        failure.message,
        "the token from OPENINDEX_TOKEN is malformed: a token has exactly 55 characters"
    );
}

#[test]
fn the_server_comes_from_flag_then_environment_then_profile() {
    for (flag, value, profile, api_url, source) in [
        (
            Some("http://a.example/"),
            Some("http://b.example"),
            None,
            "http://a.example",
            ServerSource::Flag,
        ),
        (
            None,
            Some("http://b.example"),
            None,
            "http://b.example",
            ServerSource::Environment,
        ),
        (
            None,
            None,
            Some("work"),
            "https://api.work.example",
            ServerSource::Profile,
        ),
        (
            None,
            None,
            Some("bare"),
            "http://127.0.0.1:8080",
            ServerSource::Default,
        ),
    ] {
        let sources = Sources {
            globals: &flags(profile, flag),
            environment: &variable(APP_URL, value),
            config: Ok(&config(None)),
        };
        let server = sources.server().unwrap();
        assert_eq!(server.api_url.as_str(), api_url);
        assert_eq!(server.source, source);
    }
}

#[test]
fn an_invalid_url_is_reported_with_its_source() {
    let sources = Sources {
        globals: &flags(None, None),
        environment: &Environment::from([(APP_URL, "ftp://ada:hunter2@x")]),
        config: Ok(&config(None)),
    };
    let failure = sources.server().unwrap_err();
    assert!(failure.message.starts_with("OPENINDEX_APP_URL: "));
    assert!(!failure.message.contains("hunter2"));
    assert_eq!(failure.exit, ExitCode::Usage);
}

/// Returns the agent to work as with the profile `work`, whose agent is `profiles`.
fn working_agent(
    flag: Option<&str>,
    value: Option<&str>,
    profiles: Option<&str>,
    kind: TokenKind,
) -> Result<Option<String>, Failure> {
    let mut config = config(Some("work"));
    if let Some(profile) = config.profiles.get_mut("work") {
        profile.agent_id = profiles.map(str::to_owned);
    }
    let sources = Sources {
        globals: &flags(None, None),
        environment: &variable(AGENT_ID, value),
        config: Ok(&config),
    };
    let flag = flag.map(|flag| AgentId::parse(flag).unwrap());
    let agent = sources.working_agent(flag.as_ref(), kind)?;
    Ok(agent.map(|agent| agent.to_string()))
}

#[test]
fn the_agent_comes_from_flag_then_environment_then_profile() {
    for (flag, value, profiles, expected) in [
        (Some("a"), Some("b"), Some("c"), Some("a")),
        (None, Some(" b "), Some("c"), Some("b")),
        (None, None, Some("c"), Some("c")),
        (None, None, None, None),
    ] {
        let agent = working_agent(flag, value, profiles, TokenKind::Personal).unwrap();
        assert_eq!(agent.as_deref(), expected);
    }
}

#[test]
fn a_run_works_as_its_own_agent_unless_a_flag_names_another() {
    for (flag, expected) in [(Some("a"), Some("a")), (None, None)] {
        // The variable is ignored, even if it is invalid.
        for value in ["b", "not an id", ""] {
            let agent = working_agent(flag, Some(value), Some("c"), TokenKind::AgentRun).unwrap();
            assert_eq!(agent.as_deref(), expected);
        }
    }
}

#[test]
fn an_invalid_agent_id_is_reported_with_its_source() {
    for (value, profiles, source) in [
        (Some("not an id"), None, "OPENINDEX_AGENT_ID must be"),
        (Some(""), Some("a"), "OPENINDEX_AGENT_ID is set but empty"),
        (None, Some("x\u{1b}"), "agent_id of profile work must be"),
    ] {
        let failure = working_agent(None, value, profiles, TokenKind::Personal).unwrap_err();
        assert_eq!(failure.exit, ExitCode::Usage);
        assert!(failure.message.starts_with(source), "{}", failure.message);
    }
}

#[test]
fn an_empty_variable_does_not_fall_back_to_the_profile() {
    for blank in ["", "  "] {
        let environment = Environment::from([(TOKEN, blank), (APP_URL, blank)]);
        let sources = Sources {
            globals: &flags(None, None),
            environment: &environment,
            config: Ok(&config(None)),
        };
        let failure = sources.credential().unwrap_err();
        assert_eq!(failure.exit, ExitCode::Auth);
        assert_eq!(
            failure.message,
            "OPENINDEX_TOKEN is set but empty; unset it or set it to a token"
        );
        assert_eq!(sources.server().unwrap_err().exit, ExitCode::Usage);
        let environment = Environment::from([(PROFILE, blank)]);
        let sources = Sources {
            environment: &environment,
            ..sources
        };
        assert_eq!(sources.credential().unwrap_err().exit, ExitCode::Usage);
        assert_eq!(sources.server().unwrap_err().exit, ExitCode::Usage);
    }
}

#[test]
fn an_unreadable_file_fails_only_lookups_in_it() {
    let broken = Failure::of("config_invalid", "it is broken");
    let environment =
        Environment::from([(TOKEN, secret(9).as_str()), (APP_URL, "http://x.example")]);
    let sources = Sources {
        globals: &flags(None, None),
        environment: &environment,
        config: Err(&broken),
    };
    assert!(sources.credential().unwrap().is_some());
    assert_eq!(sources.server().unwrap().source, ServerSource::Environment);
    // The profile's agent must not be silently ignored.
    assert_eq!(sources.agent(None).unwrap_err().code, "config_invalid");
    let environment = Environment::default();
    let sources = Sources {
        environment: &environment,
        ..sources
    };
    assert_eq!(sources.credential().unwrap_err().code, "config_invalid");
    assert_eq!(sources.server().unwrap_err().code, "config_invalid");
}
