//! Users.

use futures_util::future::join_all;

use super::{
    AccountHarness, InvalidActor, NOW, acting, actor, audit_log, find, invalidate_actor, list, put,
};
use crate::access::{Actor, Requirement};
use crate::admin_tokens::ReportLeakedTokens;
use crate::audit::{AuditActor, Subject};
use crate::session::SessionAction;
use crate::testing::fixtures;
use crate::token::TokenAction;
use crate::user::{
    Account, CreateFirstAdmin, CreateFirstAdminOutcome, DeleteUser, DeleteUserOutcome,
    DismissNotices, DismissNoticesOutcome, Email, InstanceAction, ListedUser, Notice, NoticeAbout,
    PersonName, Role, User, UserAction, UserCursor, UserId, UserQuery, UserSearch, UserSeek,
    UserSort,
};

fn creation(number: u64) -> CreateFirstAdmin {
    let user = fixtures::user(number);
    let mut token = fixtures::token(number, NOW);
    token.owner = user.id;
    let action = InstanceAction::BOOTSTRAPPED;
    let mut audit = fixtures::audit(number, NOW, action, Subject::User(user.id));
    audit.related = Some(Subject::Token(token.id));
    CreateFirstAdmin {
        user,
        token,
        digest: fixtures::digest(number),
        audit,
    }
}

async fn create(harness: &dyn AccountHarness, number: u64) -> CreateFirstAdminOutcome {
    harness
        .users()
        .create_first_admin(creation(number))
        .await
        .expect("the store works")
}

pub(super) fn deletion(user: UserId, event: u64) -> DeleteUser {
    let (action, subject) = (UserAction::DELETED, Subject::User(user));
    DeleteUser {
        actor: Actor {
            requirement: Requirement::HUMAN_ADMIN,
            ..actor()
        },
        user,
        audit: fixtures::audit(event, NOW, action, subject),
    }
}

pub(super) async fn delete(
    harness: &dyn AccountHarness,
    deletion: DeleteUser,
) -> DeleteUserOutcome {
    let outcome = harness.users().delete_user(deletion).await;
    outcome.expect("the store works")
}

/// User, token and event are created in one step.
pub async fn creates_the_first_admin_with_token_and_event(harness: &dyn AccountHarness) {
    assert_eq!(create(harness, 1).await, CreateFirstAdminOutcome::Created);
    let expected = creation(1);
    let users = harness.users().page(None, 10).await;
    assert_eq!(users.expect("the store works"), vec![expected.user.clone()]);
    let record = find(harness, 1).await.expect("the token is there");
    assert_eq!(record.token, expected.token);
    assert_eq!(record.owner, expected.user.as_owner());
    assert_eq!(audit_log(harness).await, vec![expected.audit]);
}

/// Any user, even a suspended member, prevents a bootstrap.
pub async fn creates_nothing_when_there_is_a_user(harness: &dyn AccountHarness) {
    let mut member = fixtures::user(7);
    member.role = Role::Member;
    member.suspended_at = Some(NOW);
    harness.put_user(&member).await;
    assert_eq!(
        create(harness, 1).await,
        CreateFirstAdminOutcome::InstanceHasUsers
    );
    let users = harness.users().page(None, 10).await;
    assert_eq!(users.expect("the store works"), vec![member]);
    assert!(find(harness, 1).await.is_none());
    assert_eq!(audit_log(harness).await, vec![]);
}

/// Of 16 concurrent creations, exactly one succeeds.
pub async fn creates_one_first_admin_of_16_concurrent_calls(harness: &dyn AccountHarness) {
    let outcomes = join_all((1..=16).map(|number| create(harness, number))).await;
    let created = outcomes
        .iter()
        .filter(|outcome| **outcome == CreateFirstAdminOutcome::Created)
        .count();
    assert_eq!(created, 1, "{outcomes:?}");
    let users = harness.users().page(None, 50).await;
    let users = users.expect("the store works");
    assert_eq!(users.len(), 1);
    assert_eq!(list(harness, users[0].id).await.len(), 1);
    assert_eq!(audit_log(harness).await.len(), 1);
}

/// Pages have no gaps or repetitions, and contain every field.
pub async fn pages_through_all_users_in_order(harness: &dyn AccountHarness) {
    let mut expected: Vec<_> = (1..=5).map(fixtures::user).collect();
    expected[1].role = Role::Member;
    expected[2].suspended_at = Some(NOW);
    expected[3].name = PersonName::parse("Zoë 界 <b>").expect("a name");
    for user in expected.iter().rev() {
        harness.put_user(user).await;
    }
    let users = harness.users();
    let mut seen = vec![];
    loop {
        let page = users.page(seen.last().map(|user: &crate::user::User| user.id), 2);
        let page = page.await.expect("the store works");
        if page.is_empty() {
            break;
        }
        assert!(page.len() <= 2);
        seen.extend(page);
    }
    assert_eq!(seen, expected);
}

