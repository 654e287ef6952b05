//! The start of agent runs, and everything that ends them.

use futures_util::future::{join, join_all};

use super::{
    AccountHarness, AgentRunHarness, Harness, InvalidActor, NOW, SECRET, acting, actor, audit_log,
    find, insert, insertion, invalidate_actor, list, put, replacement, revocation, seed,
    session_actor, start_session,
};
use crate::access::{ActorError, CredentialId, Requirement};
use crate::agent_run::{
    AgentId, AgentRunAction, EndRuns, EndRunsOutcome, RunFilter, RunState, StartRun,
    StartRunOutcome,
};
use crate::audit::Subject;
use crate::clock::Timestamp;
use crate::form::{FormId, SentForm};
use crate::testing::fixtures;
use crate::token::{
    CreateTokenOutcome, CreationRate, PredecessorEnd, Rejection, RevokeTokenOutcome,
    RotateTokenOutcome, Status, Token, TokenAction, TokenId, TokenName,
};

/// Returns the change that starts run `number`, with event `number`.
pub(super) fn start(number: u64, quota: u32) -> StartRun {
    let run = fixtures::run(number, acting().id);
    let (action, subject) = (AgentRunAction::STARTED, Subject::Token(run.id));
    StartRun {
        actor: actor(),
        digest: fixtures::digest(number),
        quota,
        rate: CreationRate::DEFAULT_RUNS,
        audit: fixtures::audit(number, NOW, action, subject),
        run,
    }
}

pub(super) async fn begin(harness: &dyn AgentRunHarness, change: StartRun) -> StartRunOutcome {
    let outcome = harness.agent_runs().start_run(change).await;
    outcome.expect("the store works")
}

/// Returns the change that ends a run of user 1, with events derived from event `event`.
pub(super) fn ending(run: TokenId, event: u64) -> EndRuns {
    EndRuns {
        actor: actor(),
        owner: fixtures::user(1).id,
        runs: vec![run],
        audit: fixtures::audit(event, NOW, AgentRunAction::ENDED, Subject::Token(run)),
    }
}

async fn end(harness: &dyn AgentRunHarness, change: EndRuns) -> EndRunsOutcome {
    let outcome = harness.agent_runs().end_runs(change).await;
    outcome.expect("the store works")
}

async fn runs(
    harness: &dyn AgentRunHarness,
    ended: bool,
    after: Option<TokenId>,
    limit: u32,
) -> Vec<TokenId> {
    let owner = fixtures::user(1).id;
    let store = harness.agent_runs();
    let filter = [RunFilter::LIVE, RunFilter::ANY][usize::from(ended)].clone();
    let found = store.runs(owner, &filter, NOW, after, limit).await;
    found
        .expect("the store works")
        .iter()
        .map(|run| run.id)
        .collect()
}

async fn stored(harness: &dyn Harness, number: u64) -> Token {
    find(harness, number).await.expect("it is there").token
}

/// A run is found by its digest with every field it was given, and has its event.
pub async fn keep_every_field(harness: &dyn AgentRunHarness) {
    seed(harness).await;
    let mut change = start(10, 10);
    let agent = AgentId::from_stored(SECRET);
    change.run.name = TokenName::of_agent(&agent);
    change.run.run.as_mut().expect("a run").agent = agent;
    let event = change.audit.clone();
    let run = change.run.clone();
    let outcome = begin(harness, change).await;
    assert_eq!(outcome, StartRunOutcome::Started(run.clone()));
    let record = find(harness, 10).await.expect("it is there");
    assert_eq!(record.token, run);
    assert_eq!(record.owner, fixtures::owner(1));
    let got = harness.agent_runs().run(run.owner, run.id).await;
    assert_eq!(got.expect("the store works"), Some(run.clone()));
    assert_eq!(audit_log(harness).await, vec![event]);
    let foreign = harness.agent_runs().run(fixtures::user(2).id, run.id).await;
    assert_eq!(foreign.expect("the store works"), None);
    let pat = harness.agent_runs().run(run.owner, acting().id).await;
    assert_eq!(pat.expect("the store works"), None);
    // It is not among the personal access tokens.
    assert_eq!(list(harness, run.owner).await, vec![acting()]);
    let got = harness.tokens().get(run.owner, run.id).await;
    assert_eq!(got.expect("the store works"), None);
}

