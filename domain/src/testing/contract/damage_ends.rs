//! How damaged rows can be ended, and that they affect no other rows.

use super::damage::{admin, damaged, is_gone};
use super::work_item_changes::{apply, change_by_run, put_run};
use super::work_items::change;
use super::{
    DamageHarness, NOW, audit_log, change_user, find, invites, put, revocation, seed,
    sign_in_links, start_session, users,
};
use crate::admin_tokens::{ReportLeakedTokens, RevokeMatching, RevokeMatchingOutcome, TokenFilter};
use crate::agent_run::{AgentRunAction, EndRuns, EndRunsOutcome};
use crate::audit::Subject;
use crate::invite::{CreateInviteOutcome, InviteAction};
use crate::rate_limit::RateLimit;
use crate::session::CreateSignInLinkOutcome;
use crate::store::{Listing, StoreError};
use crate::testing::fixtures;
use crate::token::{ListFilter, RevokeTokenOutcome, Status, Token, TokenAction};
use crate::user::{ChangeUserOutcome, DeleteUserOutcome, UserChange};
use crate::work_item::{
    ChangeWorkItemOutcome, Claim, Holder, QueueSection, Versions, WorkItemChange, WorkItemFilter,
};

/// Only a user can delete a damaged item, and nothing else can be done with it. Its runs end with
/// it, and the queue omits it.
pub async fn a_work_item_by_a_person_only(harness: &dyn DamageHarness) {
    seed(harness).await;
    let (bad, good) = (fixtures::work_item(1), fixtures::work_item(2));
    harness.put_work_item(&good).await;
    for (number, damage) in [
        (20, "status = 'stuck'"),
        (21, "priority = 9"),
        (22, "kind = 'epic'"),
        (23, "target = 'nobody'"),
        (24, "claim_agent = 'agent'"),
        (25, "version = -1"),
    ] {
        harness.put_work_item(&bad).await;
        let run = put_run(harness, number, Some("OPS-1")).await;
        let statement = format!("UPDATE work_items SET {damage} WHERE title = 'Item 1'");
        harness.damage(&statement).await;
        let mut of_a_version = change("OPS-1", WorkItemChange::Delete, number);
        of_a_version.expected = Versions::OneOf(vec![1]);
        for rejected in [
            of_a_version,
            change("OPS-1", WorkItemChange::Claim, number),
            change("OPS-1", WorkItemChange::Release, number),
            change("OPS-1", WorkItemChange::Complete, number),
            change_by_run("OPS-1", WorkItemChange::Delete, number, run.id),
        ] {
            let outcome = apply(harness, rejected).await;
            let ChangeWorkItemOutcome::Damaged(row) = outcome else {
                panic!("{damage}: {outcome:?}");
            };
            assert_eq!((row.table, row.id.as_str()), ("work_items", "OPS-1"));
        }
        let queue = harness
            .work_items()
            .queue(&QueueSection::Available, NOW, 1)
            .await;
        assert_eq!(queue.expect("a list").count(), 1, "{damage}");
        let delete = change("OPS-1", WorkItemChange::Delete, number);
        let outcome = apply(harness, delete).await;
        assert_eq!(outcome, ChangeWorkItemOutcome::Deleted, "{damage}");
        let (work, filter) = (harness.work_items(), WorkItemFilter::default());
        let items = work.items(&filter, NOW, None, 9).await.expect("a list");
        assert_eq!(*items, std::slice::from_ref(&good), "{damage}");
        let ended = find(harness, number).await.expect("a tombstone");
        assert_eq!(ended.token.revoked_at, Some(NOW), "{damage}");
    }
    harness.put_work_item(&bad).await;
    let claimed = apply(harness, change("OPS-2", WorkItemChange::Claim, 50)).await;
    assert!(matches!(claimed, ChangeWorkItemOutcome::Changed(_)));
}

async fn listed(harness: &dyn DamageHarness, status: Option<Status>) -> Listing<Token> {
    let filter = ListFilter {
        status,
        ..ListFilter::default()
    };
    let owner = fixtures::user(1).id;
    let listed = harness.tokens().list(owner, &filter, NOW, None, 10).await;
    listed.expect("a list")
}

