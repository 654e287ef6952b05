use std::net::IpAddr;

use openindex_domain::access::{ActorError, Denial};
use openindex_domain::admin_tokens::{AdminTokenError, TokenFilter};
use openindex_domain::audit::{AuditFilter, AuditStore as _, RequestContext, Subject};
use openindex_domain::invite::InviteAction;
use openindex_domain::session::SignInLinkUser;
use openindex_domain::testing::fixtures;
use openindex_domain::token::{
    Expiry, NewToken, Rejection, Scope, TokenAction, TokenError, TokenId, TokenKind, VerifyError,
};
use openindex_domain::user::{NoticeAbout, Role, UserChange, UserError};

use crate::world::{World, context, email, session_of, token_name};

#[tokio::test]
async fn a_suspension_applies_to_tokens_and_sessions_immediately() {
    let world = World::new().await;
    let grace = world.join(Role::Admin).await;
    let principal = world.principal(session_of(&grace)).await.expect("in");
    let users = &world.all.users;
    let id = world.admin.user_id();
    users
        .change(&principal, id, UserChange::Suspend, context())
        .await
        .expect("suspended");
    let token = world.all.tokens.verify(&world.admin_secret).await;
    assert!(
        matches!(token, Err(VerifyError::Rejected(Rejection::OwnerSuspended))),
        "{token:?}"
    );
    // Grace is now the last one.
    for change in [UserChange::Suspend, UserChange::SetRole(Role::Member)] {
        let last = users.change(&principal, grace.user.id, change, context());
        assert!(matches!(last.await, Err(UserError::LastAdmin)));
    }
    users
        .change(&principal, id, UserChange::Unsuspend, context())
        .await
        .expect("active again");
    assert!(world.all.tokens.verify(&world.admin_secret).await.is_ok());
}

#[tokio::test]
async fn a_member_administers_nothing() {
    let world = World::new().await;
    let grace = world.join(Role::Member).await;
    let member = world.principal(session_of(&grace)).await.expect("in");
    let all = &world.all;
    let denied = |error: &dyn std::error::Error| {
        let insufficient = Denial::InsufficientScope {
            required: Scope::Admin,
        };
        assert_eq!(error.to_string(), insufficient.to_string());
    };
    denied(&all.users.list(&member, None, 1).await.expect_err("denied"));
    let suspend = all
        .users
        .change(&member, grace.user.id, UserChange::Suspend, context());
    denied(&suspend.await.expect_err("denied"));
    let invite = all
        .invites
        .create(&member, email("eve@example.com"), Role::Admin, context());
    denied(&invite.await.expect_err("denied"));
    denied(
        &all.invites
            .list(&member, None, 1)
            .await
            .expect_err("denied"),
    );
    let link = SignInLinkUser::ByAdmin(&member, world.admin.user_id());
    let link = all.sessions.create_sign_in_link(link, context()).await;
    denied(&link.expect_err("denied"));
    let filter = TokenFilter {
        owner: Some(grace.user.id),
        ..TokenFilter::default()
    };
    denied(
        &all.admin_tokens
            .list(&member, &filter, None, 1)
            .await
            .expect_err("denied"),
    );
    let admin_tokens = &all.admin_tokens;
    let review = admin_tokens.review(&member, &filter, None, 1);
    denied(&review.await.expect_err("denied"));
    let bulk = admin_tokens.revoke_matching(&member, &filter, None, context());
    denied(&bulk.await.expect_err("denied"));
    denied(&all.admin_tokens.stats(&member).await.expect_err("denied"));
    let audit_log = all
        .audit
        .list(&member, &AuditFilter::default(), None, 1)
        .await;
    denied(&audit_log.expect_err("denied"));
    let admin_token = NewToken::new(token_name("up"), Scope::Admin, Expiry::Never);
    let issue = all.tokens.create(&member, admin_token, context()).await;
    assert!(
        matches!(issue, Err(TokenError::NotAuthorized(ActorError::Denied(_)))),
        "{issue:?}"
    );
}

