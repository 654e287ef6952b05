//! Rows that violate the constraints: they are listed as damaged, never accepted, and can still be
//! revoked or ended.

use futures_util::future::join_all;

use super::{DamageHarness, NOW, acting, actor, audit_log, find, list, put, revocation, seed};
use crate::StoreError;
use crate::access::{Actor, Requirement};
use crate::admin_tokens::{
    ReportLeakedTokens, Review, RevokeMatching, RevokeMatchingOutcome, TokenFilter,
};
use crate::agent_run::{AgentRunAction, EndRuns, EndRunsOutcome, RunFilter};
use crate::audit::{AuditFilter, RawEvent, RequestContext, Subject};
use crate::invite::{
    CreateInvite, CreateInviteOutcome, InviteAction, WithdrawInvite, WithdrawInviteOutcome,
};
use crate::session::SessionAction;
use crate::store::Listing;
use crate::testing::fixtures;
use crate::token::{CreateTokenOutcome, ListFilter, RevokeTokenOutcome, Scope, Token, TokenAction};
use crate::user::{ChangeUser, ChangeUserOutcome, Role, User, UserAction, UserChange};
use crate::work_item::{QueueSection, WorkItemFilter};

/// The columns of token 1 that can be damaged.
const TOKEN: [(&str, &str); 6] = [
    (
        "scope",
        "UPDATE tokens SET scope = 'root' WHERE name = 'token 1'",
    ),
    (
        "successor",
        "UPDATE tokens SET successor = 'usr_1' WHERE name = 'token 1'",
    ),
    (
        "kind",
        "UPDATE tokens SET agent_id = 'agent' WHERE name = 'token 1'",
    ),
    (
        "kind",
        "UPDATE tokens SET issuer_id = id WHERE name = 'token 1'",
    ),
    (
        "work_item",
        "UPDATE tokens SET work_item = 'OPS-01' WHERE name = 'token 1'",
    ),
    (
        "kind",
        "UPDATE tokens SET work_item = 'OPS-1' WHERE name = 'token 1'",
    ),
];

pub(super) fn admin() -> Actor {
    Actor {
        requirement: Requirement::HUMAN_ADMIN,
        ..actor()
    }
}

/// Returns the tables, ids and columns of the damaged rows.
pub(super) fn damaged<T>(listing: &Listing<T>) -> Vec<(&'static str, String, &'static str)> {
    let rows = listing.damaged();
    rows.map(|row| (row.table, row.id.clone(), row.column.0))
        .collect()
}

fn is_corrupt<T>(read: &Result<T, StoreError>) -> bool {
    matches!(read, Err(StoreError::Corrupt(_)))
}

/// Returns whether nothing of the token is left, so that its lookup no longer fails.
pub(super) async fn is_gone(harness: &dyn DamageHarness, number: u64) -> bool {
    find(harness, number).await.is_none()
}

/// Inserts tokens 1, which is damaged, and 2.
async fn seed_damaged(harness: &dyn DamageHarness, statement: &str) -> (Token, Token) {
    seed(harness).await;
    let (bad, good) = (fixtures::token(1, NOW), fixtures::token(2, NOW));
    put(harness, 1, &bad).await;
    put(harness, 2, &good).await;
    harness.damage(statement).await;
    (bad, good)
}

