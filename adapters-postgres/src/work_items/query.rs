//! Reads work items as of a given time: a claim whose run has ended is left out.

use openindex_domain::clock::Timestamp;
use openindex_domain::work_item::{
    DomainKey, ItemStatus, QueueSection, WorkItem, WorkItemCursor, WorkItemFilter, WorkItemKey,
};
use openindex_domain::{Damaged, DamagedColumn, Listing, StoreError};
use sqlx::{PgConnection, Postgres, QueryBuilder};

use crate::error::store_error;
use crate::rows::{self, select_work_item};

pub(crate) async fn by_key(
    connection: &mut PgConnection,
    key: WorkItemKey,
    now: Timestamp,
) -> Result<Option<WorkItem>, StoreError> {
    let [number, part] = rows::key_numbers(key);
    sqlx::query(select_work_item!(
        "w.domain = $1 AND w.number = $2 AND w.part = $3"
    ))
    .bind(key.domain.as_str())
    .bind(number)
    .bind(part)
    .fetch_optional(connection)
    .await
    .map_err(store_error)?
    .map(|row| rows::work_item(&row, now))
    .transpose()
}

/// Returns whether the item has parts.
pub(super) async fn has_parts(
    connection: &mut PgConnection,
    key: WorkItemKey,
) -> Result<bool, StoreError> {
    if key.part.is_some() {
        return Ok(false);
    }
    let [number, _] = rows::key_numbers(key);
    sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM work_items WHERE domain = $1 AND number = $2 AND part > 0)",
    )
    .bind(key.domain.as_str())
    .bind(number)
    .fetch_one(connection)
    .await
    .map_err(store_error)
}

/// Returns the number of the domain's last item. Call
/// [`locks::work_domain`](crate::locks::work_domain) before.
pub(super) async fn last_number(
    connection: &mut PgConnection,
    domain: DomainKey,
) -> Result<u32, StoreError> {
    let last: i32 = sqlx::query_scalar("SELECT last_number FROM work_domains WHERE key = $1")
        .bind(domain.as_str())
        .fetch_one(connection)
        .await
        .map_err(store_error)?;
    u32::try_from(last)
        .map_err(|_| Damaged::new("work_domains", &domain, DamagedColumn("last_number")).into())
}

/// Returns [`WorkItemFilter::matches`] as a query with only the conditions that are set, so that
/// each can use its index.
pub(super) fn page(
    filter: &WorkItemFilter,
    now: Timestamp,
    after: Option<WorkItemCursor>,
    limit: u32,
) -> QueryBuilder<Postgres> {
    let mut query = QueryBuilder::new(select_work_item!("TRUE"));
    if let Some(domain) = filter.domain {
        query
            .push(" AND w.domain = ")
            .push_bind(domain.as_str().to_owned());
    }
    if let Some(kind) = filter.kind {
        query.push(" AND w.kind = ").push_bind(kind.as_str());
    }
    if !filter.statuses.is_empty() {
        let statuses = filter.statuses.iter().copied().map(ItemStatus::as_str);
        query
            .push(" AND w.status = ANY (")
            .push_bind(statuses.collect::<Vec<_>>())
            .push(")");
    }
    if let Some(priority) = filter.priority {
        query
            .push(" AND w.priority = ")
            .push_bind(i16::from(priority.rank()));
    }
    if let Some(target) = filter.target {
        query.push(" AND w.target = ").push_bind(target.as_str());
    }
    if let Some(assignee) = filter.assignee {
        query
            .push(" AND w.assignee_id = ")
            .push_bind(assignee.uuid());
    }
    if let Some(agent) = &filter.agent {
        query
            .push(" AND w.claim_agent = ")
            .push_bind(agent.as_str().to_owned())
            .push(" AND ");
        push_claim_holds(&mut query, now);
    }
    if let Some(run) = filter.run {
        query
            .push(" AND w.claim_run_id = ")
            .push_bind(run.uuid())
            .push(" AND ");
        push_claim_holds(&mut query, now);
    }
    if let Some(parent) = filter.parent {
        let [number, part] = rows::key_numbers(parent);
        query
            .push(" AND w.domain = ")
            .push_bind(parent.domain.as_str().to_owned())
            .push(" AND w.number = ")
            .push_bind(number)
            // A part has no parts.
            .push(" AND w.part > 0 AND 0 = ")
            .push_bind(part);
    }
    for term in filter.search.terms() {
        query
            .push(" AND strpos(w.search_text, ")
            .push_bind(term.clone())
            .push(") > 0");
    }
    if let Some(after) = after {
        let [number, part] = rows::key_numbers(after.key);
        query
            .push(" AND (w.created_at, w.domain, w.number, w.part) < (")
            .push_bind(after.at.to_datetime())
            .push(", ")
            .push_bind(after.key.domain.as_str().to_owned())
            .push(", ")
            .push_bind(number)
            .push(", ")
            .push_bind(part)
            .push(")");
    }
    query
        .push(" ORDER BY w.created_at DESC, w.domain DESC, w.number DESC, w.part DESC LIMIT ")
        .push_bind(i64::from(limit));
    query
}

/// Returns [`QueueSection::holds`] as a query, in the section's order.
pub(super) fn queue(section: &QueueSection, now: Timestamp, limit: u32) -> QueryBuilder<Postgres> {
    // As in the index of open items.
    let mut query = QueryBuilder::new(select_work_item!("w.status IN ('todo', 'in_progress')"));
    match section {
        QueueSection::Available => {
            query.push(" AND w.target <> 'human' AND NOT ");
            push_claim_holds(&mut query, now);
        }
        QueueSection::AvailableToPeople => {
            query.push(" AND w.target <> 'agent' AND NOT ");
            push_claim_holds(&mut query, now);
        }
        QueueSection::OfAgent(agent) => {
            query
                .push(" AND w.claim_agent = ")
                .push_bind(agent.as_str().to_owned())
                .push(" AND ");
            push_claim_holds(&mut query, now);
        }
        QueueSection::OfRun(run) => {
            query
                .push(" AND w.claim_run_id = ")
                .push_bind(run.uuid())
                .push(" AND ");
            push_claim_holds(&mut query, now);
        }
        QueueSection::OfPerson(user) => {
            query.push(" AND w.assignee_id = ").push_bind(user.uuid());
        }
    }
    query
        .push(" ORDER BY w.priority DESC, w.created_at, w.domain, w.number, w.part LIMIT ")
        .push_bind(i64::from(limit));
    query
}

/// Adds [`Claim::holds`](openindex_domain::work_item::Claim::holds) as a condition that is false
/// without a claim. It is never NULL, so that it can be negated: every run expires.
fn push_claim_holds(query: &mut QueryBuilder<Postgres>, now: Timestamp) {
    query
        .push(
            "(w.claimed_at IS NOT NULL AND ((w.claim_run_id IS NULL AND p.deleted_at IS NULL) OR (r.id IS NOT NULL \
             AND r.revoked_at IS NULL AND r.expires_at < '10000-01-01 00:00:00+00' AND r.expires_at > ",
        )
        .push_bind(now.to_datetime())
        .push(")))");
}

pub(super) async fn fetch(
    connection: &mut PgConnection,
    mut query: QueryBuilder<Postgres>,
    now: Timestamp,
) -> Result<Listing<WorkItem>, StoreError> {
    let found = query.build().fetch_all(connection).await;
    let found = found.map_err(store_error)?;
    Listing::read(found.iter().map(|row| rows::work_item(row, now)))
}
