//! The users of our own table.

use futures_util::future::join_all;

use super::{AccountHarness, NOW, Spoiled, acting, actor, find, list, put, spoil_actor, trail};
use crate::audit::{AuditAction, Subject};
use crate::inventory::ReportTokens;
use crate::testing::fixtures;
use crate::user::{
    Account, CreateFirstAdmin, DismissNotices, DismissNoticesOutcome, Email, FirstAdminOutcome,
    Notice, NoticeAbout, PersonName, Role,
};

fn creation(number: u64) -> CreateFirstAdmin {
    let user = fixtures::user(number);
    let mut token = fixtures::token(number, NOW);
    token.owner = user.id;
    let action = AuditAction::InstanceBootstrapped;
    let mut audit = fixtures::audit(number, NOW, action, Subject::User(user.id));
    audit.related = Some(Subject::Token(token.id));
    CreateFirstAdmin {
        user,
        token,
        digest: fixtures::digest(number),
        audit,
    }
}

async fn create(harness: &dyn AccountHarness, number: u64) -> FirstAdminOutcome {
    harness
        .users()
        .create_first_admin(creation(number))
        .await
        .expect("the store answers")
}

/// User, token and event appear in one step.
pub async fn creates_the_first_admin_with_token_and_trail(harness: &dyn AccountHarness) {
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
pub async fn creates_nothing_when_somebody_is_there(harness: &dyn AccountHarness) {
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
pub async fn creates_one_first_admin_of_16_at_the_same_time(harness: &dyn AccountHarness) {
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
pub async fn pages_through_everybody_in_order(harness: &dyn AccountHarness) {
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

/// By id, and by whatever spelling of the address, with the password where there is one.
pub async fn finds_by_id_and_by_any_spelling_of_the_address(harness: &dyn AccountHarness) {
    let mut user = fixtures::user(1);
    user.email = Email::parse("Ada.Lovelace@Example.COM").expect("an address");
    harness.put_user(&user).await;
    let users = harness.users();
    let found = users.find(user.id).await.expect("the store answers");
    assert_eq!(found, Some(user.clone()));
    let nobody = users.find(fixtures::user(2).id).await;
    assert_eq!(nobody.expect("the store answers"), None);
    let spelling = Email::parse("ADA.lovelace@example.com").expect("an address");
    let mut account = Account {
        user: user.clone(),
        password: None,
    };
    let found = users.account(&spelling.key()).await;
    assert_eq!(found.expect("the store answers"), Some(account.clone()));
    account.password = Some(fixtures::password_hash(1));
    harness
        .put_password(user.id, &fixtures::password_hash(1))
        .await;
    let found = users.account(&spelling.key()).await;
    assert_eq!(found.expect("the store answers"), Some(account));
    let nobody = users.account("ada@example.com").await;
    assert_eq!(nobody.expect("the store answers"), None);
}

/// A notice is told until it is dismissed, and one that comes in meanwhile stays.
pub async fn tells_notices_until_they_are_dismissed(harness: &dyn AccountHarness) {
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
            AuditAction::TokenReported,
            Subject::Token(token.id),
        );
        let change = ReportTokens {
            reported: vec![(fixtures::digest(number), event.id)],
            now: at,
            context: crate::audit::RequestContext::default(),
        };
        let reported = harness.inventory().report(change).await;
        assert_eq!(reported.expect("the store answers"), 1);
        expected.push(Notice {
            about: NoticeAbout::LeakedToken {
                token: token.id,
                name: token.name,
            },
            at,
        });
    }
    expected.reverse();
    let told = users.notices(owner.id).await.expect("the store answers");
    assert_eq!(told, expected);
    let foreign = users.notices(fixtures::user(2).id).await;
    assert_eq!(foreign.expect("the store answers"), vec![]);
    harness.put_token(&acting(), &fixtures::digest(0)).await;
    let dismissal = |event| DismissNotices {
        actor: actor(),
        user: owner.id,
        up_to: NOW,
        signed_in_at: None,
        audit: fixtures::audit(
            event,
            NOW,
            AuditAction::NoticesDismissed,
            Subject::User(owner.id),
        ),
    };
    for (event, count) in [(8, 1), (9, 0)] {
        let dismissed = users.dismiss_notices(dismissal(event)).await;
        assert_eq!(
            dismissed.expect("the store answers"),
            DismissNoticesOutcome::Dismissed(count)
        );
    }
    assert_eq!(trail(harness).await.len(), 3);
    let spoiled = spoil_actor(harness, Spoiled::Revoked).await;
    let mut stale = dismissal(10);
    stale.actor = spoiled;
    let refused = users.dismiss_notices(stale).await;
    assert_eq!(
        refused.expect("the store answers"),
        DismissNoticesOutcome::ActorRefused(Spoiled::Revoked.refusal())
    );
    let told = users.notices(owner.id).await.expect("the store answers");
    assert_eq!(told, expected[..1]);
}