/// A run ends when its issuing token expires, if that is earlier.
pub async fn expire_with_their_issuer(harness: &dyn AgentRunHarness) {
    seed(harness).await;
    let soon = NOW.saturating_add_seconds(90);
    let mut issuer = acting();
    issuer.expires_at = Some(soon);
    put(harness, 0, &issuer).await;
    let _ = begin(harness, start(10, 10)).await;
    assert_eq!(stored(harness, 10).await.expires_at, Some(soon));
}

/// Live runs have a quota separate from that of tokens; ended ones do not count.
pub async fn have_their_own_quota(harness: &dyn AgentRunHarness) {
    seed(harness).await;
    let mut ended = fixtures::run(20, acting().id);
    ended.revoked_at = Some(NOW);
    let mut over = fixtures::run(21, acting().id);
    over.expires_at = Some(NOW);
    put(harness, 20, &ended).await;
    put(harness, 21, &over).await;
    let outcomes = join_all((30..62).map(|number| begin(harness, start(number, 5)))).await;
    let started = outcomes
        .iter()
        .filter(|outcome| matches!(outcome, StartRunOutcome::Started(_)))
        .count();
    assert_eq!(started, 5, "{outcomes:?}");
    // There is one live token, the acting one, so a second is within the quota.
    assert_eq!(
        insert(harness, insertion(70, 2)).await,
        CreateTokenOutcome::Created
    );
}

/// Runs that were started within 24 hours count, ended or not; personal tokens do not.
pub async fn have_their_own_rate(harness: &dyn AgentRunHarness) {
    seed(harness).await;
    let with_rate = |number| {
        let mut change = start(number, 100);
        change.rate = CreationRate::new(5);
        begin(harness, change)
    };
    let start_and_end = |number: u64| async move {
        let outcome = with_rate(number).await;
        if let StartRunOutcome::Started(run) = &outcome {
            let ended = end(harness, ending(run.id, number + 100)).await;
            assert_eq!(ended, EndRunsOutcome::Ended(1));
        }
        outcome
    };
    let outcomes = join_all((30..62).map(start_and_end)).await;
    let started = outcomes
        .iter()
        .filter(|outcome| matches!(outcome, StartRunOutcome::Started(_)));
    assert_eq!(started.count(), 5, "{outcomes:?}");
    assert!(matches!(
        with_rate(70).await,
        StartRunOutcome::RateReached(_)
    ));
    assert_eq!(runs(harness, false, None, 100).await, []);
    // The acting token is the first personal one of the day; this is the second.
    let mut change = insertion(71, 100);
    change.rate = CreationRate::new(2);
    assert_eq!(insert(harness, change).await, CreateTokenOutcome::Created);
}

/// A browser session can start runs only with a live token of its user, and the run ends with that
/// token.
pub async fn are_started_by_a_session_with_a_token_of_its_user<
    H: AccountHarness + AgentRunHarness,
