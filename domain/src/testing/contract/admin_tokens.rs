//! The tokens of all users.

use futures_util::future::{join, join_all};

use super::{
    AccountHarness, InvalidActor, NOW, acting, actor, audit_log, find, insert, insertion,
    invalidate_actor, put, seed,
};
use crate::access::{Actor, CredentialId, Requirement};
use crate::admin_tokens::{
    ReportLeakedTokens, RevokeMatching, RevokeMatchingOutcome, Stats, TokenFilter,
};
use crate::agent_run::AgentRunAction;
use crate::audit::{AuditActor, AuditEvent, RequestContext, Subject};
use crate::testing::fixtures;
use crate::token::{PredecessorEnd, RevokedBy, Scope, Search, Status, Token, TokenAction, TokenId};
use crate::user::{NoticeAbout, Role};

/// Inserts tokens 1 to 6 of two users, in every status, used and unused, and an agent run, which is
/// never listed.
pub(super) async fn fill(harness: &dyn AccountHarness) -> Vec<Token> {
    seed(harness).await;
    let grace = fixtures::user(2);
    harness.put_user(&grace).await;
    let hour = 60 * 60;
    let mut tokens: Vec<Token> = (1..=6).map(|number| fixtures::token(number, NOW)).collect();
    tokens[0].scope = Scope::ReadWrite;
    tokens[1].owner = grace.id;
    tokens[1].last_used_at = Some(NOW.saturating_add_seconds(hour));
    tokens[2].expires_at = Some(NOW);
    tokens[3].expires_at = Some(NOW.saturating_add_seconds(hour));
    tokens[3].owner = grace.id;
    tokens[4].revoked_at = Some(NOW);
    tokens[5].created_at = NOW.saturating_add_seconds(-hour);
    for (number, token) in (1..).zip(&tokens) {
        put(harness, number, token).await;
    }
    let mut run = fixtures::run(7, tokens[4].id);
    run.owner = tokens[4].owner;
    put(harness, 7, &run).await;
    tokens.insert(0, acting());
    tokens
}

pub(super) async fn matching_tokens(
    harness: &dyn AccountHarness,
    filter: &TokenFilter,
) -> Vec<TokenId> {
    let tokens = harness.admin_tokens().tokens(filter, NOW, None, 100).await;
    let tokens = tokens.expect("the store works");
    tokens.iter().map(|owned| owned.token.id).collect()
}

pub(super) async fn matching_tokens_by_id(
    harness: &dyn AccountHarness,
    filter: &TokenFilter,
) -> Vec<TokenId> {
    let ids = harness.admin_tokens().matching_ids(filter, NOW).await;
    ids.expect("the store works")
}

/// Returns the revocation of the tokens that match the filter. Its events are `event` and those
/// derived from it.
pub(super) fn revocation(filter: &TokenFilter, event: u64) -> RevokeMatching {
    let subject = Subject::User(fixtures::user(1).id);
    RevokeMatching {
        actor: Actor {
            requirement: Requirement::HUMAN_ADMIN,
            ..actor()
        },
        filter: filter.clone(),
        kept: None,
        expected: None,
        audit: AuditEvent {
            actor: AuditActor::Token {
                user: acting().owner,
                token: acting().id,
            },
            ..fixtures::audit(event, NOW, TokenAction::REVOKED, subject)
        },
    }
}

pub(super) async fn revoke(
    harness: &dyn AccountHarness,
    change: RevokeMatching,
) -> RevokeMatchingOutcome {
    let outcome = harness.admin_tokens().revoke_matching(change).await;
    outcome.expect("the store works")
}