/// A damaged token is listed next to the others, and only its own lookup fails.
pub async fn hides_no_other_token(harness: &dyn DamageHarness) {
    for (column, statement) in TOKEN {
        let (bad, good) = seed_damaged(harness, statement).await;
        let expected = [("tokens", bad.id.to_string(), column)];
        let filter = ListFilter::default();
        let store = harness.tokens();
        let mine = store.list(good.owner, &filter, NOW, None, 10).await;
        let mine = mine.expect("a list");
        assert_eq!(mine.to_vec(), [good.clone(), acting()], "{statement}");
        assert_eq!(damaged(&mine), expected, "{statement}");
        let filter = TokenFilter::default();
        let all = harness.admin_tokens().tokens(&filter, NOW, None, 10).await;
        let all = all.expect("a list");
        assert_eq!((all.len(), damaged(&all)), (2, expected.to_vec()));
        // Concurrently, so that they are looked up in one batch.
        let tokens = harness.tokens();
        let digests = [0, 1, 2, 1, 2].map(fixtures::digest);
        let found = join_all(digests.iter().map(|digest| tokens.find_by_digest(digest))).await;
        for (number, found) in [0, 1, 2, 1, 2].into_iter().zip(found) {
            if number == 1 {
                assert!(is_corrupt(&found), "{statement}: {found:?}");
            } else {
                assert!(found.expect("found").is_some(), "{statement}");
            }
        }
        let inserted = super::insertion(3, 3);
        let inserted = tokens.create_token(inserted).await;
        assert_eq!(inserted.expect("counted"), CreateTokenOutcome::QuotaReached);
        put(harness, 1, &bad).await;
    }
}

/// Damaged details that no decision depends on count as absent: the token is accepted and listed.
pub async fn in_mere_details_counts_as_absent(harness: &dyn DamageHarness) {
    for statement in [
        "UPDATE tokens SET last_four = '<b>'",
        "UPDATE tokens SET created_from = 'nowhere'",
        "UPDATE tokens SET last_used_from = ''",
        "UPDATE tokens SET revoked_by = 'robot'",
        "UPDATE tokens SET name_folded = ''",
    ] {
        let (token, other) = seed_damaged(harness, statement).await;
        assert!(find(harness, 1).await.is_some(), "{statement}");
        assert_eq!(list(harness, token.owner).await, [other, token, acting()]);
    }
}

/// Revoking a damaged token succeeds once, in every way, and leaves only its event.
pub async fn is_revoked_without_being_decoded(harness: &dyn DamageHarness) {
    let kind = "UPDATE tokens SET kind = 'robot' WHERE name = 'token 1'";
    let statements = TOKEN.iter().map(|(_, statement)| *statement).chain([kind]);
    for (event, statement) in (10..).zip(statements) {
        let (bad, good) = seed_damaged(harness, statement).await;
        let mut foreign = revocation(bad.id, event);
        foreign.owner = fixtures::user(2).id;
        let tokens = harness.tokens();
        let outcome = tokens.revoke_token(foreign).await.expect("decided");
        assert_eq!(outcome, RevokeTokenOutcome::NotFound, "{statement}");
        let outcome = tokens.revoke_token(revocation(bad.id, event)).await;
        assert_eq!(outcome.expect("decided"), RevokeTokenOutcome::Revoked);
        assert!(is_gone(harness, 1).await, "{statement}");
        let again = tokens.revoke_token(revocation(bad.id, event + 100)).await;
        assert_eq!(again.expect("decided"), RevokeTokenOutcome::NotFound);
        assert_eq!(list(harness, good.owner).await, [good, acting()]);
        let told = &audit_log(harness).await[0];
        assert_eq!(told.subject, Subject::Token(bad.id));
    }
}

