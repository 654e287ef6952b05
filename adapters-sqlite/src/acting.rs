//! The credential behind a change, read again inside its transaction.

use openindex_domain::StoreError;
use openindex_domain::access::{ActingRecord, Actor, CredentialId};
use sqlx::SqliteConnection;

use crate::{forms, sessions, tokens};

/// The acting credential's record; `None` when it is gone. Also records the use of the form that
/// the change was sent with: it is undone with the transaction of a change that is not made.
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

/// The same where there may be no acting credential, but the server itself.
pub(crate) async fn optional_record(
    connection: &mut SqliteConnection,
    actor: Option<&Actor>,
) -> Result<Option<ActingRecord>, StoreError> {
    match actor {
        Some(actor) => record(connection, actor).await,
        None => Ok(None),
    }
}