#[tokio::test]
async fn a_bulk_revocation_requires_a_filter_and_keeps_the_acting_token() {
    let world = World::new().await;
    let admin_tokens = &world.all.admin_tokens;
    let none = TokenFilter::default();
    let all = admin_tokens.revoke_matching(&world.admin, &none, None, context());
    assert!(matches!(all.await, Err(AdminTokenError::FilterRequired)));
    let review = admin_tokens.review(&world.admin, &none, None, 1);
    assert!(matches!(review.await, Err(AdminTokenError::FilterRequired)));
    let own = TokenFilter {
        owner: Some(world.admin.user_id()),
        ..none
    };
    let page = admin_tokens.review(&world.admin, &own, None, 1).await;
    let page = page.expect("a page");
    assert!(page.kept_own && page.tokens.is_empty());
    let kept = admin_tokens.revoke_matching(&world.admin, &own, None, context());
    let kept = kept.await.expect("the store works");
    assert!(kept.kept_own && kept.tokens.is_empty());
    assert!(world.all.tokens.verify(&world.admin_secret).await.is_ok());
}

#[tokio::test]
async fn other_users_request_details_are_hidden_from_the_subject() {
    let from = |last: u8| RequestContext {
        client_address: Some(IpAddr::from([192, 0, 2, last])),
        ..RequestContext::default()
    };
    let world = World::new().await;
    let grace = world.join(Role::Member).await;
    let principal = world.principal(session_of(&grace)).await.expect("in");
    let mut issued = Vec::new();
    for name in ["revoked", "reported"] {
        let request = NewToken::new(token_name(name), Scope::ReadWrite, Expiry::Never);
        let token = world.all.tokens.create(&principal, request, &from(1)).await;
        issued.push(token.expect("issued"));
    }
    let admin_tokens = &world.all.admin_tokens;
    let by_admin = from(2);
    let revoked = admin_tokens.revoke(&world.admin, issued[0].token.id, &by_admin);
    revoked.await.expect("revoked");
    let secret = [issued[1].secret.expose()];
    admin_tokens
        .report_leaked(&secret, &from(3))
        .await
        .expect("taken");
    let audit = &world.all.audit;
    let activity = audit
        .activity(&principal, &AuditFilter::default(), None, 10)
        .await
        .expect("a page");
    let mut told: Vec<_> = activity.events.to_vec();
    for one in &issued {
        let events = audit.own_token_events(&principal, &one.token, 10).await;
        told.extend(events.expect("entries").to_vec());
    }
    for (action, address) in [
        (TokenAction::CREATED, Some(IpAddr::from([192, 0, 2, 1]))),
        (TokenAction::REVOKED, None),
        (TokenAction::REPORTED_LEAKED, None),
    ] {
        let of_action = told.iter().filter(|event| event.action == action);
        let addresses: Vec<_> = of_action
            .map(|event| event.context.client_address)
            .collect();
        assert!(addresses.len() >= 2, "{action:?}: {told:?}");
        assert!(addresses.iter().all(|one| *one == address), "{action:?}");
    }
    // The id of an agent run with the same UUID does not find a token.
    let id = issued[0].token.id;
    let other = TokenId::new(TokenKind::AgentRun, id.uuid());
    let found = admin_tokens.tokens_by_id(&world.admin, vec![id]).await;
    assert!(found.expect("the store works").contains_key(&id));
    let found = admin_tokens.tokens_by_id(&world.admin, vec![other]).await;
    assert!(found.expect("the store works").is_empty());
    // An administrator sees all details.
    let all = AuditFilter::default();
    let audit_log = audit
        .list(&world.admin, &all, None, 50)
        .await
        .expect("a page");
    let addresses = audit_log
        .events
        .iter()
        .map(|event| event.context.client_address);
    assert!(addresses.flatten().count() >= 4, "{audit_log:?}");
}