/// Each filter returns what [`TokenFilter::matches`] defines.
pub async fn matches_what_the_filter_matches(harness: &dyn AccountHarness) {
    let tokens = fill(harness).await;
    let none = TokenFilter::default();
    let minute = NOW.saturating_add_seconds(60);
    for filter in [
        none.clone(),
        TokenFilter {
            owner: Some(fixtures::user(2).id),
            ..none.clone()
        },
        TokenFilter {
            search: Some(Search::parse(" TOKEN 2").expect("a part of a name")),
            ..none.clone()
        },
        TokenFilter {
            search: Some(Search::parse("%").expect("a part of a name")),
            ..none.clone()
        },
        TokenFilter {
            scope: Some(Scope::ReadWrite),
            ..none.clone()
        },
        TokenFilter {
            status: Some(Status::Live),
            ..none.clone()
        },
        TokenFilter {
            status: Some(Status::Expired),
            ..none.clone()
        },
        TokenFilter {
            status: Some(Status::Revoked),
            ..none.clone()
        },
        TokenFilter {
            unused_since: Some(NOW),
            ..none.clone()
        },
        TokenFilter {
            unused_since: Some(minute),
            ..none.clone()
        },
        TokenFilter {
            created_before: Some(NOW),
            ..none.clone()
        },
        TokenFilter {
            created_before: Some(minute),
            ..none.clone()
        },
        TokenFilter {
            expiring_before: Some(minute),
            ..none.clone()
        },
        TokenFilter {
            expiring_before: Some(minute.saturating_add_seconds(60 * 60)),
            token: Some(tokens[4].id),
            status: Some(Status::Live),
            owner: Some(fixtures::user(2).id),
            scope: Some(Scope::Admin),
            search: None,
            unused_since: Some(minute),
            created_before: Some(minute),
        },
    ] {
        let mut expected: Vec<TokenId> = tokens
            .iter()
            .filter(|token| filter.matches(token, NOW))
            .map(|token| token.id)
            .collect();
        expected.sort_by(|one, other| other.cmp(one));
        assert_eq!(
            matching_tokens(harness, &filter).await,
            expected,
            "{filter:?}"
        );
        let mut ids = matching_tokens_by_id(harness, &filter).await;
        ids.sort_by(|one, other| other.cmp(one));
        assert_eq!(ids, expected, "{filter:?}");
    }
}

/// Pages have no gaps or repetitions, and each token has its current owner.
pub async fn pages_newest_first_with_owners(harness: &dyn AccountHarness) {
    fill(harness).await;
    let all = matching_tokens(harness, &TokenFilter::default()).await;
    let mut seen = vec![];
    loop {
        let after = seen.last().copied();
        let page = harness
            .admin_tokens()
            .tokens(&TokenFilter::default(), NOW, after, 2)
            .await
            .expect("the store works");
        assert!(page.len() <= 2);
        if page.is_empty() {
            break;
        }
        for owned in page {
            let number = if owned.token.owner == fixtures::user(2).id {
                2
            } else {
                1
            };
            assert_eq!(owned.owner, fixtures::owner(number));
            seen.push(owned.token.id);
        }
    }
    assert_eq!(seen, all);
}

/// Revokes all matching tokens at once, of any owner, except for the one to keep; each has its
/// event, and is returned in its previous state with its owner. Owners other than the actor get a
/// notice with the number of their tokens that worked.
pub async fn revokes_all_in_one_step(harness: &dyn AccountHarness) {
    let mut tokens = fill(harness).await;
    let [actor, grace] = [1, 2].map(|number| fixtures::user(number).id);
    let mut expired = fixtures::token(8, NOW);
    expired.owner = grace;
    expired.expires_at = Some(NOW);
    put(harness, 8, &expired).await;
    tokens.push(expired);
    let mut change = revocation(&TokenFilter::default(), 1);
    change.kept = Some(acting().id);
    let RevokeMatchingOutcome::Revoked(revoked) = revoke(harness, change).await else {
        panic!("the actor is good");
    };
    let mut expected: Vec<Token> = tokens[1..]
        .iter()
        .filter(|token| token.revoked_at.is_none())
        .cloned()
        .collect();
    expected.sort_by_key(|token| std::cmp::Reverse(token.id));
    let found: Vec<Token> = revoked.iter().map(|owned| owned.token.clone()).collect();
    assert_eq!(found, expected);
    assert!(
        revoked
            .iter()
            .all(|owned| owned.owner.id == owned.token.owner)
    );
    for number in 1..=6 {
        let token = find(harness, number).await.expect("it is there").token;
        assert_eq!(token.revoked_at, Some(NOW), "{number}");
    }
    let run = find(harness, 7).await.expect("it is there").token;
    assert_eq!(run.revoked_at, None, "no agent run");
    let left = matching_tokens(harness, &TokenFilter::default()).await;
    assert_eq!(left, [acting().id]);
    let events = audit_log(harness).await;
    assert_eq!(events.len(), expected.len());
    for token in &expected {
        let subject = Subject::Token(token.id);
        assert!(events.iter().any(|event| event.subject == subject));
    }
    let notices = harness.users().notices(grace).await;
    let notices = notices.expect("the store works");
    let [notice] = &notices[..] else {
        panic!("{notices:?}")
    };
    let NoticeAbout::RevokedTokens { event, count: 2 } = notice.about else {
        panic!("{notice:?}")
    };
    assert!(events.iter().any(|found| found.id == event));
    assert_eq!(notice.at, NOW);
    let own = harness.users().notices(actor).await;
    assert_eq!(own.expect("the store works"), []);
}

