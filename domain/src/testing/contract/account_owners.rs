//! Users as the owners of tokens.

use super::change_user::{apply, change};
use super::owners::put_owner;
use super::users::{self, deletion};
use super::{
    AccountHarness, NOW, audit_log, find, insert, insertion, invites, owners, seed, sign_in_links,
};
use crate::access::{Actor, ActorError, CredentialId, Denial};
use crate::invite::CreateInviteOutcome;
use crate::session::CreateSignInLinkOutcome;
use crate::testing::fixtures;
use crate::token::{ChangeOwnerOutcome, CreateTokenOutcome, Rejection};
use crate::user::{ChangeUserOutcome, DeleteUserOutcome, Owner, UserChange};

/// The owner with a user's id is that user, and only a change of the user changes them.
pub async fn are_their_users(harness: &dyn AccountHarness) {
    seed(harness).await;
    let ada = fixtures::user(1);
    let find_owner = async || {
        let found = harness.tokens().find_owner(ada.id).await;
        found.expect("the store works")
    };
    assert_eq!(find_owner().await, Some(ada.as_owner()));
    let mut inactive = ada.as_owner();
    inactive.active = false;
    let outcome = put_owner(harness, inactive.clone(), 700).await;
    assert_eq!(outcome, ChangeOwnerOutcome::HasAccount);
    assert_eq!(find_owner().await, Some(ada.as_owner()));
    // Another administrator remains.
    let other = fixtures::user(2);
    harness.put_user(&other).await;
    let mut token = fixtures::token(20, NOW);
    token.owner = other.id;
    harness.put_token(&token, &fixtures::digest(20)).await;
    let by_other = |mut actor: Actor| {
        actor.credential = CredentialId::Token(token.id);
        actor
    };
    let mut suspend = change(ada.id, UserChange::Suspend, 1);
    suspend.actor = by_other(suspend.actor);
    let suspended = apply(harness, suspend).await;
    assert!(matches!(suspended, ChangeUserOutcome::Changed(_)));
    assert_eq!(find_owner().await, Some(inactive));
    let mut delete = deletion(ada.id, 2);
    delete.actor = by_other(delete.actor);
    assert_eq!(
        users::delete(harness, delete).await,
        DeleteUserOutcome::Deleted
    );
    assert_eq!(find_owner().await, Some(Owner::deleted(ada.id)));
    let outcome = put_owner(harness, ada.as_owner(), 701).await;
    assert_eq!(outcome, ChangeOwnerOutcome::HasAccount);
}

/// A change is made on behalf of a user with an account, too, until they are suspended.
pub async fn can_be_acted_for(harness: &dyn AccountHarness) {
    seed(harness).await;
    let ada = fixtures::user(1);
    let mut creation = insertion(1, 100);
    creation.actor.credential = CredentialId::External(ada.id);
    assert_eq!(insert(harness, creation).await, CreateTokenOutcome::Created);
    let mut suspended = ada.clone();
    suspended.suspended_at = Some(NOW);
    harness.put_user(&suspended).await;
    let mut creation = insertion(2, 100);
    creation.actor.credential = CredentialId::External(ada.id);
    assert_eq!(
        insert(harness, creation).await,
        CreateTokenOutcome::NotAuthorized(Rejection::OwnerSuspended.into())
    );
    assert!(find(harness, 2).await.is_none());
}

/// An owner without an account can be the creator of neither an invite nor a sign-in link.
pub async fn without_an_account_create_neither_invites_nor_links(harness: &dyn AccountHarness) {
    seed(harness).await;
    owners::add(harness).await;
    let mut denied = ActorError::Denied(Denial::AccountRequired);
    let before = audit_log(harness).await;
    for event in [710, 720] {
        let mut invite = invites::creation(1);
        invite.actor = Some(owners::external());
        invite.invite.created_by = Some(owners::owner().id);
        assert_eq!(
            invites::create(harness, invite).await,
            CreateInviteOutcome::NotAuthorized(denied)
        );
        let mut link = sign_in_links::creation(1);
        link.actor = Some(owners::external());
        link.link.created_by = Some(owners::owner().id);
        assert_eq!(
            sign_in_links::create(harness, link).await,
            CreateSignInLinkOutcome::NotAuthorized(denied)
        );
        if event == 710 {
            assert_eq!(audit_log(harness).await, before);
            // The credential itself is checked first.
            let suspended = put_owner(harness, owners::owner().suspended(), event).await;
            assert_eq!(suspended, ChangeOwnerOutcome::Changed);
            denied = Rejection::OwnerSuspended.into();
        }
    }
}
