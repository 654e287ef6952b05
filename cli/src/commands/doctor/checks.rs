use std::fmt::Write as _;

use openindex_adapters_http::client::Client;
use openindex_adapters_http::wire::{Kind, Me};
use openindex_domain::clock::Timestamp;
use serde::Serialize;

use crate::app::{MAX_SKEW_MILLIS, no_token, skew_in_words, with_versions};
use crate::commands::me::who;
use crate::commands::prelude::*;
use crate::config::Config;
use crate::exit_code::ExitCode;
use crate::render::parse;
use crate::resolve::{Credential, SET_SERVER, Server, ServerSource};

/// A check and its result.
#[derive(Debug, Serialize)]
pub(super) struct Check {
    pub(super) name: &'static str,
    pub(super) status: Status,
    pub(super) detail: String,
    pub(super) hint: Option<String>,
    /// Whether a failure is about the token and not about the connection.
    #[serde(skip)]
    pub(super) about_token: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Status {
    Ok,
    /// Works, but requires attention.
    Warn,
    Fail,
    /// Was not checked because of an earlier failure.
    Skip,
}

impl Check {
    pub(super) fn ok(name: &'static str, detail: impl Into<String>) -> Self {
        Self::new(name, Status::Ok, detail)
    }

    pub(super) fn warn(name: &'static str, detail: impl Into<String>) -> Self {
        Self::new(name, Status::Warn, detail)
    }

    pub(super) fn fail(name: &'static str, detail: impl Into<String>) -> Self {
        Self::new(name, Status::Fail, detail)
    }

    fn skip(name: &'static str, detail: impl Into<String>) -> Self {
        Self::new(name, Status::Skip, detail)
    }

