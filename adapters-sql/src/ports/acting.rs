//! The credential that a change is made with, read again inside the transaction of the change.

use openindex_domain::access::{ActingRecord, Actor, CredentialId};

use crate::tables::{forms, owners, sessions, tokens};
use crate::{Database, Result, Tx};

/// Returns the record of the acting credential, or `None` if it no longer exists. Also records the
/// use of the form that the change was submitted with; if the change is not made, its rollback
/// undoes that too.
pub(super) async fn record<D: Database>(
    tx: &mut Tx<'_, D>,
    actor: &Actor,
) -> Result<Option<ActingRecord>> {
    if let Some(form) = &actor.form
        && let Some(made) = forms::record_use(tx, form, actor.now).await?
    {
        return Ok(Some(ActingRecord::FormUsed(made)));
    }
    Ok(match actor.credential {
        CredentialId::Token(id) => tokens::record_by_id(tx, id).await?.map(ActingRecord::from),
        CredentialId::Session(id) => sessions::record_by_id(tx, id)
            .await?
            .map(ActingRecord::from),
        CredentialId::External(id) => owners::by_id(tx, id).await?.map(ActingRecord::External),
        CredentialId::Operator => None,
    })
}

/// Like [`record`], for changes that store which user made them.
pub(super) async fn author<D: Database>(
    tx: &mut Tx<'_, D>,
    actor: &Actor,
) -> Result<Option<ActingRecord>> {
    let Some(record) = record(tx, actor).await? else {
        return Ok(None);
    };
    let has_account = match record.owner() {
        Some(owner) => owners::with_account(tx, owner.id).await?,
        None => return Ok(Some(record)),
    };
    let has_account = has_account.is_some_and(|(_, has_account)| has_account);
    Ok(Some(record.as_author(has_account)))
}

/// Like [`author`], for changes that the server itself may make: `None` without an actor.
pub(super) async fn optional_author<D: Database>(
    tx: &mut Tx<'_, D>,
    actor: Option<&Actor>,
) -> Result<Option<ActingRecord>> {
    match actor {
        Some(actor) => author(tx, actor).await,
        None => Ok(None),
    }
}