#[tokio::test]
async fn users_see_the_names_of_what_is_theirs_and_administrators_all() {
    let world = World::new().await;
    let grace = world.join(Role::Member).await;
    let principal = world.principal(session_of(&grace)).await.expect("in");
    let request = |name| NewToken::new(token_name(name), Scope::ReadWrite, Expiry::Never);
    let tokens = &world.all.tokens;
    let own = tokens.create(&principal, request("own"), context()).await;
    let own = Subject::Token(own.expect("issued").token.id);
    let foreign = tokens.create(&world.admin, request("foreign"), context());
    let foreign = Subject::Token(foreign.await.expect("issued").token.id);
    let users = [principal.user_id(), world.admin.user_id()].map(Subject::User);
    let mentioned = [own, foreign, users[0], users[1]];
    let audit = &world.all.audit;
    let seen = audit.names(&principal, mentioned).await.expect("names");
    assert_eq!(seen.len(), 2, "{seen:?}");
    assert!(seen.contains_key(&own) && seen.contains_key(&users[0]));
    let seen = audit.names(&world.admin, mentioned).await.expect("names");
    assert_eq!(seen.len(), 4, "{seen:?}");
    assert_eq!(seen[&foreign].name, "foreign");
    // The claim of the invite is the new user's own act.
    let claimed = AuditFilter {
        action: Some(InviteAction::CLAIMED),
        ..AuditFilter::default()
    };
    let events = audit.activity(&principal, &claimed, None, 10).await;
    let events = events.expect("a page").events;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].acting_user(), Some(principal.user_id()));
    let names = audit.names(&principal, events[0].mentions()).await;
    assert!(names.expect("names").contains_key(&events[0].subject));
}

#[tokio::test]
async fn the_owner_of_a_leaked_token_gets_a_notice() {
    let world = World::new().await;
    let grace = world.join(Role::Member).await;
    let principal = world.principal(session_of(&grace)).await.expect("in");
    let request = NewToken::new(token_name("leaky"), Scope::ReadWrite, Expiry::Never);
    let issued = world
        .all
        .tokens
        .create(&principal, request, context())
        .await;
    let issued = issued.expect("issued");
    let report = [issued.secret.expose(), "oi_pat_nonsense", ""];
    let reported = world
        .all
        .admin_tokens
        .report_leaked(&report, context())
        .await;
    reported.expect("taken");
    let verified = world.all.tokens.verify(issued.secret.expose()).await;
    assert!(matches!(
        verified,
        Err(VerifyError::Rejected(Rejection::Revoked { .. }))
    ));
    let users = &world.all.users;
    let notices = users.notices(&principal).await.expect("notices");
    assert_eq!(notices.len(), 1);
    let told = NoticeAbout::LeakedToken {
        token: issued.token.id,
        name: issued.token.name.clone(),
    };
    assert_eq!(notices[0].about, told);
    let events = AuditFilter {
        subject: Some(Subject::Token(issued.token.id)),
        action: Some(TokenAction::REPORTED_LEAKED),
        ..AuditFilter::default()
    };
    let events = world.all.store.events(&events, None, 10).await;
    assert_eq!(events.expect("the audit log").len(), 1);
    let dismissed = users
        .dismiss_notices(&principal, notices[0].at, context())
        .await;
    dismissed.expect("dismissed");
    assert!(users.notices(&principal).await.expect("notices").is_empty());
}

#[tokio::test]
async fn an_administrator_is_named_who_can_sign_in() {
    let world = World::new().await;
    let grace = world.join(Role::Member).await.user;
    let users = &world.all.users;
    let ada = fixtures::user(1).email;
    let named = |preferred: &'static str| async move {
        let found = users.administrator(&email(preferred)).await;
        found.expect("the store works")
    };
    assert_eq!(named("grace@example.com").await, Some(ada.clone()));
    let promote = UserChange::SetRole(Role::Admin);
    let promoted = users
        .change(&world.admin, grace.id, promote, context())
        .await;
    promoted.expect("promoted");
    assert_eq!(named("GRACE@example.com").await, Some(grace.email));
    assert!(named("eve@example.com").await.is_some());
    let suspended = users.change(&world.admin, grace.id, UserChange::Suspend, context());
    suspended.await.expect("suspended");
    assert_eq!(named("grace@example.com").await, Some(ada));
}
