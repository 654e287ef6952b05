//! The audit log: one event with each change, and never without it.

use super::{
    Harness, NOW, acting, audit_log, find, insert, insertion, list, put, replacement, revocation,
    seed,
};
use crate::audit::{
    AuditAction, AuditActor, AuditCursor, AuditEvent, AuditFilter, RequestId, Subject, SubjectName,
};
use crate::session::SessionAction;
use crate::store::StoreError;
use crate::testing::fixtures;
use crate::token::{
    CreateTokenOutcome, PredecessorEnd, RevokeTokenOutcome, RotateTokenOutcome, TokenAction,
    TokenId, TokenKind,
};
use crate::user::UserAction;

/// Actor, action, time and request id are returned unchanged, newest event first.
pub async fn records_each_change_unchanged(harness: &dyn Harness) {
    seed(harness).await;
    let tokens = harness.tokens();
    let by_token = AuditActor::Token {
        user: fixtures::user(1).id,
        token: acting().id,
    };
    let mut issue = insertion(1, 100);
    issue.audit.actor = by_token;
    issue.audit.context.request_id = Some(RequestId::parse("req-1").expect("an id"));
    issue.audit.context.client_address = Some("2001:db8::7".parse().expect("an address"));
    let mut rotate = replacement(issue.token.id, 2, PredecessorEnd::Immediately);
    rotate.successor.audit.actor = by_token;
    rotate.successor.audit.at = NOW.saturating_add_millis(1);
    let mut revoke = revocation(fixtures::token(2, NOW).id, 3);
    // The same instant as the one before, so the id decides the order.
    revoke.audit.at = NOW.saturating_add_millis(1);
    revoke.audit.actor = AuditActor::Anonymous;
    revoke.audit.context.client_address = Some("192.0.2.7".parse().expect("an address"));
    let expected = vec![
        revoke.audit.clone(),
        rotate.successor.audit.clone(),
        issue.audit.clone(),
    ];
    assert_eq!(insert(harness, issue).await, CreateTokenOutcome::Created);
    let rotated = tokens.rotate_token(rotate).await.expect("the store works");
    assert_eq!(rotated, RotateTokenOutcome::Rotated);
    let revoked = tokens.revoke_token(revoke).await.expect("the store works");
    assert_eq!(revoked, RevokeTokenOutcome::Revoked);
    assert_eq!(audit_log(harness).await, expected);
    let everything = AuditFilter::default();
    let newest = harness.audit().events(&everything, None, 2).await;
    let newest = newest.expect("the store works");
    assert_eq!(newest, expected[..2]);
}

/// An event that cannot be written (its id exists) prevents its change.
pub async fn is_written_with_its_change_or_not_at_all(harness: &dyn Harness) {
    seed(harness).await;
    let tokens = harness.tokens();
    let first = insertion(1, 100);
    let taken = first.audit.id;
    assert_eq!(insert(harness, first).await, CreateTokenOutcome::Created);
    let old = fixtures::token(2, NOW);
    put(harness, 2, &old).await;
    let before = (list(harness, old.owner).await, audit_log(harness).await);

    let mut issue = insertion(3, 100);
    issue.audit.id = taken;
    let result = tokens.create_token(issue).await.map(|_| ());
    assert!(matches!(result, Err(StoreError::Corrupt(_))), "{result:?}");

    let mut revoke = revocation(old.id, 4);
    revoke.audit.id = taken;
    let result = tokens.revoke_token(revoke).await.map(|_| ());
    assert!(matches!(result, Err(StoreError::Corrupt(_))), "{result:?}");

    let mut rotate = replacement(old.id, 5, PredecessorEnd::Immediately);
    rotate.successor.audit.id = taken;
    let result = tokens.rotate_token(rotate).await.map(|_| ());
    assert!(matches!(result, Err(StoreError::Corrupt(_))), "{result:?}");

    let after = (list(harness, old.owner).await, audit_log(harness).await);
    assert_eq!(after, before);
    for number in [3, 5] {
        assert!(find(harness, number).await.is_none(), "{number}");
    }
}

/// Each filter returns what [`AuditFilter::matches`] defines, and pages have no gaps or
/// repetitions.
pub async fn is_filtered_and_paged(harness: &dyn Harness) {
    let (ada, grace) = (fixtures::user(1).id, fixtures::user(2).id);
    let token = fixtures::token(7, NOW).id;
    let session = fixtures::session(3).id;
    let by_token = AuditActor::Token { user: ada, token };
    let by_session = AuditActor::Session {
        user: grace,
        session,
    };
    let mut events: Vec<AuditEvent> = vec![];
    for number in 1..=12_u32 {
        let at = NOW.saturating_add_millis(i64::from(number / 3));
        let (action, subject) = match number % 3 {
            0 => (TokenAction::CREATED, Subject::Token(token)),
            1 => (UserAction::SUSPENDED, Subject::User(ada)),
            _ => (SessionAction::SIGNED_OUT, Subject::Session(session)),
        };
        let mut event = fixtures::audit(number.into(), at, action, subject);
        event.actor = match number % 4 {
            0 => by_token,
            1 => by_session,
            2 => AuditActor::Operator,
            _ => AuditActor::Anonymous,
        };
        event.related = (number == 5).then_some(Subject::Invite(fixtures::invite(1).id));
        harness
            .audit()
            .append(event.clone())
            .await
            .expect("the store works");
        events.push(event);
    }
    events.reverse();
    let none = AuditFilter::default();
    for filter in [
        none,
        AuditFilter {
            actor: Some(ada),
            ..none
        },
        AuditFilter {
            actor: Some(grace),
            action: Some(UserAction::SUSPENDED),
            ..none
        },
        AuditFilter {
            subject: Some(Subject::Token(token)),
            ..none
        },
        AuditFilter {
            subject: Some(Subject::Invite(fixtures::invite(1).id)),
            ..none
        },
        AuditFilter {
            since: Some(NOW.saturating_add_millis(1)),
            until: Some(NOW.saturating_add_millis(3)),
            ..none
        },
    ] {
        let expected: Vec<_> = events
            .iter()
            .filter(|event| filter.matches(event))
            .cloned()
            .collect();
        let mut seen: Vec<AuditEvent> = vec![];
        loop {
            let after = seen.last().map(|event| AuditCursor {
                at: event.at,
                id: event.id,
            });
            let page = harness.audit().events(&filter, after, 2).await;
            let page = page.expect("the store works");
            assert!(page.len() <= 2);
            if page.is_empty() {
                break;
            }
            seen.extend(page);
        }
        assert_eq!(seen, expected, "{filter:?}");
    }
}