/// Revokes only matching tokens, for every kind of filter, including a token's own id.
pub async fn revokes_only_what_the_filter_matches(harness: &dyn AccountHarness) {
    let tokens = fill(harness).await;
    let none = TokenFilter::default();
    let steps = [
        TokenFilter {
            token: Some(tokens[1].id),
            ..none.clone()
        },
        TokenFilter {
            status: Some(Status::Expired),
            ..none.clone()
        },
        TokenFilter {
            owner: Some(fixtures::user(2).id),
            unused_since: Some(NOW.saturating_add_seconds(60)),
            ..none.clone()
        },
        TokenFilter {
            status: Some(Status::Revoked),
            ..none.clone()
        },
    ];
    for (event, filter) in (1..).zip(steps) {
        let expected = match filter.status {
            Some(Status::Revoked) => vec![],
            _ => matching_tokens(harness, &filter).await,
        };
        let outcome = revoke(harness, revocation(&filter, event)).await;
        let RevokeMatchingOutcome::Revoked(revoked) = outcome else {
            panic!("the actor is good");
        };
        let found: Vec<TokenId> = revoked.iter().map(|owned| owned.token.id).collect();
        assert_eq!(found, expected, "{filter:?}");
    }
    let left = matching_tokens(harness, &none).await;
    assert_eq!(
        left.len(),
        3,
        "acting, used a moment ago, and the old one: {left:?}"
    );
}

/// Tokens that are created while all tokens of their owner are revoked are either revoked, too, or
/// were created by a credential that was valid afterwards, which does not exist.
pub async fn includes_tokens_that_are_created_concurrently(harness: &dyn AccountHarness) {
    seed(harness).await;
    let grace = fixtures::user(2);
    harness.put_user(&grace).await;
    let mut stolen = fixtures::token(1, NOW);
    stolen.owner = grace.id;
    put(harness, 1, &stolen).await;
    let issue = |number| {
        let mut change = insertion(number, 1_000);
        change.actor.credential = CredentialId::Token(stolen.id);
        change.token.owner = grace.id;
        insert(harness, change)
    };
    let filter = TokenFilter {
        owner: Some(grace.id),
        ..TokenFilter::default()
    };
    let racing = join_all((100..132).map(issue));
    let bulk = async {
        // In the middle of them.
        let (_, outcome) = join(issue(99), revoke(harness, revocation(&filter, 1))).await;
        outcome
    };
    let (_, outcome) = join(racing, bulk).await;
    assert!(matches!(outcome, RevokeMatchingOutcome::Revoked(_)));
    assert_eq!(matching_tokens(harness, &filter).await, vec![]);
}

