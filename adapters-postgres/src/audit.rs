//! The trail: written inside the transaction of each change, read the newest first.

use async_trait::async_trait;
use openindex_domain::StoreError;
use openindex_domain::audit::{AuditActor, AuditEvent, AuditStore};
use sqlx::PgConnection;

use crate::PostgresStore;
use crate::error::store_error;
use crate::rows;

/// Writes the event of a change on the connection of its transaction.
pub(crate) async fn insert(
    connection: &mut PgConnection,
    event: &AuditEvent,
) -> Result<(), StoreError> {
    let (actor, user, token) = match event.actor {
        AuditActor::Operator => ("operator", None, None),
        AuditActor::Token { user, token } => {
            ("token", Some(user.to_string()), Some(token.to_string()))
        }
    };
    sqlx::query(
        "INSERT INTO audit_events (id, at, actor, actor_user, actor_token, action, subject, \
         related, request_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(event.id.uuid())
    .bind(event.at.to_datetime())
    .bind(actor)
    .bind(user)
    .bind(token)
    .bind(event.action.name())
    .bind(event.action.subject().to_string())
    .bind(event.action.related().map(|related| related.to_string()))
    .bind(event.request_id.as_ref().map(|id| id.as_str().to_owned()))
    .execute(connection)
    .await
    .map_err(store_error)?;
    Ok(())
}

#[async_trait]
impl AuditStore for PostgresStore {
    async fn newest(&self, limit: u32) -> Result<Vec<AuditEvent>, StoreError> {
        self.call(move |connection| {
            Box::pin(async move {
                sqlx::query(
                    "SELECT id, at, actor, actor_user, actor_token, action, subject, related, \
                     request_id FROM audit_events ORDER BY at DESC, id DESC LIMIT $1",
                )
                .bind(i64::from(limit))
                .fetch_all(connection)
                .await
                .map_err(store_error)?
                .iter()
                .map(rows::event)
                .collect()
            })
        })
        .await
    }
}