>(
    harness: &H,
) {
    seed(harness).await;
    harness.put_user(&fixtures::user(2)).await;
    start_session(harness, 1).await;
    let soon = NOW.saturating_add_seconds(90);
    let mut expired = fixtures::token(2, NOW);
    expired.expires_at = Some(NOW);
    let mut revoked = fixtures::token(3, NOW);
    revoked.revoked_at = Some(NOW);
    let mut foreign = fixtures::token(4, NOW);
    foreign.owner = fixtures::user(2).id;
    let run = fixtures::run(5, acting().id);
    let mut issuer = fixtures::token(1, NOW);
    issuer.expires_at = Some(soon);
    for (number, token) in (1..).zip([&issuer, &expired, &revoked, &foreign, &run]) {
        put(harness, number, token).await;
    }
    let with = |number: u64, issuer: TokenId| {
        let mut change = start(number, 100);
        change.actor = session_actor(1);
        change.run.run.as_mut().expect("a run").issuer = issuer;
        begin(harness, change)
    };
    let unknown = fixtures::token(99, NOW).id;
    for id in [expired.id, revoked.id, foreign.id, run.id, unknown] {
        assert_eq!(with(20, id).await, StartRunOutcome::IssuerNotFound, "{id}");
    }
    assert!(
        runs(harness, false, None, 10).await.len() == 1,
        "the one that was put"
    );
    let started = with(20, issuer.id).await;
    assert!(
        matches!(started, StartRunOutcome::Started(_)),
        "{started:?}"
    );
    assert_eq!(stored(harness, 20).await.expires_at, Some(soon));
    // A token cannot start a run of another token.
    let mut other = start(21, 100);
    other.run.run.as_mut().expect("a run").issuer = issuer.id;
    let rejected = StartRunOutcome::NotAuthorized(ActorError::Rejected(Rejection::Unknown));
    assert_eq!(begin(harness, other).await, rejected);
    let revoked = harness
        .tokens()
        .revoke_token(revocation(issuer.id, 70))
        .await;
    assert_eq!(
        revoked.expect("the store works"),
        RevokeTokenOutcome::Revoked
    );
    assert_eq!(stored(harness, 20).await.status(NOW), Status::Revoked);
}

/// A form starts one run.
pub async fn are_started_once_by_a_form(harness: &dyn AgentRunHarness) {
    seed(harness).await;
    let form = FormId::from_uuid(fixtures::token(1, NOW).id.uuid());
    let sent = |number: u64| {
        let mut change = start(number, 100);
        let created = Subject::Token(change.run.id);
        change.actor.form = Some(SentForm { id: form, created });
        change
    };
    let first = Subject::Token(sent(10).run.id);
    let started = begin(harness, sent(10)).await;
    assert!(
        matches!(started, StartRunOutcome::Started(_)),
        "{started:?}"
    );
    let rejected = StartRunOutcome::NotAuthorized(ActorError::FormUsed(first));
    assert_eq!(begin(harness, sent(11)).await, rejected);
    assert_eq!(runs(harness, true, None, 10).await.len(), 1);
}

/// Several runs end in one step: those that are named, belong to the owner and have not ended
/// before.
pub async fn are_ended_together_and_no_others(harness: &dyn AgentRunHarness) {
    harness.put_user(&fixtures::user(2)).await;
    let run = |number| fixtures::run(number, acting().id);
    let mut foreign = run(13);
    foreign.owner = fixtures::user(2).id;
    let mut before = run(14);
    before.revoked_at = Some(NOW);
    let all = [&run(10), &run(11), &run(12), &foreign, &before];
    let numbered: Vec<_> = (10..).zip(all).collect();
    put_all(harness, &numbered).await;
    let mut change = ending(run(10).id, 1);
    change.runs = [10, 11, 13, 14, 15].map(|number| run(number).id).to_vec();
    change.runs.push(acting().id);
    assert_eq!(end(harness, change).await, EndRunsOutcome::Ended(2));
    for (number, ended) in [(10, true), (11, true), (12, false), (13, false)] {
        let revoked_at = stored(harness, number).await.revoked_at;
        assert_eq!(revoked_at, ended.then_some(NOW), "{number}");
    }
    let mut told: Vec<Subject> = audit_log(harness).await.iter().map(|e| e.subject).collect();
    told.sort_by_key(ToString::to_string);
    assert_eq!(told, [10, 11].map(|number| Subject::Token(run(number).id)));
}

