//! Forms that can create something once.

use futures_util::future::join_all;

use super::{
    AccountHarness, NOW, actor, audit_log, insert, insertion, invites, list, seed, sign_in_links,
};
use crate::access::ActorError;
use crate::audit::Subject;
use crate::form::{FormId, SentForm};
use crate::invite::CreateInviteOutcome;
use crate::session::CreateSignInLinkOutcome;
use crate::testing::fixtures;
use crate::token::{CreateToken, CreateTokenOutcome};

/// Returns form `number`, as submitted by user 1.
fn form(number: u64, created: Subject) -> SentForm {
    let id = FormId::from_uuid(fixtures::token(number, NOW).id.uuid());
    SentForm::new(id, fixtures::user(1).id, created)
}

/// Returns the insertion of token `number`, submitted with form `of`.
fn sent(number: u64, of: u64, quota: u32) -> CreateToken {
    let mut change = insertion(number, quota);
    change.actor.form = Some(form(of, Subject::Token(change.token.id)));
    change
}

const fn used(created: Subject) -> ActorError {
    ActorError::FormUsed(created)
}

/// A form creates one thing; a second change fails with the id of the first one.
pub async fn create_once(harness: &dyn AccountHarness) {
    seed(harness).await;
    let (first, second) = (sent(1, 1, 100), sent(2, 1, 100));
    let created = Subject::Token(first.token.id);
    assert_eq!(
        insert(harness, first.clone()).await,
        CreateTokenOutcome::Created
    );
    let rejected = CreateTokenOutcome::NotAuthorized(used(created));
    assert_eq!(insert(harness, second).await, rejected);
    assert_eq!(list(harness, fixtures::user(1).id).await.len(), 2);

    let mut invite = invites::creation(1);
    let mut again = invites::creation(2);
    let invited = Subject::Invite(invite.invite.id);
    for change in [&mut invite, &mut again] {
        let mut actor = actor();
        actor.form = Some(form(2, Subject::Invite(change.invite.id)));
        change.actor = Some(actor);
    }
    let created = invites::create(harness, invite).await;
    assert_eq!(created, CreateInviteOutcome::Created);
    let rejected = CreateInviteOutcome::NotAuthorized(used(invited));
    assert_eq!(invites::create(harness, again).await, rejected);

    let mut link = sign_in_links::creation(1);
    let mut again = sign_in_links::creation(2);
    let user = Subject::User(link.link.user);
    for change in [&mut link, &mut again] {
        let mut actor = actor();
        actor.form = Some(form(3, user));
        change.actor = Some(actor);
    }
    assert_eq!(
        sign_in_links::create(harness, link).await,
        CreateSignInLinkOutcome::Created
    );
    let rejected = CreateSignInLinkOutcome::NotAuthorized(used(user));
    assert_eq!(sign_in_links::create(harness, again).await, rejected);
    assert_eq!(audit_log(harness).await.len(), 3);
    // Another form, one of another page or user, and changes without a form are not affected.
    let mut of_another = sent(6, 1, 100);
    let form = FormId::from_uuid(fixtures::token(1, NOW).id.uuid());
    let created = Subject::Token(of_another.token.id);
    of_another.actor.form = Some(SentForm::new(form, fixtures::user(2).id, created));
    for change in [
        sent(3, 3, 100),
        sent(4, 4, 100),
        insertion(5, 100),
        of_another,
    ] {
        assert_eq!(insert(harness, change).await, CreateTokenOutcome::Created);
    }
}

/// A double click.
pub async fn create_once_of_16_concurrent_calls(harness: &dyn AccountHarness) {
    seed(harness).await;
    let all = join_all((1..=16).map(|number| insert(harness, sent(number, 1, 100)))).await;
    let created = all
        .iter()
        .filter(|outcome| **outcome == CreateTokenOutcome::Created);
    assert_eq!(created.count(), 1, "{all:?}");
    let tokens = list(harness, fixtures::user(1).id).await;
    assert_eq!(tokens.len(), 2);
    let created = Subject::Token(tokens[0].id);
    for outcome in all {
        if outcome != CreateTokenOutcome::Created {
            assert_eq!(outcome, CreateTokenOutcome::NotAuthorized(used(created)));
        }
    }
}

/// A form whose change failed for another reason can be corrected and submitted again.
pub async fn are_not_used_up_by_a_failed_change(harness: &dyn AccountHarness) {
    seed(harness).await;
    assert_eq!(
        insert(harness, sent(1, 1, 1)).await,
        CreateTokenOutcome::QuotaReached
    );
    assert_eq!(
        insert(harness, sent(1, 1, 100)).await,
        CreateTokenOutcome::Created
    );
}

/// Used forms are remembered for as long as they can be submitted.
pub async fn are_purged_in_time(harness: &dyn AccountHarness) {
    seed(harness).await;
    assert_eq!(
        insert(harness, sent(1, 1, 100)).await,
        CreateTokenOutcome::Created
    );
    let sessions = harness.sessions();
    let purge = async |before| sessions.purge_forms(before).await.expect("the store works");
    assert_eq!(purge(NOW).await, 0);
    assert_eq!(purge(NOW.saturating_add_millis(1)).await, 1);
    assert_eq!(
        insert(harness, sent(2, 1, 100)).await,
        CreateTokenOutcome::Created
    );
}
