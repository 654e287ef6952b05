//! Writes work items, under the locks that their change has taken.

use openindex_domain::StoreError;
use openindex_domain::agent_run::{AgentId, WorkItemKey};
use openindex_domain::clock::Timestamp;
use openindex_domain::token::TokenId;
use openindex_domain::user::UserId;
use openindex_domain::work_item::{Holder, WorkItem};
use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use sqlx::{PgConnection, Postgres};

use crate::error::store_error;
use crate::rows;

pub(super) async fn insert(
    connection: &mut PgConnection,
    item: &WorkItem,
) -> Result<(), StoreError> {
    let query = sqlx::query(
        "INSERT INTO work_items (domain, number, part, kind, title, description, search_text, \
         status, priority, target, assignee_id, claim_agent, claim_user_id, claim_run_id, claimed_at, \
         created_by, created_at, updated_at, resolved_at, version, last_part, \
         claim_on_behalf_id) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, \
         $19, $20, $21, $22)",
    );
    bind(query, item)?
        .execute(connection)
        .await
        .map_err(store_error)?;
    Ok(())
}

pub(super) async fn update(
    connection: &mut PgConnection,
    item: &WorkItem,
) -> Result<(), StoreError> {
    let query = sqlx::query(
        "UPDATE work_items SET kind = $4, title = $5, description = $6, search_text = $7, \
         status = $8, priority = $9, target = $10, assignee_id = $11, claim_agent = $12, \
         claim_user_id = $13, claim_run_id = $14, claimed_at = $15, created_by = $16, \
         created_at = $17, updated_at = $18, resolved_at = $19, version = $20, last_part = $21, \
         claim_on_behalf_id = $22 \
         WHERE domain = $1 AND number = $2 AND part = $3",
    );
    let updated = bind(query, item)?.execute(connection);
    rows::exactly_one(
        updated.await.map_err(store_error)?.rows_affected(),
        "work item",
    )
}

fn bind<'q>(
    query: Query<'q, Postgres, PgArguments>,
    item: &'q WorkItem,
) -> Result<Query<'q, Postgres, PgArguments>, StoreError> {
    let [number, part] = rows::key_numbers(item.key);
    let claim = item.claim.as_ref();
    let holder = claim.map(|claim| &claim.holder);
    Ok(query
        .bind(item.key.domain.as_str())
        .bind(number)
        .bind(part)
        .bind(item.kind.as_str())
        .bind(item.title.as_str())
        .bind(item.description.as_str())
        .bind(item.search_text())
        .bind(item.status.as_str())
        .bind(i16::from(item.priority.rank()))
        .bind(item.target.as_str())
        .bind(item.assignee.map(UserId::uuid))
        .bind(holder.and_then(Holder::agent).map(AgentId::as_str))
        .bind(holder.and_then(Holder::person).map(UserId::uuid))
        .bind(claim.and_then(|claim| claim.run).map(TokenId::uuid))
        .bind(claim.map(|claim| claim.at.to_datetime()))
        .bind(item.created_by.uuid())
        .bind(item.created_at.to_datetime())
        .bind(item.updated_at.to_datetime())
        .bind(item.resolved_at.map(Timestamp::to_datetime))
        .bind(i64::try_from(item.version).map_err(StoreError::corrupt)?)
        .bind(i64::from(item.last_part))
        .bind(claim.and_then(|claim| claim.on_behalf).map(UserId::uuid)))
}

pub(super) async fn delete(
    connection: &mut PgConnection,
    key: WorkItemKey,
) -> Result<(), StoreError> {
    let [number, part] = rows::key_numbers(key);
    let deleted =
        sqlx::query("DELETE FROM work_items WHERE domain = $1 AND number = $2 AND part = $3")
            .bind(key.domain.as_str())
            .bind(number)
            .bind(part)
            .execute(connection)
            .await
            .map_err(store_error)?
            .rows_affected();
    rows::exactly_one(deleted, "work item")
}

/// Stores the number of the domain's last item.
pub(super) async fn set_last_number(
    connection: &mut PgConnection,
    key: WorkItemKey,
) -> Result<(), StoreError> {
    let [number, _] = rows::key_numbers(key);
    let updated = sqlx::query("UPDATE work_domains SET last_number = $2 WHERE key = $1")
        .bind(key.domain.as_str())
        .bind(number)
        .execute(connection)
        .await
        .map_err(store_error)?
        .rows_affected();
    rows::exactly_one(updated, "work domain")
}

/// Stores the number of the item's last part.
pub(super) async fn set_last_part(
    connection: &mut PgConnection,
    parent: &WorkItem,
) -> Result<(), StoreError> {
    let [number, part] = rows::key_numbers(parent.key);
    let updated = sqlx::query(
        "UPDATE work_items SET last_part = $4 WHERE domain = $1 AND number = $2 AND part = $3",
    )
    .bind(parent.key.domain.as_str())
    .bind(number)
    .bind(part)
    .bind(i64::from(parent.last_part))
    .execute(connection)
    .await
    .map_err(store_error)?
    .rows_affected();
    rows::exactly_one(updated, "work item")
}
