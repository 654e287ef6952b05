//! The credential that a change is made with, read again inside the transaction of the change.

use openindex_domain::StoreError;
use openindex_domain::access::{ActingRecord, Actor, CredentialId};
use sqlx::SqliteConnection;

use crate::{forms, sessions, tokens};

/// Returns the record of the acting credential, or `None` if it no longer exists. Also records the
/// use of the form that the change was submitted with; if the change is not made, its rollback
/// undoes that too.
pub(crate) async fn record(
    connection: &mut SqliteConnection,
    actor: &Actor,
) -> Result<Option<ActingRecord>, StoreError> {
    if let Some(form) = &actor.form
        && let Some(made) = forms::record_use(connection, form, actor.now).await?
    {
        return Ok(Some(ActingRecord::FormUsed(made)));
    }
    Ok(match actor.credential {
        CredentialId::Token(id) => tokens::record_by_id(connection, id)
            .await?
            .map(ActingRecord::from),
        CredentialId::Session(id) => sessions::record_by_id(connection, id)
            .await?
            .map(ActingRecord::from),
    })
}

/// Like [`record`], for changes that the server itself may make: `None` without an actor.
pub(crate) async fn optional_record(
    connection: &mut SqliteConnection,
    actor: Option<&Actor>,
) -> Result<Option<ActingRecord>, StoreError> {
    match actor {
        Some(actor) => record(connection, actor).await,
        None => Ok(None),
    }
}
