//! Fixtures for the snapshots of these commands, some of them hostile.

use super::*;
use crate::commands::tests::{STYLE, WIDE};
use crate::exit_code::ExitCode;
use openindex_adapters_http::wire::WireScope;

/// A live and bound, a live and unbound, an ended and an expired run.
pub(super) fn runs() -> Vec<AgentRun> {
    let run = |digit: char, agent: &str, expires_at: &str, status| AgentRun {
        id: format!("run_0199f3a1c6d07c35b2f0e8a4d1c7b9e{digit}"),
        agent_id: agent.to_owned(),
        work_item_key: None,
        scope: Open::Known(WireScope::ReadWrite),
        issued_by: "pat_0199f3a1c6d07c35b2f0e8a4d1c7b9e1".to_owned(),
        created_at: "2026-11-24T05:00:00.000Z".to_owned(),
        expires_at: Some(expires_at.to_owned()),
        ended_at: None,
        last_used_at: None,
        status: Open::Known(status),
    };
    let later = "2026-11-24T06:42:00.000Z";
    let mut runs = vec![
        run('1', "builder-7", later, Status::Live),
        run('2', "team/ci:nightly@eu_1.2", later, Status::Live),
        run('3', "x\u{1b}[2J\u{202e}", later, Status::Revoked),
        run(
            '4',
            "builder-6",
            "2026-11-24T05:30:00.000Z",
            Status::Expired,
        ),
    ];
    runs[0].work_item_key = Some("OPS-42".to_owned());
    runs[0].last_used_at = Some("2026-11-24T05:58:00.000Z".to_owned());
    runs[2].ended_at = Some("2026-11-24T05:20:00.000Z".to_owned());
    runs
}

#[test]
fn a_ttl_is_one_minute_to_one_day() {
    for (text, seconds) in [("60s", 60), ("1h", 3_600), ("24h", 86_400), ("1d", 86_400)] {
        assert_eq!(ttl(text).unwrap().seconds(), seconds);
    }
    for text in ["59s", "0s", "25h", "86401s", "600000d", "1", "", "soon"] {
        assert_eq!(ttl(text).unwrap_err().exit, ExitCode::Usage, "{text}");
    }
}

#[test]
fn the_introduction_of_a_run_does_not_contain_its_secret() {
    let runs = runs();
    insta::assert_snapshot!("started_bound", introduction(&runs[0], &STYLE));
    insta::assert_snapshot!("started", introduction(&runs[1], &STYLE));
}

#[test]
fn shows_runs_as_a_table_and_as_a_list() {
    insta::assert_snapshot!("runs_wide", runs_listing(&runs(), &WIDE));
    insta::assert_snapshot!("runs_narrow", runs_listing(&runs(), &STYLE));
    insta::assert_snapshot!("runs_none", runs_listing(&[], &STYLE));
}

#[test]
fn the_prompt_shows_the_runs() {
    let runs = runs();
    insta::assert_snapshot!("end_one", question(&runs[..1], &STYLE));
    insta::assert_snapshot!("end_several", question(&runs[..3], &STYLE));
}

#[test]
fn a_secret_is_rejected_and_not_repeated() {
    let secret = "oi_run_jZHvxRBv86PcflRJxLvgWo9a_8nw9xGsKx80URWSUagWwm0h";
    for text in [
        secret,
        "builder-7",
        "pat_0199f3a1c6d07c35b2f0e8a4d1c7b9e2",
        "",
    ] {
        let failure = parse(text).unwrap_err();
        assert_eq!(failure.exit, ExitCode::Usage, "{text}");
        assert!(!failure.message.contains(secret));
    }
}