/// A token of an unknown kind, and one whose owner is missing, are listed at their positions, and
/// can be revoked in every way.
pub async fn a_token_of_unknown_kind_or_owner(harness: &dyn DamageHarness) {
    seed(harness).await;
    let (bad, good) = (fixtures::token(1, NOW), fixtures::token(2, NOW));
    put(harness, 2, &good).await;
    let all = async |after, limit| {
        let admin_tokens = harness.admin_tokens();
        let filter = TokenFilter::default();
        admin_tokens.tokens(&filter, NOW, after, limit).await
    };
    for (round, (column, change)) in (0..).zip([
        ("kind", "kind = 'robot'"),
        ("kind", "kind = ''"),
        ("owner_id", "owner_id = id"),
    ]) {
        let expected = [("tokens", bad.id.to_string(), column)];
        let damage = async || {
            put(harness, 1, &bad).await;
            let statement = format!("UPDATE tokens SET {change} WHERE name = 'token 1'");
            harness.damage(&statement).await;
        };
        damage().await;
        let page = all(None, 10).await.expect("a list");
        assert_eq!((page.len(), damaged(&page)), (2, expected.to_vec()));
        assert!(page.entries()[1].is_err(), "in its place: {change}");
        let page = all(None, 1).await.expect("a list");
        assert_eq!((page.len(), page.count()), (1, 1), "{change}");
        let page = all(Some(good.id), 1).await.expect("a list");
        assert_eq!(damaged(&page), expected, "{change}");
        if column == "kind" {
            for status in [None, Some(Status::Live)] {
                let mine = listed(harness, status).await;
                assert_eq!(damaged(&mine), expected, "{change}");
            }
            assert_eq!(listed(harness, Some(Status::Expired)).await.count(), 0);
            let read = harness.tokens().get(bad.owner, bad.id).await;
            assert!(read.is_err(), "{change}: {read:?}");
            let event = revocation(bad.id, 100 + round);
            let outcome = harness.tokens().revoke_token(event).await;
            assert_eq!(outcome.expect("decided"), RevokeTokenOutcome::Revoked);
            damage().await;
        }
        let event =
            |number| fixtures::audit(number, NOW, TokenAction::REVOKED, Subject::Token(bad.id));
        let revoke = RevokeMatching {
            actor: admin(),
            filter: TokenFilter {
                token: Some(bad.id),
                ..TokenFilter::default()
            },
            kept: None,
            expected: None,
            audit: event(200 + round),
        };
        let outcome = harness.admin_tokens().revoke_matching(revoke).await;
        let RevokeMatchingOutcome::Revoked(revoked) = outcome.expect("decided") else {
            panic!("the actor is good");
        };
        assert_eq!(damaged(&revoked), expected, "{change}");
        assert_eq!(all(None, 10).await.expect("a list").count(), 2, "{change}");
        damage().await;
        harness.damage("DELETE FROM notices").await;
        let report = ReportLeakedTokens {
            reported: vec![(fixtures::digest(1), event(300 + round).id)],
            now: NOW,
            context: crate::audit::RequestContext::default(),
        };
        let reported = harness.admin_tokens().report_leaked_tokens(report).await;
        assert_eq!(reported.expect("decided"), 1, "{change}");
        assert!(is_gone(harness, 1).await, "{change}");
    }
}