/// Each field of a filter narrows the list.
pub async fn are_those_that_match_the_filter(harness: &dyn AgentRunHarness) {
    seed(harness).await;
    let issuer = fixtures::token(1, NOW);
    put(harness, 1, &issuer).await;
    let mut all = vec![];
    for number in 10..18 {
        let mut run = fixtures::run(number, if number < 14 { issuer.id } else { acting().id });
        let details = run.run.as_mut().expect("a run");
        details.agent = AgentId::parse(["a", "b"][usize::from(number % 2 == 0)]).expect("an id");
        details.work_item = if number % 3 == 0 {
            "OPS-1".parse().ok()
        } else {
            None
        };
        match number {
            11 => run.revoked_at = Some(NOW),
            12 => run.expires_at = Some(NOW),
            _ => {}
        }
        put(harness, number, &run).await;
        all.push(run);
    }
    let store = harness.agent_runs();
    for state in [RunState::Live, RunState::Ended, RunState::Any] {
        for issuer in [None, Some(issuer.id)] {
            for agent in [None, AgentId::parse("a").ok()] {
                for work_item in [None, "OPS-1".parse().ok()] {
                    let filter = RunFilter {
                        state,
                        issuer,
                        agent: agent.clone(),
                        work_item,
                    };
                    let found = store.runs(fixtures::user(1).id, &filter, NOW, None, 100);
                    let found = found.await.expect("the store works");
                    let found: Vec<TokenId> = found.iter().map(|run| run.id).collect();
                    let expected = all.iter().rev().filter(|run| filter.matches(run, NOW));
                    let expected: Vec<TokenId> = expected.map(|run| run.id).collect();
                    assert_eq!(found, expected, "{filter:?}");
                }
            }
        }
    }
}

/// The audit log contains the events that ended each requested token and run.
pub async fn are_listed_with_the_events_that_ended_them(harness: &dyn AgentRunHarness) {
    let issuer = fixtures::token(1, NOW);
    let (own, with_token, live) = (
        fixtures::run(10, acting().id),
        fixtures::run(11, issuer.id),
        fixtures::run(12, acting().id),
    );
    put_all(
        harness,
        &[(1, &issuer), (10, &own), (11, &with_token), (12, &live)],
    )
    .await;
    let ended = end(harness, ending(own.id, 1)).await;
    assert_eq!(ended, EndRunsOutcome::Ended(1));
    let revoked = harness
        .tokens()
        .revoke_token(revocation(issuer.id, 2))
        .await;
    assert_eq!(
        revoked.expect("the store works"),
        RevokeTokenOutcome::Revoked
    );
    let ids = [own.id, with_token.id, live.id, issuer.id];
    let found = harness
        .audit()
        .end_events(&ids)
        .await
        .expect("the store works");
    let mut found: Vec<_> = found
        .iter()
        .map(|event| (event.subject.to_string(), event.action, event.related))
        .collect();
    found.sort_by_key(|(subject, ..)| subject.clone());
    let mut expected = vec![
        (issuer.id.to_string(), TokenAction::REVOKED, None),
        (own.id.to_string(), AgentRunAction::ENDED, None),
        (
            with_token.id.to_string(),
            AgentRunAction::ENDED,
            Some(Subject::Token(issuer.id)),
        ),
    ];
    expected.sort_by_key(|(subject, ..)| subject.clone());
    assert_eq!(found, expected);
}

/// A run cannot be bound to a work item that does not exist.
pub async fn are_not_bound_to_a_missing_work_item(harness: &dyn AgentRunHarness) {
    seed(harness).await;
    let mut change = start(10, 10);
    let run = change.run.run.as_mut().expect("a run");
    run.work_item = "NOWHERE-1".parse().ok();
    assert_eq!(
        begin(harness, change).await,
        StartRunOutcome::WorkItemNotFound
    );
    assert!(find(harness, 10).await.is_none());
    assert_eq!(audit_log(harness).await, vec![]);
}

