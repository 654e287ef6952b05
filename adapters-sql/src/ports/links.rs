//! Sign-in links, which are part of the [`SessionStore`](openindex_domain::session::SessionStore)
//! port.

use openindex_domain::session::{
    CreateSignInLink, CreateSignInLinkOutcome, RedeemSignInLink, RedeemSignInLinkOutcome,
};
use openindex_domain::user::UserId;

use super::acting;
use crate::store::{Step, Stop};
use crate::tables::{audit, notices, sessions, sign_in_links, users};
use crate::{Database, Lock, Tx};

pub(super) async fn create<D: Database>(
    tx: &mut Tx<'_, D>,
    change: CreateSignInLink,
) -> Step<CreateSignInLinkOutcome> {
    let (actor, id) = (change.actor.as_ref(), change.link.user);
    tx.lock(Lock::Owners(actor, &[id])).await?;
    let actor = acting::optional_author(tx, actor).await?;
    let user = users::by_id(tx, id).await?;
    change
        .decide(actor.as_ref(), user.as_ref())
        .map_err(Stop::Reply)?;
    sign_in_links::invalidate(tx, id).await?;
    sign_in_links::insert(tx, &change.link, &change.digest).await?;
    audit::insert(tx, &change.audit).await?;
    Ok(CreateSignInLinkOutcome::Created)
}

pub(super) async fn redeem<D: Database>(
    tx: &mut Tx<'_, D>,
    change: RedeemSignInLink,
) -> Step<RedeemSignInLinkOutcome> {
    let id = change.session.user;
    // Users are locked before their links. A link's user and creator never change, so they can be
    // read before locking.
    let link = sign_in_links::by_id(tx, change.link).await?;
    let creator = link.and_then(|link| link.created_by);
    let users: Vec<UserId> = [id].into_iter().chain(creator).collect();
    tx.lock(Lock::Owners(None, &users)).await?;
    let link = sign_in_links::lock(tx, change.link).await?;
    let user = users::by_optional_id(tx, Some(id)).await?;
    let creator = users::by_optional_id(tx, creator).await?;
    let ended = change
        .decide(link.as_ref(), user.as_ref(), creator.as_ref())
        .map_err(Stop::Reply)?;
    sign_in_links::mark_used(tx, change.link, change.now).await?;
    notices::insert_all(tx, &[(id, change.notice())]).await?;
    users::set_password(tx, id, Some(&change.hash)).await?;
    sessions::end(tx, id, ended).await?;
    sessions::insert(tx, &change.session, &change.digest).await?;
    audit::insert(tx, &change.audit).await?;
    Ok(RedeemSignInLinkOutcome::Redeemed)
}
