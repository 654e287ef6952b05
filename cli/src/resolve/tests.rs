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

#[test]
fn a_profile_is_named_by_flag_then_environment_then_file_then_default() {
    for (flag, variable, current, expected) in [
        (Some("work"), "bare", Some("default"), "work"),
        (None, "bare", Some("work"), "bare"),
        (None, "", Some("work"), "work"),
        (None, " ", None, "default"),
    ] {
        let sources = Sources {
            globals: &flags(flag, None),
            environment: &Environment::from([(PROFILE, variable)]),
            config: &config(current),
        };
        assert_eq!(sources.profile_name(), expected);
        assert!(sources.profile().unwrap().1.is_some());
    }
}

#[test]
fn a_chosen_profile_must_exist_and_the_default_need_not() {
    let missing = "wrok";
    let nothing = Config::default();
    let current = Config {
        current_profile: Some(missing.to_owned()),
        ..Config::default()
    };
    for (globals, variable, config) in [
        (flags(Some(missing), None), "", &nothing),
        (flags(None, None), missing, &nothing),
        (flags(None, None), "", &current),
    ] {
        let environment = Environment::from([(PROFILE, variable)]);
        let sources = Sources {
            globals: &globals,
            environment: &environment,
            config,
        };
        let failure = sources.credential().unwrap_err();
        assert_eq!(failure.code, "profile_not_found");
        assert!(failure.message.contains(missing));
    }
    let sources = Sources {
        globals: &flags(None, None),
        environment: &Environment::default(),
        config: &nothing,
    };
    assert!(sources.credential().unwrap().is_none());
    assert!(sources.server().unwrap().is_none());
}

#[test]
fn the_environments_token_is_over_every_profiles() {
    for (flag, variable, source, seed) in [
        (None, secret(9), "OPENINDEX_TOKEN", 9),
        (
            Some("work"),
            format!(" {}\n", secret(9)),
            "OPENINDEX_TOKEN",
            9,
        ),
        (Some("work"), String::new(), "profile:work", 2),
        (None, " ".to_owned(), "profile:default", 1),
    ] {
        let sources = Sources {
            globals: &flags(flag, None),
            environment: &Environment::from([(TOKEN, variable.as_str())]),
            config: &config(None),
        };
        let credential = sources.credential().unwrap().unwrap();
        assert_eq!(credential.source.to_string(), source);
        assert_eq!(credential.secret.expose(), secret(seed));
    }
}

#[test]
fn a_malformed_token_is_refused_with_its_source_and_without_its_text() {
    let sources = Sources {
        globals: &flags(None, None),
        environment: &Environment::from([(TOKEN, "oi_pat_hunter2")]),
        config: &config(None),
    };
    let failure = sources.credential().unwrap_err();
    assert_eq!(failure.exit, ExitCode::Auth);
    assert_eq!(
        failure.message,
        "the token from OPENINDEX_TOKEN is malformed: a token has exactly 55 characters"
    );
}

#[test]
fn a_server_is_named_by_flag_then_environment_then_profile() {
    for (flag, variable, profile, api_url, source) in [
        (
            Some("http://a.example/"),
            "http://b.example",
            None,
            "http://a.example",
            ServerSource::Flag,
        ),
        (
            None,
            "http://b.example",
            None,
            "http://b.example",
            ServerSource::Environment,
        ),
        (
            None,
            "",
            Some("work"),
            "https://api.work.example",
            ServerSource::Profile,
        ),
    ] {
        let sources = Sources {
            globals: &flags(profile, flag),
            environment: &Environment::from([(APP_URL, variable)]),
            config: &config(None),
        };
        let server = sources.server().unwrap().unwrap();
        assert_eq!(server.api_url.as_str(), api_url);
        assert_eq!(server.source, source);
    }
}

#[test]
fn a_url_that_is_none_is_named_by_its_source() {
    let sources = Sources {
        globals: &flags(None, None),
        environment: &Environment::from([(APP_URL, "ftp://ada:hunter2@x")]),
        config: &config(None),
    };
    let failure = sources.server().unwrap_err();
    assert!(failure.message.starts_with("OPENINDEX_APP_URL: "));
    assert!(!failure.message.contains("hunter2"));
    assert_eq!(failure.exit, ExitCode::Usage);
}

/// The agent that is worked as, with the profile `work`, whose own is `profiles`.
fn working_agent(
    flag: Option<&str>,
    variable: &str,
    profiles: Option<&str>,
    kind: TokenKind,
) -> Result<Option<String>, Failure> {
    let mut config = config(Some("work"));
    if let Some(profile) = config.profiles.get_mut("work") {
        profile.agent_id = profiles.map(str::to_owned);
    }
    let sources = Sources {
        globals: &flags(None, None),
        environment: &Environment::from([(AGENT_ID, variable)]),
        config: &config,
    };
    let flag = flag.map(|flag| AgentId::parse(flag).unwrap());
    let agent = sources.working_agent(flag.as_ref(), kind)?;
    Ok(agent.map(|agent| agent.to_string()))
}

#[test]
fn an_agent_is_named_by_flag_then_environment_then_profile_or_not_at_all() {
    for (flag, variable, profiles, expected) in [
        (Some("a"), "b", Some("c"), Some("a")),
        (None, " b ", Some("c"), Some("b")),
        (None, "", Some("c"), Some("c")),
        (None, " ", None, None),
    ] {
        let agent = working_agent(flag, variable, profiles, TokenKind::Personal).unwrap();
        assert_eq!(agent.as_deref(), expected);
    }
}

#[test]
fn a_run_works_as_its_own_agent_unless_another_is_named_outright() {
    for (flag, expected) in [(Some("a"), Some("a")), (None, None)] {
        // Not even looked at: it need not be an agent's id.
        for variable in ["b", "not an id"] {
            let agent = working_agent(flag, variable, Some("c"), TokenKind::AgentRun).unwrap();
            assert_eq!(agent.as_deref(), expected);
        }
    }
}

#[test]
fn an_agent_that_is_none_is_named_by_its_source() {
    for (variable, profiles, source) in [
        ("not an id", None, "OPENINDEX_AGENT_ID must be"),
        ("", Some("x\u{1b}"), "agent_id of the profile work must be"),
    ] {
        let failure = working_agent(None, variable, profiles, TokenKind::Personal).unwrap_err();
        assert_eq!(failure.exit, ExitCode::Usage);
        assert!(failure.message.starts_with(source), "{}", failure.message);
    }
}