/// A credential that ended between verification and change starts and ends nothing.
pub async fn reject_an_actor_that_is_no_longer_valid(harness: &dyn AgentRunHarness) {
    let run = fixtures::run(11, acting().id);
    put_all(harness, &[]).await;
    put(harness, 11, &run).await;
    for how in InvalidActor::ALL {
        seed(harness).await;
        let invalid = invalidate_actor(harness, how).await;
        let mut starting = start(10, 10);
        starting.actor = invalid.clone();
        assert_eq!(
            begin(harness, starting).await,
            StartRunOutcome::NotAuthorized(how.error()),
            "{how:?}"
        );
        let mut ending = ending(run.id, 1);
        ending.actor = invalid;
        assert_eq!(
            end(harness, ending).await,
            EndRunsOutcome::NotAuthorized(how.error()),
            "{how:?}"
        );
        assert!(find(harness, 10).await.is_none(), "{how:?}");
        assert_eq!(stored(harness, 11).await.revoked_at, None, "{how:?}");
        assert_eq!(audit_log(harness).await, vec![], "{how:?}");
    }
}

/// Inserts user 1, their acting token and these runs.
async fn put_all(harness: &dyn AgentRunHarness, runs: &[(u64, &Token)]) {
    seed(harness).await;
    for (number, run) in runs {
        put(harness, *number, run).await;
    }
}

/// An ended run is a tombstone. Ending it again finds nothing, and neither does another user or a
/// token that is not a run.
pub async fn are_ended_once(harness: &dyn AgentRunHarness) {
    let run = fixtures::run(10, acting().id);
    let mut over = fixtures::run(11, acting().id);
    over.expires_at = Some(NOW);
    harness.put_user(&fixtures::user(2)).await;
    put_all(harness, &[(10, &run), (11, &over)]).await;
    let mut foreign = ending(run.id, 1);
    foreign.owner = fixtures::user(2).id;
    assert_eq!(end(harness, foreign).await, EndRunsOutcome::NotFound);
    for id in [acting().id, fixtures::run(12, acting().id).id] {
        assert_eq!(end(harness, ending(id, 1)).await, EndRunsOutcome::NotFound);
    }
    let outcomes = join_all((20..36).map(|event| end(harness, ending(run.id, event)))).await;
    let ended = outcomes
        .iter()
        .filter(|outcome| **outcome == EndRunsOutcome::Ended(1))
        .count();
    assert_eq!(ended, 1, "{outcomes:?}");
    assert_eq!(stored(harness, 10).await.revoked_at, Some(NOW));
    assert_eq!(audit_log(harness).await.len(), 1);
    // It may still be live by another server's clock.
    let expired = end(harness, ending(over.id, 2)).await;
    assert_eq!(expired, EndRunsOutcome::Ended(1));
}

/// A run that ends itself does so once, however often it asks at the same time; every other
/// attempt finds its own credential ended.
pub async fn end_themselves_once(harness: &dyn AgentRunHarness) {
    let run = fixtures::run(10, acting().id);
    let other = fixtures::run(11, acting().id);
    put_all(harness, &[(10, &run), (11, &other)]).await;
    let itself = |event| {
        let mut change = ending(run.id, event);
        change.actor.credential = CredentialId::Token(run.id);
        change.actor.requirement = Requirement::ANY_TOKEN;
        change
    };
    let outcomes = join_all((20..36).map(|event| end(harness, itself(event)))).await;
    let ended = outcomes
        .iter()
        .filter(|outcome| **outcome == EndRunsOutcome::Ended(1));
    assert_eq!(ended.count(), 1, "{outcomes:?}");
    let refused = outcomes.iter().filter(|outcome| {
        let revoked = Rejection::Revoked { at: NOW };
        **outcome == EndRunsOutcome::NotAuthorized(ActorError::Rejected(revoked))
    });
    assert_eq!(refused.count(), 15, "{outcomes:?}");
    assert_eq!(stored(harness, 10).await.revoked_at, Some(NOW));
    assert_eq!(stored(harness, 11).await.revoked_at, None);
    assert_eq!(audit_log(harness).await.len(), 1);
}

