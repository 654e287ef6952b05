//! Fixtures for the snapshots of these commands, some of them hostile.

use openindex_adapters_http::wire::{AgentRun, Open, Status, WireScope};

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