/// A bulk revocation includes damaged tokens and runs, each with its event.
pub async fn is_revoked_in_bulk(harness: &dyn DamageHarness) {
    let (bad, good) = seed_damaged(harness, TOKEN[0].1).await;
    put(harness, 5, &fixtures::run(5, bad.id)).await;
    put(harness, 6, &fixtures::run(6, good.id)).await;
    harness
        .damage("UPDATE tokens SET scope = 'root' WHERE name = 'agent-6'")
        .await;
    let change = RevokeMatching {
        actor: admin(),
        filter: TokenFilter {
            owner: Some(good.owner),
            ..TokenFilter::default()
        },
        kept: Some(acting().id),
        expected: Some(Review::of([bad.id, good.id]).digest),
        audit: fixtures::audit(9, NOW, TokenAction::REVOKED, Subject::User(good.owner)),
    };
    let store = harness.admin_tokens();
    let mut ids = store.matching_ids(&change.filter, NOW).await.expect("ids");
    ids.sort();
    assert_eq!(ids, [acting().id, bad.id, good.id]);
    let reviewed = store.tokens_by_id(&ids).await.expect("a list");
    assert_eq!((reviewed.len(), damaged(&reviewed).len()), (2, 1));
    let outcome = store.revoke_matching(change).await;
    let RevokeMatchingOutcome::Revoked(revoked) = outcome.expect("decided") else {
        panic!("the actor is good");
    };
    assert_eq!((revoked.len(), damaged(&revoked).len()), (1, 1));
    assert!(is_gone(harness, 1).await);
    assert!(is_gone(harness, 6).await);
    let run = find(harness, 5).await.expect("a tombstone").token;
    assert_eq!(run.revoked_at, Some(NOW));
    let mut told: Vec<_> = audit_log(harness)
        .await
        .iter()
        .map(|event| event.action)
        .collect();
    told.sort_by_key(|action| action.as_str());
    assert_eq!(
        told,
        [
            AgentRunAction::ENDED,
            AgentRunAction::ENDED,
            TokenAction::REVOKED,
            TokenAction::REVOKED
        ]
    );
}

/// A leak report revokes a damaged token.
pub async fn is_reported(harness: &dyn DamageHarness) {
    let (_, good) = seed_damaged(harness, TOKEN[0].1).await;
    let event = |number| {
        let subject = Subject::User(good.owner);
        fixtures::audit(number, NOW, TokenAction::REPORTED_LEAKED, subject).id
    };
    let reported = [(1, 21), (2, 22)].map(|(token, id)| (fixtures::digest(token), event(id)));
    let change = ReportLeakedTokens {
        reported: reported.to_vec(),
        now: NOW,
        context: RequestContext::default(),
    };
    let count = harness.admin_tokens().report_leaked_tokens(change).await;
    assert_eq!(count.expect("the store works"), 2);
    assert!(is_gone(harness, 1).await);
    let notices = harness.users().notices(good.owner).await.expect("notices");
    assert_eq!(notices.len(), 2, "{notices:?}");
}

/// A damaged run is listed, and can be ended by its owner or by a suspension, even if the user's
/// row is damaged, too.
pub async fn ends_with_its_run_or_user(harness: &dyn DamageHarness) {
    seed(harness).await;
    let store = harness.agent_runs();
    let bad = fixtures::run(5, acting().id);
    put(harness, 6, &fixtures::run(6, acting().id)).await;
    for statement in [
        "UPDATE tokens SET scope = 'root' WHERE name = 'agent-5'",
        "UPDATE tokens SET expires_at = NULL WHERE name = 'agent-5'",
        "UPDATE tokens SET issuer_id = NULL WHERE name = 'agent-5'",
        "UPDATE tokens SET agent_id = NULL WHERE name = 'agent-5'",
    ] {
        put(harness, 5, &bad).await;
        harness.damage(statement).await;
        let runs = store.runs(bad.owner, &RunFilter::ANY, NOW, None, 10).await;
        let runs = runs.expect("a list");
        assert_eq!(runs.len(), 1, "{statement}");
        assert_eq!(damaged(&runs)[0].1, bad.id.to_string(), "{statement}");
        let lookup = harness.tokens().find_by_digest(&fixtures::digest(5)).await;
        assert!(is_corrupt(&lookup), "{statement}: {lookup:?}");
        let (owner, run) = (bad.owner, bad.id);
        let event = 30 + audit_log(harness).await.len() as u64;
        let change = EndRuns {
            actor: actor(),
            owner,
            runs: vec![run],
            audit: fixtures::audit(event, NOW, AgentRunAction::ENDED, Subject::Token(run)),
        };
        let ended = store.end_runs(change).await.expect("decided");
        assert_eq!(ended, EndRunsOutcome::Ended(1), "{statement}");
        assert!(is_gone(harness, 5).await, "{statement}");
    }
    let user = fixtures::user(2);
    harness.put_user(&user).await;
    let run = Token {
        owner: user.id,
        ..bad.clone()
    };
    put(harness, 5, &run).await;
    harness
        .damage("UPDATE tokens SET scope = 'root' WHERE name = 'agent-5'")
        .await;
    harness
        .damage("UPDATE users SET role = 'owner' WHERE name = 'User 2'")
        .await;
    let users = harness.users();
    let page = users.page(None, 10).await.expect("a list");
    assert_eq!(page.to_vec(), [fixtures::user(1)]);
    assert_eq!(damaged(&page), [("users", user.id.to_string(), "role")]);
    let action = UserAction::SUSPENDED;
    let change = ChangeUser {
        actor: admin(),
        user: user.id,
        change: UserChange::Suspend,
        audit: fixtures::audit(60, NOW, action, Subject::User(user.id)),
    };
    let changed = users.change_user(change).await.expect("decided");
    let expected = User {
        role: Role::Member,
        suspended_at: Some(NOW),
        ..user
    };
    assert_eq!(changed, ChangeUserOutcome::Changed(expected.clone()));
    let found = users.find(expected.id).await.expect("it can be read now");
    assert_eq!(found, Some(expected));
    assert!(is_gone(harness, 5).await);
}