/// A credential that ended between verification and change revokes nothing.
pub async fn rejects_an_actor_that_is_no_longer_valid(harness: &dyn AccountHarness) {
    let token = fixtures::token(1, NOW);
    seed(harness).await;
    put(harness, 1, &token).await;
    for how in InvalidActor::ALL {
        seed(harness).await;
        let invalid = invalidate_actor(harness, how).await;
        let mut change = revocation(&TokenFilter::default(), 1);
        change.actor = Actor {
            requirement: Requirement::HUMAN_ADMIN,
            ..invalid
        };
        assert_eq!(
            revoke(harness, change).await,
            RevokeMatchingOutcome::NotAuthorized(how.error()),
            "{how:?}"
        );
        assert_eq!(find(harness, 1).await.expect("it is there").token, token);
    }
    assert_eq!(audit_log(harness).await, vec![]);
}

/// Of the reported tokens, live ones are revoked, with an event and a notice; others are unchanged.
/// A token that is reported twice is revoked once.
pub async fn reports_affect_live_tokens_only(harness: &dyn AccountHarness) {
    let tokens = fill(harness).await;
    let event = |number| {
        let (action, subject) = (TokenAction::REPORTED_LEAKED, Subject::Token(tokens[1].id));
        fixtures::audit(number, NOW, action, subject).id
    };
    let report = || ReportLeakedTokens {
        // Live, of another user, expired, revoked, unknown, and the first again.
        reported: [1, 2, 3, 5, 99, 1]
            .into_iter()
            .zip(1..)
            .map(|(number, id)| (fixtures::digest(number), event(id)))
            .collect(),
        now: NOW,
        context: RequestContext::default(),
    };
    let reported = harness.admin_tokens().report_leaked_tokens(report()).await;
    assert_eq!(reported.expect("the store works"), 2);
    for (number, revoked) in [(1, true), (2, true), (3, false), (4, false)] {
        let token = find(harness, number).await.expect("it is there").token;
        assert_eq!(token.revoked_at.is_some(), revoked, "{number}");
    }
    let events = audit_log(harness).await;
    assert_eq!(events.len(), 2);
    let grace = fixtures::user(2).id;
    assert!(events.iter().any(|event| {
        event.action == TokenAction::REPORTED_LEAKED
            && event.subject == Subject::Token(tokens[2].id)
            && event.related == Some(Subject::User(grace))
    }));
    let notices = harness.users().notices(grace).await;
    assert_eq!(notices.expect("the store works").len(), 1);
    let again = harness.admin_tokens().report_leaked_tokens(report()).await;
    assert_eq!(again.expect("the store works"), 0);
}

/// Counts as of now.
pub async fn counts_everything(harness: &dyn AccountHarness) {
    let stats = harness.admin_tokens().stats(NOW).await;
    assert_eq!(stats.expect("the store works"), Stats::default());
    fill(harness).await;
    let mut suspended = fixtures::user(3);
    suspended.suspended_at = Some(NOW);
    let mut member = fixtures::user(4);
    member.role = Role::Member;
    harness.put_user(&suspended).await;
    harness.put_user(&member).await;
    for (number, past) in [(8, 0), (9, 1)] {
        let mut token = fixtures::token(number, NOW);
        token.expires_at = Some(Stats::expiring_until(NOW).saturating_add_millis(past));
        put(harness, number, &token).await;
    }
    let stats = harness.admin_tokens().stats(NOW).await;
    assert_eq!(
        stats.expect("the store works"),
        Stats {
            users_active: 3,
            users_suspended: 1,
            admins_active: 2,
            tokens_live: 7,
            tokens_live_admin: 6,
            tokens_expiring: 2,
            tokens_expired: 1,
            tokens_revoked: 1,
            invites_open: 0,
        }
    );
}

