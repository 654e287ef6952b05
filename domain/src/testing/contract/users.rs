//! The users of our own table.

use futures_util::future::join_all;

use super::{NOW, UserHarness, find, list, trail};
use crate::audit::AuditAction;
use crate::testing::fixtures;
use crate::user::{CreateFirstAdmin, FirstAdminOutcome, PersonName, Role};

fn creation(number: u64) -> CreateFirstAdmin {
    let user = fixtures::user(number);
    let mut token = fixtures::token(number, NOW);
    token.owner = user.id;
    let action = AuditAction::InstanceBootstrapped {
        user: user.id,
        token: token.id,
    };
    CreateFirstAdmin {
        user,
        token,
        digest: fixtures::digest(number),
        audit: fixtures::audit(number, NOW, action),
    }
}

async fn create(harness: &dyn UserHarness, number: u64) -> FirstAdminOutcome {
    harness
        .users()
        .create_first_admin(creation(number))
        .await
        .expect("the store answers")
}

/// User, token and event appear in one step.
pub async fn creates_the_first_admin_with_token_and_trail(harness: &dyn UserHarness) {
    assert_eq!(create(harness, 1).await, FirstAdminOutcome::Created);
    let expected = creation(1);
    let users = harness.users().page(None, 10).await;
    assert_eq!(
        users.expect("the store answers"),
        vec![expected.user.clone()]
    );
    let record = find(harness, 1).await.expect("the token is there");
    assert_eq!(record.token, expected.token);
    assert_eq!(record.owner, expected.user.as_owner());
    assert_eq!(trail(harness).await, vec![expected.audit]);
}

/// Any user at all, even a suspended member, closes that door.
pub async fn creates_nothing_when_somebody_is_there(harness: &dyn UserHarness) {
    let mut somebody = fixtures::user(7);
    somebody.role = Role::Member;
    somebody.suspended_at = Some(NOW);
    harness.put_user(&somebody).await;
    assert_eq!(
        create(harness, 1).await,
        FirstAdminOutcome::InstanceHasUsers
    );
    let users = harness.users().page(None, 10).await;
    assert_eq!(users.expect("the store answers"), vec![somebody]);
    assert!(find(harness, 1).await.is_none());
    assert_eq!(trail(harness).await, vec![]);
}

/// Of 16 simultaneous creations one counts.
pub async fn creates_one_first_admin_of_16_at_the_same_time(harness: &dyn UserHarness) {
    let outcomes = join_all((1..=16).map(|number| create(harness, number))).await;
    let created = outcomes
        .iter()
        .filter(|outcome| **outcome == FirstAdminOutcome::Created)
        .count();
    assert_eq!(created, 1, "{outcomes:?}");
    let users = harness.users().page(None, 50).await;
    let users = users.expect("the store answers");
    assert_eq!(users.len(), 1);
    assert_eq!(list(harness, users[0].id).await.len(), 1);
    assert_eq!(trail(harness).await.len(), 1);
}

/// Pages follow one another without gap or repetition, and keep every field.
pub async fn pages_through_everybody_in_order(harness: &dyn UserHarness) {
    let mut everybody: Vec<_> = (1..=5).map(fixtures::user).collect();
    everybody[1].role = Role::Member;
    everybody[2].suspended_at = Some(NOW);
    everybody[3].name = PersonName::parse("Zoë 界 <b>").expect("a name");
    for user in everybody.iter().rev() {
        harness.put_user(user).await;
    }
    let users = harness.users();
    let mut seen = vec![];
    loop {
        let page = users.page(seen.last().map(|user: &crate::user::User| user.id), 2);
        let page = page.await.expect("the store answers");
        if page.is_empty() {
            break;
        }
        assert!(page.len() <= 2);
        seen.extend(page);
    }
    assert_eq!(seen, everybody);
}