/// Inserts users 1 to 5: the first with a live, an expired, a revoked and an agent's token, the
/// second with a used token, the third with an audit event.
async fn fill(harness: &dyn AccountHarness) -> Vec<User> {
    let mut users: Vec<_> = (1..=5).map(fixtures::user).collect();
    for (user, (name, email)) in users.iter_mut().zip([
        ("Zoe", "zoe@example.com"),
        ("ada Lovelace", "ada@example.org"),
        ("Özge 100%", "oezge@example.com"),
        ("Ada_B", "b@bücher.example"),
        ("bob", "BOB@example.com"),
    ]) {
        user.name = PersonName::parse(name).expect("a name");
        user.email = Email::parse(email).expect("an address");
        harness.put_user(user).await;
    }
    let mut tokens: Vec<_> = (1..=4).map(|number| fixtures::token(number, NOW)).collect();
    for token in &mut tokens {
        token.owner = users[0].id;
        token.last_used_at = None;
    }
    tokens[1].expires_at = Some(NOW);
    tokens[2].revoked_at = Some(NOW);
    tokens[3].owner = users[1].id;
    tokens[3].last_used_at = Some(NOW.saturating_add_seconds(60));
    for (number, token) in (1..).zip(&tokens) {
        put(harness, number, token).await;
    }
    let mut run = fixtures::run(5, tokens[0].id);
    run.owner = users[0].id;
    put(harness, 5, &run).await;
    let subject = Subject::User(users[2].id);
    let mut event = fixtures::audit(1, NOW, SessionAction::SIGNED_IN, subject);
    event.actor = AuditActor::Session {
        user: users[2].id,
        session: fixtures::session(1).id,
    };
    harness.audit().append(event).await.expect("it is written");
    users
}

async fn listed(harness: &dyn AccountHarness, search: &str, sort: UserSort) -> Vec<ListedUser> {
    let search = Some(search).filter(|text| !text.is_empty());
    let search = search.map(|text| UserSearch::parse(text).expect("a search"));
    let query = UserQuery { search, sort };
    let found = harness.users().search_users(&query, NOW, None, 10).await;
    found.expect("the store works").to_vec()
}

/// Users are found by a part of the name or address, ignoring case and without wildcards.
pub async fn are_found_by_a_part_of_name_or_address(harness: &dyn AccountHarness) {
    let users = fill(harness).await;
    for (text, expected) in [
        ("ada", vec![1, 3]),
        ("ADA L", vec![1]),
        ("özge", vec![2]),
        ("ÖZGE", vec![2]),
        ("@example.com", vec![0, 2, 4]),
        ("Bob@", vec![4]),
        ("BÜCHER", vec![3]),
        ("0%", vec![2]),
        ("a%l", vec![]),
        ("_", vec![3]),
        ("'", vec![]),
    ] {
        let found = listed(harness, text, UserSort::Joined).await;
        let found: Vec<_> = found.into_iter().map(|listed| listed.user).collect();
        let expected: Vec<_> = expected
            .iter()
            .map(|at: &usize| users[*at].clone())
            .collect();
        assert_eq!(found, expected, "{text}");
    }
}

/// The list contains the number of live tokens and the latest known activity.
pub async fn are_listed_with_their_tokens_and_when_they_were_seen(harness: &dyn AccountHarness) {
    let users = fill(harness).await;
    let found = listed(harness, "", UserSort::Joined).await;
    let found: Vec<_> = found
        .iter()
        .map(|listed| (listed.user.id, listed.live_tokens, listed.last_seen_at))
        .collect();
    let expected = [
        (users[0].id, 1, None),
        (users[1].id, 1, Some(NOW.saturating_add_seconds(60))),
        (users[2].id, 0, Some(NOW)),
        (users[3].id, 0, None),
        (users[4].id, 0, None),
    ];
    assert_eq!(found, expected);
}

