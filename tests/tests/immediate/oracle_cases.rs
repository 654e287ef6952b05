//! Tests of the oracle on handwritten logs. Each line is one request, with the sequence numbers of
//! request and response.

use std::time::Duration;

use crate::log::{
    Act, Change, Check, Credential, Item, Log, Outcome, Run, Span, TokenWithSecret, User, Verdict,
};
use crate::oracle::{Finding, judge};
use Outcome::{Done, Unknown};
use Verdict::{Accepted, Denied};

const OWNER: User = User(0);
const TOKEN: Credential = Credential(0);
const OTHER: Credential = Credential(1);
const RUN: Credential = Credential(2);

/// Two tokens and a run of the first that is bound to an item; all created by number 8.
fn world() -> Log {
    let issued = |run, invoked| TokenWithSecret {
        owner: OWNER,
        run,
        span: span(invoked, invoked + 2),
    };
    let run = Run {
        issuer: TOKEN,
        item: Some(item()),
    };
    Log {
        issued: vec![issued(None, 0), issued(None, 3), issued(Some(run), 6)],
        ..Log::default()
    }
}

fn item() -> Item {
    Item("OPS-1".to_owned())
}

const fn span(invoked: u64, responded: u64) -> Span {
    Span { invoked, responded }
}

fn change(log: &mut Log, at: (u64, u64), act: Act, outcome: Outcome) {
    log.changes.push(Change {
        span: span(at.0, at.1),
        took: Duration::ZERO,
        replica: 0,
        way: "a change",
        act,
        outcome,
    });
}

fn check(log: &mut Log, at: (u64, u64), credential: Credential, verdict: Verdict) {
    log.checks.push(Check {
        span: span(at.0, at.1),
        took: Duration::ZERO,
        replica: 1,
        credential,
        verdict,
    });
}

/// Returns the findings in the order of the checks: `s` for a stale acceptance, `d` for a false
/// denial, `n` for no verdict.
fn found(log: &Log) -> String {
    let findings = judge(log);
    let letters = findings.iter().map(|finding| match finding {
        Finding::StaleAccept(..) => 's',
        Finding::FalseDenial(_) => 'd',
        Finding::NoVerdict(_) => 'n',
    });
    letters.collect()
}

/// Returns the findings for one check after these changes.
fn verdict_after(
    changes: &[((u64, u64), Act, Outcome)],
    at: (u64, u64),
    credential: Credential,
    verdict: Verdict,
) -> String {
    let mut log = world();
    for (at, act, outcome) in changes {
        change(&mut log, *at, act.clone(), *outcome);
    }
    check(&mut log, at, credential, verdict);
    found(&log)
}

fn end(credential: Credential) -> Act {
    Act::End(vec![credential])
}

#[test]
fn a_stale_acceptance_is_found_and_shown_with_its_change() {
    let mut log = world();
    change(&mut log, (10, 12), end(TOKEN), Done);
    check(&mut log, (13, 14), TOKEN, Accepted);
    let [finding] = &judge(&log)[..] else {
        panic!("one finding");
    };
    let shown = finding.to_string();
    for part in [
        "replica 0",
        "sent at 10, response at 12",
        "replica 1",
        "sent at 13",
    ] {
        assert!(shown.contains(part), "{shown}");
    }
}

#[test]
fn concurrent_checks_may_go_either_way() {
    for at in [(9, 11), (11, 13), (11, 11), (9, 40)] {
        for verdict in [Accepted, Denied] {
            let ended = [((10, 12), end(TOKEN), Done)];
            assert_eq!(verdict_after(&ended, at, TOKEN, verdict), "", "{at:?}");
        }
    }
}

#[test]
fn a_denial_requires_a_cause_that_had_begun() {
    let ended = [((10, 12), end(TOKEN), Done)];
    assert_eq!(verdict_after(&ended, (8, 9), TOKEN, Denied), "d");
    assert_eq!(verdict_after(&ended, (13, 14), TOKEN, Denied), "");
    assert_eq!(verdict_after(&ended, (13, 14), OTHER, Denied), "d");
    assert_eq!(verdict_after(&ended, (13, 14), OTHER, Accepted), "");
}

#[test]
fn an_unacknowledged_change_may_have_happened_until_another_is_acknowledged() {
    let mut changes = vec![((10, 12), end(TOKEN), Unknown)];
    for verdict in [Accepted, Denied, Verdict::Unknown] {
        assert_eq!(verdict_after(&changes, (13, 14), TOKEN, verdict), "");
    }
    changes.push(((20, 22), end(TOKEN), Done));
    assert_eq!(verdict_after(&changes, (15, 30), TOKEN, Accepted), "");
    assert_eq!(verdict_after(&changes, (23, 24), TOKEN, Accepted), "s");
    assert_eq!(verdict_after(&changes, (23, 24), TOKEN, Denied), "");
}