/// A damaged invite is listed and can be withdrawn.
pub async fn is_withdrawn(harness: &dyn DamageHarness) {
    seed(harness).await;
    for (number, column, change) in [
        (1, "role", "role = 'owner'"),
        (2, "kind", "kind = 'guest'"),
        (3, "claimed_by", "claimed_at = created_at"),
        (4, "role", "role = NULL"),
    ] {
        let invite = fixtures::invite(number);
        let store = harness.invites();
        let create = |number: u64| {
            let invite = fixtures::invite(number);
            CreateInvite {
                actor: Some(admin()),
                digest: fixtures::digest(number + 4_000),
                audit: fixtures::audit(
                    number + 4_000,
                    NOW,
                    InviteAction::CREATED,
                    Subject::Invite(invite.id),
                ),
                invite,
            }
        };
        for number in [number, number + 10] {
            let created = store.create_invite(create(number)).await.expect("decided");
            assert_eq!(created, CreateInviteOutcome::Created);
        }
        let address = format!("invited{number}@example.com");
        let statement = format!("UPDATE invites SET {change} WHERE email = '{address}'");
        harness.damage(&statement).await;
        let page = store.invites(None, 100).await.expect("a list");
        assert_eq!(damaged(&page), [("invites", invite.id.to_string(), column)]);
        let found = store.find_invite(&fixtures::digest(number + 4_000)).await;
        assert!(is_corrupt(&found), "{found:?}");
        let subject = Subject::Invite(invite.id);
        let withdraw = WithdrawInvite {
            actor: admin(),
            invite: invite.id,
            audit: fixtures::audit(number + 70, NOW, InviteAction::WITHDRAWN, subject),
        };
        let withdrawn = store.withdraw_invite(withdraw).await.expect("decided");
        assert_eq!(withdrawn, WithdrawInviteOutcome::Withdrawn, "{change}");
        let page = store.invites(None, 100).await.expect("a list");
        assert_eq!(damaged(&page), [], "{change}");
    }
}