/// Bulk revocations and reports end the runs that were started with the revoked tokens, in the same
/// step; other runs continue. A run can itself be reported.
pub async fn ends_the_agent_runs_of_revoked_tokens(harness: &dyn AccountHarness) {
    seed(harness).await;
    let issuers: Vec<Token> = (1..=3).map(|number| fixtures::token(number, NOW)).collect();
    for (number, issuer) in (1..).zip(&issuers) {
        put(harness, number, issuer).await;
        for run in [10 * number, 10 * number + 1] {
            put(harness, run, &fixtures::run(run, issuer.id)).await;
        }
    }
    let one = TokenFilter {
        token: Some(issuers[0].id),
        ..TokenFilter::default()
    };
    let outcome = revoke(harness, revocation(&one, 1)).await;
    assert!(matches!(outcome, RevokeMatchingOutcome::Revoked(tokens) if tokens.len() == 1));
    let event = |number| fixtures::audit(number, NOW, TokenAction::REPORTED_LEAKED, subject()).id;
    let report = ReportLeakedTokens {
        reported: vec![
            (fixtures::digest(2), event(2)),
            // One with its issuer and one without: both are reported themselves.
            (fixtures::digest(20), event(4)),
            (fixtures::digest(31), event(3)),
        ],
        now: NOW,
        context: RequestContext::default(),
    };
    let reported = harness.admin_tokens().report_leaked_tokens(report).await;
    assert_eq!(reported.expect("the store works"), 3);
    for (number, revoked_at) in [
        (10, Some(NOW)),
        (11, Some(NOW)),
        (20, Some(NOW)),
        (21, Some(NOW)),
        (30, None),
        (31, Some(NOW)),
        (3, None),
    ] {
        let token = find(harness, number).await.expect("it is there").token;
        assert_eq!(token.revoked_at, revoked_at, "{number}");
    }
    let audit_log = audit_log(harness).await;
    let ended = audit_log
        .iter()
        .filter(|event| event.action == AgentRunAction::ENDED);
    assert_eq!(ended.count(), 3, "two with the first, one with the second");
    assert_eq!(audit_log.len(), 7);
    let told = harness.users().notices(fixtures::user(1).id).await;
    assert_eq!(told.expect("the store works").len(), 3);
}

fn subject() -> Subject {
    Subject::User(fixtures::user(1).id)
}

/// A tombstone contains the reason why the token was revoked.
pub async fn shows_why_a_token_was_revoked(harness: &dyn AccountHarness) {
    seed(harness).await;
    let other = fixtures::user(2);
    harness.put_user(&other).await;
    for number in 1..=5 {
        let mut token = fixtures::token(number, NOW);
        if number == 5 {
            token.owner = other.id;
        }
        put(harness, number, &token).await;
    }
    let id = |number| fixtures::token(number, NOW).id;
    let tokens = harness.tokens();
    let _ = tokens
        .revoke_token(super::revocation(id(1), 11))
        .await
        .expect("revoked");
    let replaced = super::replacement(id(2), 12, PredecessorEnd::Immediately);
    let _ = tokens.rotate_token(replaced).await.expect("replaced");
    let report = ReportLeakedTokens {
        reported: vec![(
            fixtures::digest(3),
            fixtures::audit(13, NOW, TokenAction::REPORTED_LEAKED, Subject::Token(id(3))).id,
        )],
        now: NOW,
        context: RequestContext::default(),
    };
    harness
        .admin_tokens()
        .report_leaked_tokens(report)
        .await
        .expect("reported");
    for (number, event) in [(4, 14), (5, 15)] {
        let filter = TokenFilter {
            token: Some(id(number)),
            ..TokenFilter::default()
        };
        let _ = revoke(harness, revocation(&filter, event)).await;
    }
    for (number, reason) in [
        (1, RevokedBy::Owner),
        (2, RevokedBy::Rotation),
        (3, RevokedBy::Leak),
        (4, RevokedBy::Owner),
        (5, RevokedBy::Administrator),
    ] {
        let owner = if number == 5 {
            other.id
        } else {
            acting().owner
        };
        let token = super::listing::shown(harness, owner, id(number)).await;
        assert_eq!(token.details.revoked_by, Some(reason), "{number}");
        assert_eq!(token.revoked_at, Some(NOW));
    }
    let live = super::listing::shown(harness, acting().owner, acting().id).await;
    assert_eq!(live.details.revoked_by, None);
}