    pub(super) fn new(name: &'static str, status: Status, detail: impl Into<String>) -> Self {
        Self {
            name,
            status,
            // It may quote the config file, where a secret may be in the wrong place.
            detail: redact(&detail.into()),
            hint: None,
            about_token: false,
        }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(redact(&hint.into()));
        self
    }
}

/// A token that expires within 14 days should be rotated.
const SOON_MILLIS: i64 = 14 * 24 * 60 * 60 * 1_000;

/// Runs all checks, in the order of their dependencies.
pub(super) fn all(app: &App<'_>) -> Vec<Check> {
    let mut checks = Vec::new();
    let (check, config) = config_file(app);
    let config_failed = check.status == Status::Fail;
    checks.push(check);
    let sources = app.sources(config.as_ref());
    if !config_failed {
        checks.push(match sources.profile() {
            Ok((name, Some(_))) => Check::ok("profile", name),
            Ok((name, None)) => Check::ok(
                "profile",
                format!("none is configured; the default is {name}"),
            ),
            Err(failure) => failed("profile", &failure),
        });
    }
    let (check, credential) = token_source(sources.credential());
    checks.push(check);
    let (check, client) = server(app, sources.server(), credential.as_ref());
    checks.push(check);
    let mut reachable = false;
    if let Some(client) = &client {
        reachable = reach(client, app.now(), &mut checks);
    }
    match (client, credential) {
        (Some(client), Some(credential)) if reachable => {
            let now = client.server_time().unwrap_or_else(|| app.now());
            token(&client, &credential, now, &mut checks);
        }
        (None, _) => checks.push(skipped("token", "no server")),
        (_, None) => checks.push(skipped("token", "no token")),
        _ => checks.push(skipped("token", UNREACHABLE)),
    }
    without_repetitions(checks)
}

/// The reason to skip checks that depend on the server.
const UNREACHABLE: &str = "server unreachable";

fn skipped(name: &'static str, why: &str) -> Check {
    Check::skip(name, format!("skipped ({why})"))
}

/// Replaces checks that fail with the same message as an earlier one by a reference to it.
fn without_repetitions(checks: Vec<Check>) -> Vec<Check> {
    let mut reported: Vec<Check> = Vec::new();
    for check in checks {
        let earlier = reported.iter().find(|earlier| {
            check.status == Status::Fail
                && earlier.status == Status::Fail
                && earlier.detail == check.detail
        });
        reported.push(match earlier {
            Some(earlier) => skipped(check.name, &format!("{} failed", earlier.name)),
            None => check,
        });
    }
    reported
}

fn config_file(app: &App<'_>) -> (Check, Result<Config, Failure>) {
    const NAME: &str = "config file";
    let loaded = app
        .store
        .file()
        .and_then(|file| Ok((file, app.store.load()?)));
    let (file, config) = match loaded {
        Ok(loaded) => loaded,
        Err(failure) => return (failed(NAME, &failure), Err(failure)),
    };
    let shown = file.display();
    let check = match (app.store.exposure(), crate::config::mode(file)) {
        (Some((what, command)), _) => Check::warn(NAME, what).hint(command),
        (None, Some(mode)) => Check::ok(NAME, format!("{shown} (mode {mode:04o})")),
        (None, None) => Check::ok(NAME, format!("{shown} (does not exist yet)")),
    };
    (check, Ok(config))
}

fn token_source(found: Result<Option<Credential>, Failure>) -> (Check, Option<Credential>) {
    const NAME: &str = "token source";
    match found {
        Ok(Some(credential)) => {
            let shown = masked(credential.secret.expose());
            let detail = format!("{} ({shown}), well-formed", credential.source);
            (Check::ok(NAME, detail), Some(credential))
        }
        Ok(None) => (failed(NAME, &no_token()), None),
        Err(failure) => (failed(NAME, &failure), None),
    }
}

/// Checks the server's URL and creates a client for it.
fn server(
    app: &App<'_>,
    found: Result<Server, Failure>,
    credential: Option<&Credential>,
) -> (Check, Option<Client>) {
    const NAME: &str = "server url";
    let server = match found {
        Ok(server) => server,
        Err(failure) => return (failed(NAME, &failure), None),
    };
    match app.client(&server.api_url, credential.map(Credential::plain).as_ref()) {
        Ok(client) => {
            let mut detail = format!("{} (from {})", server.api_url, server.source.as_str());
            if let Some(proxy) = client.proxy() {
                let _ = write!(detail, ", through the proxy {proxy}");
            }
            let check = Check::ok(NAME, detail);
            let check = match server.source {
                ServerSource::Default => check.hint(SET_SERVER),
                _ => check,
            };
            (check, Some(client))
        }
        Err(failure) => (failed(NAME, &failure), None),
    }
}

/// Checks that the server responds and is ready, and compares the clocks. Returns whether it
/// responds.
fn reach(client: &Client, now: Timestamp, checks: &mut Vec<Check>) -> bool {
    let health = match client.health() {
        Ok(health) if health.status == 200 => health,
        Ok(health) => {
            let url = client.api_url();
            let detail = format!("responds to {url}/health with HTTP {}", health.status);
            let check = Check::fail("server", detail)
                .hint("check that this is the URL of an OpenIndex server");
            checks.push(check);
            checks.extend(["readiness", "clock"].map(|name| skipped(name, "no OpenIndex server")));
            return false;
        }
        Err(error) => {
            let mut failure = Failure::from(error);
            failure.next_command = None;
            let check = failed("server", &failure);
            checks.push(match &check.hint {
                Some(_) => check,
                None => check.hint("check that the server is running and its URL is correct"),
            });
            checks.extend(["readiness", "clock"].map(|name| skipped(name, UNREACHABLE)));
            return false;
        }
    };
    checks.push(match client.discovery() {
        Ok(discovery) => Check::ok("server", format!("responds, version {}", discovery.version)),
        Err(error) => Check::warn("server", format!("unknown version: {error}"))
            .hint("check that this is the URL of an OpenIndex server"),
    });
    checks.push(match client.ready() {
        Ok(ready) if ready.status == 200 => Check::ok("readiness", "database reachable"),
        Ok(ready) => Check::fail("readiness", format!("not ready (HTTP {})", ready.status))
            .hint("check the server's logs"),
        Err(error) => failed("readiness", &error.into()),
    });
    checks.push(clock(health.server_time, now));
    true
}

fn clock(server_time: Option<Timestamp>, now: Timestamp) -> Check {
    const NAME: &str = "clock";
    let Some(server_time) = server_time else {
        return Check::skip(NAME, "the server did not report its time");
    };
    let ahead = now.unix_millis() - server_time.unix_millis();
    if ahead.abs() <= MAX_SKEW_MILLIS {
        return Check::ok(NAME, "in sync with the server's");
    }
    Check::warn(NAME, skew_in_words(ahead)).hint("synchronize both clocks with NTP")
}

/// Checks that the token is accepted, its effective scope and its expiry.
fn token(client: &Client, credential: &Credential, now: Timestamp, checks: &mut Vec<Check>) {
    let me = match client.me() {
        Ok(me) => me,
        Err(error) => {
            let mut failure = with_versions(error.into(), client);
            failure.message = format!("{} ({})", failure.message, credential.source);
            checks.push(failed("token", &failure));
            return;
        }
    };
    let detail = format!("accepted: {}, owned by {}", me.token.name, who(&me));
    checks.push(Check::ok("token", detail));
    checks.push(effective_scope(&me));
    checks.push(ends(&me, now));
}

fn effective_scope(me: &Me) -> Check {
    let (token, effective) = (word(&me.token.scope), word(&me.token.effective_scope));
    if token == effective {
        return Check::ok("scope", token);
    }
    let role = word(&me.user.role);
    let detail = format!("{effective}: the token's scope {token} is limited by role {role}");
    Check::warn("scope", detail).hint("an administrator can change your role")
}

fn ends(me: &Me, now: Timestamp) -> Check {
    let style = Style {
        width: usize::MAX,
        color: false,
        now,
    };
    let expires_at = me.token.expires_at.as_deref();
    let detail = expiry(expires_at, &style);
    match expires_at.and_then(parse) {
        // A run always ends within a day, and cannot be rotated.
        _ if me.token.kind == Kind::AgentRun => Check::ok("expiry", detail),
        Some(at) if at.unix_millis() - now.unix_millis() < SOON_MILLIS => {
            let id = &me.token.id;
            let hint = format!("oi settings personal tokens rotate {id} --expires-in 90d");
            Check::warn("expiry", detail).hint(hint)
        }
        _ => Check::ok("expiry", detail),
    }
}

fn failed(name: &'static str, failure: &Failure) -> Check {
    let mut check = Check::fail(name, failure.message.replace('\n', " "));
    check.about_token = failure.exit == ExitCode::Auth;
    let hint = failure.next_command.as_ref().or(failure.hint.as_ref());
    check.hint = hint.map(|hint| redact(hint));
    check
}

#[cfg(test)]
mod tests {
    use openindex_domain::testing::fixtures::NOW;