/// Pages contain the live runs, or all stored ones, newest first.
pub async fn are_paged_newest_first(harness: &dyn AgentRunHarness) {
    seed(harness).await;
    harness.put_user(&fixtures::user(2)).await;
    for number in 10..17 {
        let mut run = fixtures::run(number, acting().id);
        match number {
            11 => run.revoked_at = Some(NOW),
            12 => run.expires_at = Some(NOW),
            13 => run.owner = fixtures::user(2).id,
            _ => {}
        }
        put(harness, number, &run).await;
    }
    let ids = |numbers: &[u64]| -> Vec<TokenId> {
        let run = |number: &u64| fixtures::run(*number, acting().id).id;
        numbers.iter().map(run).collect()
    };
    assert_eq!(runs(harness, false, None, 10).await, ids(&[16, 15, 14, 10]));
    let all = ids(&[16, 15, 14, 12, 11, 10]);
    assert_eq!(runs(harness, true, None, 10).await, all);
    assert_eq!(runs(harness, true, None, 2).await, all[..2]);
    assert_eq!(runs(harness, true, Some(all[1]), 10).await, all[2..]);
    assert_eq!(runs(harness, false, Some(all[2]), 10).await, ids(&[10]));
    // The same for the runs of one issuing token, including ended ones.
    let other = fixtures::token(1, NOW);
    put(harness, 1, &other).await;
    put(harness, 17, &fixtures::run(17, other.id)).await;
    let issued = async |owner, issuer, limit| -> Vec<TokenId> {
        let filter = RunFilter {
            issuer: Some(issuer),
            ..RunFilter::ANY
        };
        let store = harness.agent_runs();
        let found = store.runs(owner, &filter, NOW, None, limit);
        let found = found.await.expect("the store works");
        found.iter().map(|run| run.id).collect()
    };
    let (owner, id) = (acting().owner, acting().id);
    assert_eq!(issued(owner, id, 10).await, all);
    assert_eq!(issued(owner, id, 2).await, all[..2]);
    assert_eq!(issued(owner, other.id, 10).await, ids(&[17]));
    let foreign = issued(fixtures::user(2).id, id, 10).await;
    assert_eq!(foreign, ids(&[13]));
}

/// Revoking a token ends the runs that were started with it, each with its event, and no others.
pub async fn end_with_the_revocation_of_their_issuer(harness: &dyn AgentRunHarness) {
    seed(harness).await;
    let issuer = fixtures::token(1, NOW);
    put(harness, 1, &issuer).await;
    for number in 100..200 {
        put(harness, number, &fixtures::run(number, issuer.id)).await;
    }
    let mut over = fixtures::run(200, issuer.id);
    over.expires_at = Some(NOW);
    // By this clock: another server's may be behind and consider it live.
    let foreign = fixtures::run(201, acting().id);
    put(harness, 200, &over).await;
    put(harness, 201, &foreign).await;
    let revoked = harness
        .tokens()
        .revoke_token(revocation(issuer.id, 1))
        .await;
    assert_eq!(
        revoked.expect("the store works"),
        RevokeTokenOutcome::Revoked
    );
    for number in 100..200 {
        let run = stored(harness, number).await;
        assert_eq!(run.revoked_at, Some(NOW), "{number}");
    }
    let over = stored(harness, 200).await;
    assert_eq!(over.revoked_at, Some(NOW));
    assert_eq!(stored(harness, 201).await, foreign);
    let audit_log = audit_log(harness).await;
    assert_eq!(audit_log.len(), 102, "one for each, and the revocation");
    for event in audit_log {
        if event.action == AgentRunAction::ENDED {
            assert_eq!(event.related, Some(Subject::Token(issuer.id)));
            assert_eq!(event.at, NOW);
        } else {
            assert_eq!(event.subject, Subject::Token(issuer.id));
        }
    }
}

