//! Users as the owners of tokens.

use super::change_user::{apply, change};
use super::owners::put_owner;
use super::users::{self, deletion};
use super::{AccountHarness, NOW, find, insert, insertion, seed};
use crate::access::{Actor, CredentialId};
use crate::testing::fixtures;
use crate::token::{CreateTokenOutcome, PutOwnerOutcome, Rejection};
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
    assert_eq!(outcome, PutOwnerOutcome::HasAccount);
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
    assert_eq!(outcome, PutOwnerOutcome::HasAccount);
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