/// Damaged tokens, runs, sessions, links and invites end when their user is deleted or suspended.
pub async fn everything_of_a_deleted_user(harness: &dyn DamageHarness) {
    seed(harness).await;
    let grace = fixtures::user(2);
    harness.put_user(&grace).await;
    let mut expired = fixtures::token(11, NOW);
    expired.expires_at = Some(NOW.saturating_add_seconds(-9_000));
    for (number, token) in [
        (10, fixtures::token(10, NOW)),
        (11, expired),
        (12, fixtures::run(12, fixtures::token(10, NOW).id)),
    ] {
        let owner = grace.id;
        put(harness, number, &Token { owner, ..token }).await;
    }
    for (number, by_grace) in [(1, true), (2, false)] {
        let mut invite = invites::creation(number);
        if by_grace {
            invite.invite.created_by = Some(grace.id);
        }
        let created = invites::create(harness, invite).await;
        assert_eq!(created, CreateInviteOutcome::Created);
        let mut link = sign_in_links::creation(number);
        if by_grace {
            link.link.created_by = Some(grace.id);
        } else {
            link.link.user = grace.id;
        }
        let created = sign_in_links::create(harness, link).await;
        assert_eq!(created, CreateSignInLinkOutcome::Created);
    }
    start_session(harness, 1).await;
    for statement in [
        "UPDATE tokens SET scope = 'root' WHERE name IN ('token 10', 'token 11', 'agent-12')",
        "UPDATE invites SET role = 'owner' WHERE email = 'invited1@example.com'",
        "UPDATE sign_in_links SET digest = substr(digest, 1, 16)",
        "UPDATE sessions SET digest = substr(digest, 1, 16)",
        "UPDATE users SET role = 'owner' WHERE name = 'User 2'",
    ] {
        harness.damage(statement).await;
    }
    let suspend = change_user::change(grace.id, UserChange::Suspend, 1);
    let suspended = change_user::apply(harness, suspend).await;
    assert!(matches!(suspended, ChangeUserOutcome::Changed(_)));
    harness
        .damage("UPDATE users SET role = 'owner' WHERE name = 'User 2'")
        .await;
    let deletion = users::deletion(grace.id, 2);
    let deleted = users::delete(harness, deletion).await;
    assert_eq!(deleted, DeleteUserOutcome::Deleted);
    for number in [10, 12] {
        assert!(is_gone(harness, number).await, "{number}");
    }
    let invites = harness.invites().invites(None, 10).await.expect("a list");
    assert_eq!((invites.len(), invites.count()), (1, 1));
    let withdrawn = audit_log(harness).await.into_iter().filter(|event| {
        event.action == InviteAction::WITHDRAWN && event.related == Some(Subject::User(grace.id))
    });
    assert_eq!(withdrawn.count(), 1);
    let page = harness.users().page(None, 10).await.expect("a list");
    assert_eq!(page, [fixtures::user(1)]);
}

/// A damaged run has no claim and damages no item, a damaged creator invalidates what they created,
/// and a damaged count locks out no user.
pub async fn no_other_row(harness: &dyn DamageHarness) {
    seed(harness).await;
    let run = put_run(harness, 20, None).await;
    let mut item = fixtures::work_item(1);
    item.claim = Some(Claim {
        holder: Holder::Agent(run.run.clone().expect("a run").agent),
        run: Some(run.id),
        on_behalf: None,
        at: NOW,
    });
    harness.put_work_item(&item).await;
    // Later than every valid instant.
    let year_300_000 = harness.instant_past_every_rule();
    let statement =
        format!("UPDATE tokens SET expires_at = {year_300_000} WHERE kind = 'agent_run'");
    harness.damage(&statement).await;
    item.claim = None;
    let found = harness
        .work_items()
        .item(item.key, NOW)
        .await
        .expect("not damaged");
    assert_eq!(found, Some(item.clone()));
    let queue = harness
        .work_items()
        .queue(&QueueSection::Available, NOW, 9)
        .await;
    assert_eq!(queue.expect("a list"), [item]);
    let (owner, id) = (run.owner, run.id);
    let end = EndRuns {
        actor: super::actor(),
        owner,
        runs: vec![id],
        audit: fixtures::audit(1, NOW, AgentRunAction::ENDED, Subject::Token(id)),
    };
    let ended = harness.agent_runs().end_runs(end).await;
    assert_eq!(ended.expect("decided"), EndRunsOutcome::Ended(1));

    let grace = fixtures::user(2);
    harness.put_user(&grace).await;
    let mut invite = invites::creation(1);
    invite.invite.created_by = Some(grace.id);
    let created = invites::create(harness, invite).await;
    assert_eq!(created, CreateInviteOutcome::Created);
    harness
        .damage("UPDATE users SET role = 'owner' WHERE name = 'User 2'")
        .await;
    let claimed = harness.invites().claim_invite(invites::claim(1, 7)).await;
    let rejected = !matches!(claimed, Ok(crate::invite::ClaimInviteOutcome::Claimed));
    assert!(rejected && claimed.is_ok(), "{claimed:?}");

    let limit = [RateLimit {
        key: "sign-in".to_owned(),
        limit: 1,
    }];
    let count = async || {
        let counted: Result<_, StoreError> = harness.rate_limits().count(&limit, NOW).await;
        counted.expect("counted").is_ok()
    };
    assert!(count().await && !count().await);
    harness.damage("UPDATE rate_limits SET count = -1").await;
    assert!(count().await && !count().await);
}