/// Rotating the issuing token ends the runs: immediately, or at the end of the overlap.
pub async fn end_with_the_rotation_of_their_issuer(harness: &dyn AgentRunHarness) {
    seed(harness).await;
    let later = NOW.saturating_add_seconds(120);
    for (number, end) in [
        (1, PredecessorEnd::Immediately),
        (2, PredecessorEnd::After(later)),
    ] {
        let issuer = fixtures::token(number, NOW);
        put(harness, number, &issuer).await;
        put(harness, 10 + number, &fixtures::run(10 + number, issuer.id)).await;
        let mut short = fixtures::run(20 + number, issuer.id);
        short.expires_at = Some(NOW.saturating_add_seconds(60));
        put(harness, 20 + number, &short).await;
        let change = replacement(issuer.id, 30 + number, end);
        let replaced = harness.tokens().rotate_token(change).await;
        assert_eq!(
            replaced.expect("the store works"),
            RotateTokenOutcome::Rotated
        );
    }
    for number in [11, 21] {
        let run = stored(harness, number).await;
        assert_eq!(run.status(NOW), Status::Revoked, "{number}");
    }
    assert_eq!(stored(harness, 12).await.expires_at, Some(later));
    assert_eq!(stored(harness, 12).await.status(NOW), Status::Live);
    let short = stored(harness, 22).await;
    assert_eq!(short.expires_at, Some(NOW.saturating_add_seconds(60)));
}

/// Whether the run starts or its issuing token is revoked first, no run is live afterwards.
pub async fn never_outlive_a_revocation_that_they_race(harness: &dyn AgentRunHarness) {
    seed(harness).await;
    for round in 0..8 {
        let (issuer_number, run_number) = (100 + round, 200 + round);
        let issuer = fixtures::token(issuer_number, NOW);
        put(harness, issuer_number, &issuer).await;
        let mut starting = start(run_number, 100);
        starting.actor.credential = CredentialId::Token(issuer.id);
        starting.run = fixtures::run(run_number, issuer.id);
        let tokens = harness.tokens();
        let revoking = tokens.revoke_token(revocation(issuer.id, 300 + round));
        let (started, revoked) = if round % 2 == 0 {
            join(begin(harness, starting), revoking).await
        } else {
            let (revoked, started) = join(revoking, begin(harness, starting)).await;
            (started, revoked)
        };
        assert_eq!(
            revoked.expect("the store works"),
            RevokeTokenOutcome::Revoked
        );
        match started {
            StartRunOutcome::Started(_) => {
                let run = stored(harness, run_number).await;
                assert_eq!(run.status(NOW), Status::Revoked);
            }
            StartRunOutcome::NotAuthorized(error) => {
                assert_eq!(error, Rejection::Revoked { at: NOW }.into());
            }
            other => panic!("unexpected {other:?}"),
        }
    }
}

/// Ended and expired runs are purged after the retention period.
pub async fn are_purged_in_time(harness: &dyn AgentRunHarness) {
    seed(harness).await;
    let before: Timestamp = NOW.saturating_add_millis(-1);
    let mut expired = fixtures::run(10, acting().id);
    expired.expires_at = Some(before);
    let mut ended = fixtures::run(11, acting().id);
    ended.revoked_at = Some(before);
    let mut recent = fixtures::run(12, acting().id);
    recent.expires_at = Some(NOW);
    let live = fixtures::run(13, acting().id);
    let mut long = fixtures::run(15, acting().id);
    long.expires_at = Some(before);
    long.revoked_at = Some(NOW);
    for (number, token) in [
        (10, &expired),
        (11, &ended),
        (12, &recent),
        (13, &live),
        (15, &long),
    ] {
        put(harness, number, token).await;
    }
    let purged = harness.tokens().purge_ended_before(NOW, 100).await;
    assert_eq!(purged.expect("the store works"), 2);
    for number in [10, 11] {
        assert!(find(harness, number).await.is_none(), "{number}");
    }
    for number in [12, 13, 15] {
        assert!(find(harness, number).await.is_some(), "{number}");
    }
}