/// In every order, forward and backward, without gaps or repetitions.
pub async fn are_paged_in_every_order(harness: &dyn AccountHarness) {
    let users = fill(harness).await;
    for (sort, expected) in [
        (UserSort::Joined, [0, 1, 2, 3, 4]),
        (UserSort::Newest, [4, 3, 2, 1, 0]),
        (UserSort::Name, [1, 3, 4, 0, 2]),
        (UserSort::LastSeen, [1, 2, 4, 3, 0]),
        (UserSort::LeastSeen, [0, 3, 4, 2, 1]),
    ] {
        let expected = expected.map(|at| users[at].id);
        let query = UserQuery { search: None, sort };
        let store = harness.users();
        let mut walk = Vec::new();
        let mut seek = None;
        loop {
            let page = store.search_users(&query, NOW, seek.take(), 2).await;
            let page = page.expect("the store works");
            let Some(last) = page.last() else { break };
            seek = Some(UserSeek::After(UserCursor::of(last, sort)));
            walk.extend(page.iter().cloned());
        }
        let ids: Vec<_> = walk.iter().map(|listed| listed.user.id).collect();
        assert_eq!(ids, expected, "{sort:?}");
        let before = UserSeek::Before(UserCursor::of(&walk[3], sort));
        let page = store.search_users(&query, NOW, Some(before), 2).await;
        let page = page.expect("the store works");
        let ids: Vec<_> = page.iter().map(|listed| listed.user.id).collect();
        assert_eq!(ids, [expected[2], expected[1]], "{sort:?}");
    }
}

/// Users are found by id and by any spelling of the address, with their password if they have one.
pub async fn finds_by_id_and_by_any_spelling_of_the_address(harness: &dyn AccountHarness) {
    let mut user = fixtures::user(1);
    user.email = Email::parse("Ada.Lovelace@Example.COM").expect("an address");
    harness.put_user(&user).await;
    let users = harness.users();
    let found = users.find(user.id).await.expect("the store works");
    assert_eq!(found, Some(user.clone()));
    let unknown = users.find(fixtures::user(2).id).await;
    assert_eq!(unknown.expect("the store works"), None);
    let spelling = Email::parse("ADA.lovelace@example.com").expect("an address");
    let mut account = Account {
        user: user.clone(),
        password: None,
    };
    let found = users.account(&spelling.key()).await;
    assert_eq!(found.expect("the store works"), Some(account.clone()));
    account.password = Some(fixtures::password_hash(1));
    harness
        .put_password(user.id, &fixtures::password_hash(1))
        .await;
    let found = users.account(&spelling.key()).await;
    assert_eq!(found.expect("the store works"), Some(account));
    let unknown = users.account("ada@example.com").await;
    assert_eq!(unknown.expect("the store works"), None);
}

/// A notice is shown until it is dismissed, and one that arrives in the meantime stays.
pub async fn shows_notices_until_they_are_dismissed(harness: &dyn AccountHarness) {
    let owner = fixtures::user(1);
    harness.put_user(&owner).await;
    let users = harness.users();
    let later = NOW.saturating_add_millis(1);
    let mut expected = vec![];
    for (number, at) in [(1, NOW), (2, later)] {
        let token = fixtures::token(number, NOW);
        put(harness, number, &token).await;
        let event = fixtures::audit(
            number,
            at,
            TokenAction::REPORTED_LEAKED,
            Subject::Token(token.id),
        );
        let change = ReportLeakedTokens {
            reported: vec![(fixtures::digest(number), event.id)],
            now: at,
            context: crate::audit::RequestContext::default(),
        };
        let reported = harness.admin_tokens().report_leaked_tokens(change).await;
        assert_eq!(reported.expect("the store works"), 1);
        expected.push(Notice {
            about: NoticeAbout::LeakedToken {
                token: token.id,
                name: token.name,
            },
            at,
        });
    }
    expected.reverse();
    let told = users.notices(owner.id).await.expect("the store works");
    assert_eq!(told, expected);
    let foreign = users.notices(fixtures::user(2).id).await;
    assert_eq!(foreign.expect("the store works"), vec![]);
    harness.put_token(&acting(), &fixtures::digest(0)).await;
    let dismissal = |event| DismissNotices {
        actor: actor(),
        user: owner.id,
        up_to: NOW,
        signed_in_at: None,
        audit: fixtures::audit(
            event,
            NOW,
            UserAction::NOTICES_DISMISSED,
            Subject::User(owner.id),
        ),
    };
    for (event, count) in [(8, 1), (9, 0)] {
        let dismissed = users.dismiss_notices(dismissal(event)).await;
        assert_eq!(
            dismissed.expect("the store works"),
            DismissNoticesOutcome::Dismissed(count)
        );
    }
    assert_eq!(audit_log(harness).await.len(), 3);
    let invalid = invalidate_actor(harness, InvalidActor::Revoked).await;
    let mut stale = dismissal(10);
    stale.actor = invalid;
    let rejected = users.dismiss_notices(stale).await;
    assert_eq!(
        rejected.expect("the store works"),
        DismissNoticesOutcome::NotAuthorized(InvalidActor::Revoked.error())
    );
    let told = users.notices(owner.id).await.expect("the store works");
    assert_eq!(told, expected[..1]);
}