/// Users and tokens have the names that they have now, and what is unknown has none.
pub async fn names_users_and_tokens(harness: &dyn Harness) {
    seed(harness).await;
    let token = fixtures::token(2, NOW);
    put(harness, 2, &token).await;
    let owner = fixtures::user(1);
    let run_of_same_id = TokenId::new(TokenKind::AgentRun, token.id.uuid());
    let known = [
        (Subject::User(owner.id), owner.name.as_str()),
        (Subject::Token(token.id), token.name.as_str()),
    ];
    let unknown = [
        Subject::User(fixtures::user(99).id),
        Subject::Token(fixtures::token(99, NOW).id),
        Subject::Token(run_of_same_id),
        Subject::Session(fixtures::session(1).id),
        Subject::UnknownAccount,
    ];
    let subjects: Vec<_> = known.map(|(subject, _)| subject).into();
    let subjects = [subjects, unknown.to_vec()].concat();
    let found = harness.audit().names(&subjects).await;
    let mut found = found.expect("the store works");
    found.sort_by_key(|it| it.subject.to_string());
    let mut expected = known.map(|(subject, name)| SubjectName {
        subject,
        name: name.to_owned(),
        owner: Some(owner.id),
    });
    expected.sort_by_key(|it| it.subject.to_string());
    assert_eq!(found, expected);
    let none = harness.audit().names(&[]).await;
    assert_eq!(none.expect("the store works"), []);
}

/// Every action can be appended, and an id only once.
pub async fn accepts_an_event_without_a_change(harness: &dyn Harness) {
    let subject = Subject::User(fixtures::user(1).id);
    for (number, action) in (1..).zip(AuditAction::all()) {
        let event = fixtures::audit(number, NOW, action, subject);
        let appended = harness.audit().append(event.clone()).await;
        appended.expect("the store works");
        let again = harness.audit().append(event).await;
        assert!(matches!(again, Err(StoreError::Corrupt(_))), "{again:?}");
    }
    assert_eq!(audit_log(harness).await.len(), AuditAction::all().count());
}

/// What a user did and what was done to them, each event once, page by page in both directions.
pub async fn shows_what_involves_a_user_in_both_directions(harness: &dyn Harness) {
    let (ada, grace) = (fixtures::user(1).id, fixtures::user(2).id);
    let mut events: Vec<AuditEvent> = vec![];
    for number in 1..=24_u32 {
        // Several share an instant, so that a page may end between them.
        let at = NOW.saturating_add_millis(i64::from(number / 4));
        let mut subject = Subject::Session(fixtures::session(number.into()).id);
        let mut actor = AuditActor::Operator;
        let mut related = None;
        match number % 6 {
            0 => subject = Subject::User(ada),
            1 => related = Some(Subject::User(ada)),
            2 => subject = Subject::User(grace),
            3 => {}
            remainder => {
                let session = fixtures::session(1).id;
                actor = AuditActor::Session { user: ada, session };
                // By and about the same user: still one entry.
                if remainder == 5 {
                    subject = Subject::User(ada);
                }
            }
        }
        let mut event = fixtures::audit(number.into(), at, SessionAction::SIGNED_OUT, subject);
        (event.actor, event.related) = (actor, related);
        let appended = harness.audit().append(event.clone()).await;
        appended.expect("the store works");
        events.push(event);
    }
    events.reverse();
    let filter = AuditFilter {
        involving: Some(ada),
        ..AuditFilter::default()
    };
    let place = |event: &AuditEvent| AuditCursor {
        at: event.at,
        id: event.id,
    };
    let expected: Vec<AuditEvent> = events.into_iter().filter(|it| filter.matches(it)).collect();
    assert_eq!(expected.len(), 16);
    for (index, event) in expected.iter().enumerate() {
        let older = harness.audit().events(&filter, Some(place(event)), 3).await;
        let end = expected.len().min(index + 4);
        assert_eq!(
            older.expect("the store works"),
            expected[index + 1..end].to_vec()
        );
        let newer = AuditFilter {
            newer_than: Some(place(event)),
            ..filter
        };
        let newer = harness.audit().events(&newer, None, 3).await;
        let start = index.saturating_sub(3);
        assert_eq!(
            newer.expect("the store works"),
            expected[start..index].to_vec()
        );
    }
}