/// An event that this version cannot decode is listed undecoded at its position.
pub async fn is_an_undecoded_event(harness: &dyn DamageHarness) {
    let store = harness.audit();
    let subject = Subject::User(fixtures::user(1).id);
    for second in 1..=5 {
        let at = NOW.saturating_add_seconds(i64::try_from(second).expect("a number"));
        let event = fixtures::audit(second, at, SessionAction::SIGNED_IN, subject);
        store.append(event).await.expect("appended");
    }
    for (column, change) in [
        ("action", "action = 'token.eaten'"),
        ("actor", "actor = 'ghost'"),
        ("subject", "subject = 'cup_of_tea'"),
        ("client_address", "client_address = 'here'"),
        ("request_id", "request_id = 'a b'"),
    ] {
        let statement = format!(
            "UPDATE audit_events SET action = 'session.started', actor = 'operator', \
             subject = '{subject}', client_address = NULL, request_id = NULL"
        );
        harness.damage(&statement).await;
        let statement = format!(
            "UPDATE audit_events SET {change} \
             WHERE at = (SELECT at FROM audit_events ORDER BY at LIMIT 1 OFFSET 2)"
        );
        harness.damage(&statement).await;
        let found = store.events(&AuditFilter::default(), None, 10).await;
        let found = found.expect("a list");
        assert_eq!((found.len(), found.count()), (4, 5), "{change}");
        let entries = found.entries();
        let Err(row) = entries[2] else {
            panic!("{change}: {entries:?}");
        };
        assert_eq!((row.table, row.column.0), ("audit_events", column));
        let raw = RawEvent::of(row).expect("as it is stored");
        let all = format!("{raw:?}");
        let value = change.split('\'').nth(1).expect("a value");
        assert!(all.contains(value), "{all}");
        let after = row.cursor.parse().expect("a cursor");
        let rest = store.events(&AuditFilter::default(), Some(after), 10).await;
        assert_eq!(rest.expect("a list").count(), 2, "{change}");
    }
}

/// A damaged work item hides no others from the list or the queue.
pub async fn is_a_work_item_beside_others(harness: &dyn DamageHarness) {
    seed(harness).await;
    let (bad, good) = (fixtures::work_item(1), fixtures::work_item(2));
    harness.put_work_item(&good).await;
    for (column, change) in [
        ("kind", "kind = 'epic'"),
        ("priority", "priority = 9"),
        ("target", "target = 'nobody'"),
        ("claimed_at", "claim_agent = 'agent'"),
        ("version", "version = -1"),
        ("last_part", "last_part = -1"),
    ] {
        harness.put_work_item(&bad).await;
        let statement = format!("UPDATE work_items SET {change} WHERE title = 'Item 1'");
        harness.damage(&statement).await;
        let store = harness.work_items();
        let items = store.items(&WorkItemFilter::default(), NOW, None, 10).await;
        let items = items.expect("a list");
        assert_eq!(*items, std::slice::from_ref(&good), "{change}");
        let expected = [("work_items", "OPS-1".to_owned(), column)];
        assert_eq!(damaged(&items), expected, "{change}");
        let queue = store.queue(&QueueSection::Available, NOW, 10).await;
        let queue = queue.expect("a list");
        assert_eq!(*queue, std::slice::from_ref(&good), "{change}");
        let read = store.item(bad.key, NOW).await;
        assert!(is_corrupt(&read), "{change}: {read:?}");
    }
}

/// Stored text is accepted without validation: names written under earlier rules are not damaged.
pub async fn is_not_a_name_of_earlier_rules(harness: &dyn DamageHarness) {
    seed(harness).await;
    let token = fixtures::token(1, NOW);
    put(harness, 1, &token).await;
    harness.put_work_item(&fixtures::work_item(1)).await;
    let long = "x".repeat(300);
    for text in ["", " ", "a\u{200b}b", "a\u{1b}b", "e\u{301}", long.as_str()] {
        for statement in [
            format!("UPDATE tokens SET name = '{text}'"),
            format!("UPDATE users SET name = '{text}', email = '{text}'"),
            format!("UPDATE owners SET name = '{text}', email = '{text}'"),
            format!("UPDATE work_items SET title = '{text}', description = '{text}'"),
        ] {
            harness.damage(&statement).await;
        }
        let record = find(harness, 1).await.expect("it is accepted");
        assert_eq!(record.token.name.as_str(), text);
        let profile = record.owner.profile.expect("a profile");
        assert_eq!(profile.name.as_str(), text);
        assert_eq!(profile.email.as_str(), text);
        let (work, filter) = (harness.work_items(), WorkItemFilter::default());
        let items = work.items(&filter, NOW, None, 10).await.expect("a list");
        assert_eq!(items[0].title.as_str(), text);
        assert_eq!(record.token.scope, Scope::Admin);
    }
}