#[test]
fn a_run_ends_with_its_issuer_and_with_its_item_and_they_do_not_end_with_it() {
    for act in [end(RUN), end(TOKEN), Act::Resolve(item())] {
        let changes = [((10, 12), act, Done)];
        assert_eq!(verdict_after(&changes, (13, 14), RUN, Accepted), "s");
        assert_eq!(verdict_after(&changes, (13, 14), RUN, Denied), "");
        assert_eq!(verdict_after(&changes, (13, 14), OTHER, Denied), "d");
    }
    let changes = [((10, 12), end(RUN), Done)];
    assert_eq!(verdict_after(&changes, (13, 14), TOKEN, Accepted), "");
    assert_eq!(verdict_after(&changes, (13, 14), TOKEN, Denied), "d");
    let changes = [((10, 12), end(OTHER), Done)];
    assert_eq!(verdict_after(&changes, (13, 14), RUN, Denied), "d");
}

#[test]
fn a_token_that_is_left_to_expire_may_end_until_its_end_is_logged() {
    let mut changes = vec![((10, 12), Act::LetExpire(vec![TOKEN]), Done)];
    for credential in [TOKEN, RUN] {
        assert_eq!(verdict_after(&changes, (8, 9), credential, Denied), "d");
        for verdict in [Accepted, Denied] {
            assert_eq!(verdict_after(&changes, (13, 14), credential, verdict), "");
        }
    }
    changes.push(((10, 20), end(TOKEN), Done));
    for credential in [TOKEN, RUN] {
        assert_eq!(verdict_after(&changes, (19, 22), credential, Accepted), "");
        assert_eq!(verdict_after(&changes, (21, 22), credential, Accepted), "s");
    }
}

#[test]
fn a_suspension_ends_tokens_until_the_unsuspension_begins_and_runs_for_good() {
    let mut changes = vec![((10, 12), Act::Suspend(OWNER), Done)];
    for credential in [TOKEN, OTHER, RUN] {
        assert_eq!(verdict_after(&changes, (13, 14), credential, Accepted), "s");
        assert_eq!(verdict_after(&changes, (13, 14), credential, Denied), "");
    }
    changes.push(((20, 22), Act::Lift(OWNER), Done));
    // Before, during and after the lift.
    for (at, token, run) in [
        ((13, 19), "s", "s"),
        ((13, 21), "", "s"),
        ((23, 24), "", "s"),
    ] {
        assert_eq!(
            verdict_after(&changes, at, TOKEN, Accepted),
            token,
            "{at:?}"
        );
        assert_eq!(verdict_after(&changes, at, RUN, Accepted), run, "{at:?}");
    }
    assert_eq!(verdict_after(&changes, (21, 24), TOKEN, Denied), "");
    assert_eq!(verdict_after(&changes, (23, 24), TOKEN, Denied), "d");
    assert_eq!(verdict_after(&changes, (23, 24), RUN, Denied), "");
    // Again.
    changes.push(((30, 32), Act::Suspend(OWNER), Done));
    assert_eq!(verdict_after(&changes, (25, 31), TOKEN, Accepted), "");
    assert_eq!(verdict_after(&changes, (25, 31), TOKEN, Denied), "");
    assert_eq!(verdict_after(&changes, (33, 34), TOKEN, Accepted), "s");
}

#[test]
fn an_unacknowledged_unsuspension_leaves_both_possible() {
    let mut changes = vec![
        ((10, 12), Act::Suspend(OWNER), Done),
        ((20, 22), Act::Lift(OWNER), Unknown),
    ];
    for verdict in [Accepted, Denied] {
        assert_eq!(verdict_after(&changes, (23, 24), TOKEN, verdict), "");
    }
    assert_eq!(verdict_after(&changes, (13, 19), TOKEN, Accepted), "s");
    let unlifted = changes.clone();
    changes.push(((30, 32), Act::Lift(OWNER), Done));
    assert_eq!(verdict_after(&changes, (33, 34), TOKEN, Denied), "d");
    changes = unlifted;
    changes.push(((30, 32), Act::Suspend(OWNER), Done));
    assert_eq!(verdict_after(&changes, (33, 34), TOKEN, Accepted), "s");
}

#[test]
fn an_unacknowledged_suspension_ends_with_an_acknowledged_unsuspension() {
    let mut changes = vec![((10, 12), Act::Suspend(OWNER), Unknown)];
    for credential in [TOKEN, RUN] {
        for verdict in [Accepted, Denied] {
            assert_eq!(verdict_after(&changes, (13, 14), credential, verdict), "");
        }
    }
    changes.push(((20, 22), Act::Lift(OWNER), Done));
    assert_eq!(verdict_after(&changes, (23, 24), TOKEN, Denied), "d");
    assert_eq!(verdict_after(&changes, (23, 24), RUN, Denied), "");
}

#[test]
fn a_suspension_does_not_affect_a_run_started_after_it() {
    let changes = [
        ((3, 4), Act::Suspend(OWNER), Done),
        ((5, 5), Act::Lift(OWNER), Done),
    ];
    assert_eq!(verdict_after(&changes, (10, 11), RUN, Accepted), "");
    assert_eq!(verdict_after(&changes, (10, 11), RUN, Denied), "d");
}

#[test]
fn any_other_status_is_a_finding() {
    assert_eq!(
        verdict_after(&[], (10, 11), TOKEN, Verdict::Other(500)),
        "n"
    );
}