    use super::*;
    use crate::commands::tests::{me, me_in_a_run};

    #[test]
    fn clocks_in_sync_differ_by_at_most_a_minute() {
        for (millis, status, detail) in [
            (0, Status::Ok, "in sync with the server's"),
            (60_000, Status::Ok, "in sync with the server's"),
            (-60_000, Status::Ok, "in sync with the server's"),
            (180_000, Status::Warn, "3 minutes behind the server's"),
            (-7_200_000, Status::Warn, "2 hours ahead of the server's"),
        ] {
            let check = clock(Some(NOW.saturating_add_millis(millis)), NOW);
            assert_eq!((check.status, check.detail.as_str()), (status, detail));
        }
        assert_eq!(clock(None, NOW).status, Status::Skip);
    }

    #[test]
    fn an_expiry_within_two_weeks_is_a_warning_with_a_hint_to_rotate() {
        let mut me = me();
        assert_eq!(ends(&me, NOW).status, Status::Ok);
        me.token.expires_at = Some("2026-12-01T00:00:00.000Z".to_owned());
        let check = ends(&me, NOW);
        assert_eq!(check.status, Status::Warn);
        assert_eq!(check.detail, "2026-11-30 (in 7 days)");
        assert!(check.hint.is_some_and(|hint| hint.contains(&me.token.id)));
        me.token.expires_at = None;
        assert_eq!(ends(&me, NOW).status, Status::Ok);
        let run = ends(&me_in_a_run(), NOW);
        assert_eq!(run.status, Status::Ok);
        assert_eq!(run.detail, "2026-11-24 06:42 UTC (in 42 minutes)");
    }

    #[test]
    fn a_scope_that_the_role_limits_is_a_warning() {
        let check = effective_scope(&me());
        assert_eq!(check.status, Status::Warn);
        assert_eq!(
            check.detail,
            "read_write: the token's scope admin is limited by role member"
        );
    }
}
