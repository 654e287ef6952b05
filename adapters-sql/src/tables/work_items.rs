//! The tables of work items and their domains. Items are read as of a given time: a claim whose run
//! has ended is left out.

use std::num::NonZeroU32;

use openindex_domain::agent_run::{AgentId, DomainKey, WorkItemKey};
use openindex_domain::clock::Timestamp;
use openindex_domain::token::TokenId;
use openindex_domain::work_item::{Holder, QueueSection, WorkItem, WorkItemCursor, WorkItemFilter};
use openindex_domain::{Damaged, DamagedColumn, Listing, StoreError};

use crate::row::get;
use crate::rows;
use crate::schema::{INSERT_WORK_ITEM, UPDATE_WORK_ITEM};
use crate::{Database, Result, Statement, Tx};

/// The unresolved statuses. Literals instead of parameters, because the queue's partial indexes
/// cover only these statuses.
const OPEN: &str = "w.status IN ('todo', 'in_progress')";

const KEY: &str = "domain = $1 AND number = $2 AND part = $3";

/// The beginning of a query for items `w`, each with the run `r` that claimed it, or the user `p` who
/// did: up to the items, and from there to a condition.
const SELECT: [&str; 2] = [
    "SELECT w.domain, w.number, w.part, w.kind, w.title, w.description, w.status, \
     w.priority, w.target, w.assignee_id, w.claim_agent, w.claim_user_id, \
     w.claim_run_id, w.claim_on_behalf_id, w.claimed_at, w.created_by, w.created_at, \
     w.updated_at, w.resolved_at, w.version, w.last_part, r.id AS run_id, \
     r.revoked_at AS run_revoked_at, r.expires_at AS run_expires_at, \
     p.deleted_at AS person_deleted_at FROM ",
    " LEFT JOIN tokens r ON r.id = w.claim_run_id AND r.kind = 'agent_run' \
     LEFT JOIN users p ON p.id = COALESCE(w.claim_user_id, w.claim_on_behalf_id) WHERE ",
];

/// Returns a query for items; see [`SELECT`].
fn select(condition: &str) -> Statement {
    let [columns, joins] = SELECT;
    Statement::new(format!("{columns}work_items w{joins}{condition}"))
}

/// The number of candidates from which a search does not read them from the index and sort them. The
/// newest of all items are then likely to fill a page, so reading these is faster: of 100,000 items,
/// it is the newest 2,500 for a page of 50 if 2,000 match. Both then take about 10 ms; fewer matches
/// make the one faster, and more the other.
const FEW: u32 = 2_000;

/// Returns the part of a key as it is stored; 0 means none.
fn part(key: WorkItemKey) -> u32 {
    key.part.map_or(0, NonZeroU32::get)
}

/// Binds the key, as the parameters 1 to 3.
fn with_key(statement: Statement, key: WorkItemKey) -> Statement {
    let statement = statement.bind(key.domain.as_str());
    statement.bind(key.number.get()).bind(part(key))
}

pub(crate) async fn by_key<D: Database>(
    tx: &mut Tx<'_, D>,
    key: WorkItemKey,
    now: Timestamp,
) -> Result<Option<WorkItem>> {
    let statement = select("w.domain = $1 AND w.number = $2 AND w.part = $3");
    let statement = with_key(statement, key);
    tx.one(statement, |row| rows::work_item(row, now)).await
}

/// Returns a query for the items whose domain, number and part come after these.
pub(crate) fn after((domain, number, part): (String, i64, i64), limit: u32) -> Statement {
    let mut statement = select(
        "(w.domain, w.number, w.part) > ($1, $2, $3) ORDER BY w.domain, w.number, w.part LIMIT ",
    );
    statement.values = vec![domain.into(), number.into(), part.into()];
    statement.push_bind(limit);
    statement
}

/// Returns whether the item has parts.
pub(crate) async fn has_sub_tasks<D: Database>(
    tx: &mut Tx<'_, D>,
    key: WorkItemKey,
) -> Result<bool> {
    if key.part.is_some() {
        return Ok(false);
    }
    let statement = Statement::new(
        "SELECT part FROM work_items WHERE domain = $1 AND number = $2 AND part > 0 LIMIT 1",
    );
    let statement = statement.bind(key.domain.as_str()).bind(key.number.get());
    Ok(tx.row(statement).await?.is_some())
}

/// Returns the number of the domain's last item, 0 for none. The change has locked the domain.
pub(crate) async fn last_number<D: Database>(tx: &mut Tx<'_, D>, domain: DomainKey) -> Result<u32> {
    let statement = Statement::new("SELECT last_number FROM work_domains WHERE key = $1");
    let row = tx.row(statement.bind(domain.as_str())).await?;
    let number = row.map(|row| get::<i64>(&row, "last_number")).transpose();
    number
        .and_then(|number| {
            u32::try_from(number.unwrap_or_default()).map_err(|_| DamagedColumn("last_number"))
        })
        .map_err(|column| Damaged::new("work_domains", &domain, column).into())
}

/// Stores the number of the domain's last item.
pub(crate) async fn set_last_number<D: Database>(
    tx: &mut Tx<'_, D>,
    key: WorkItemKey,
) -> Result<()> {
    let statement = Statement::new(
        "INSERT INTO work_domains (key, last_number) VALUES ($1, $2) \
         ON CONFLICT (key) DO UPDATE SET last_number = excluded.last_number",
    );
    let statement = statement.bind(key.domain.as_str()).bind(key.number.get());
    tx.execute_one(statement, "work domain").await
}

/// Stores the number of the item's last part.
pub(crate) async fn set_last_part<D: Database>(
    tx: &mut Tx<'_, D>,
    parent: &WorkItem,
) -> Result<()> {
    let update = Statement::new(format!("UPDATE work_items SET last_part = $4 WHERE {KEY}"));
    let update = with_key(update, parent.key).bind(parent.last_part);
    tx.execute_one(update, "work item").await
}

pub(crate) async fn insert<D: Database>(tx: &mut Tx<'_, D>, item: &WorkItem) -> Result<()> {
    tx.execute_one(inserted(item)?, "work item").await
}

pub(crate) async fn update<D: Database>(tx: &mut Tx<'_, D>, item: &WorkItem) -> Result<()> {
    let update = with_fields(&UPDATE_WORK_ITEM, item)?;
    tx.execute_one(update, "work item").await
}

/// Returns the statement that inserts a work item.
pub(crate) fn inserted(item: &WorkItem) -> Result<Statement> {
    with_fields(&INSERT_WORK_ITEM, item)
}

/// Binds a parameter for each column.
fn with_fields(sql: &'static str, item: &WorkItem) -> Result<Statement> {
    let claim = item.claim.as_ref();
    let holder = claim.map(|claim| &claim.holder);
    Ok(with_key(Statement::new(sql), item.key)
        .bind(item.kind.as_str())
        .bind(item.title.as_str())
        .bind(item.description.as_str())
        .bind(item.search_text())
        .bind(item.status.as_str())
        .bind(i64::from(item.priority.rank()))
        .bind(item.target.as_str())
        .bind(item.assignee)
        .bind(holder.and_then(Holder::agent).map(AgentId::as_str))
        .bind(holder.and_then(Holder::person))
        .bind(claim.and_then(|claim| claim.run).map(TokenId::uuid))
        .bind(claim.map(|claim| claim.at))
        .bind(item.created_by)
        .bind(item.created_at)
        .bind(item.updated_at)
        .bind(item.resolved_at)
        .bind(i64::try_from(item.version).map_err(StoreError::corrupt)?)
        .bind(item.last_part)
        .bind(claim.and_then(|claim| claim.on_behalf)))
}

pub(crate) async fn delete<D: Database>(tx: &mut Tx<'_, D>, key: WorkItemKey) -> Result<()> {
    let delete = Statement::new(format!("DELETE FROM work_items WHERE {KEY}"));
    tx.execute_one(with_key(delete, key), "work item").await
}

/// Returns a page of the items that match, newest first.
pub(crate) async fn page<D: Database>(
    tx: &mut Tx<'_, D>,
    filter: &WorkItemFilter,
    now: Timestamp,
    after: Option<WorkItemCursor>,
    limit: u32,
) -> Result<Listing<WorkItem>> {
    let terms = indexed_terms::<D>(filter);
    let candidates = if terms.is_empty() {
        None
    } else {
        let count = |row: &D::Row| get::<i64>(row, "found").map_err(StoreError::corrupt);
        let found = tx.one(count_candidates::<D>(&terms), count).await?;
        found
            .is_some_and(|found| found < FEW.into())
            .then_some(&*terms)
    };
    let query = select_page::<D>(filter, candidates, now, after, limit);
    tx.list(query, |row| rows::work_item(row, now)).await
}

/// Returns the query for the number of candidates of a search, and the one for the newest of them.
#[cfg(feature = "testing")]
pub(crate) fn search_statements<D: Database>(
    filter: &WorkItemFilter,
    limit: u32,
) -> [Statement; 2] {
    let terms = indexed_terms::<D>(filter);
    [
        count_candidates::<D>(&terms),
        select_page::<D>(filter, Some(&terms), Timestamp::MIN, None, limit),
    ]
}

/// Returns the terms of a search that the index of searches finds.
fn indexed_terms<D: Database>(filter: &WorkItemFilter) -> Vec<&str> {
    let terms = filter.search.terms().iter().map(String::as_str);
    terms.filter(|term| D::is_indexed(term)).collect()
}

/// Returns a query for the number of items that may contain these terms, [`FEW`] at most.
fn count_candidates<D: Database>(terms: &[&str]) -> Statement {
    let mut query = Statement::new("SELECT count(*) AS found FROM (SELECT 1 FROM ");
    D::push_candidates(&mut query, terms);
    query.push(" LIMIT ").push_bind(FEW).push(") c");
    query
}

/// Returns the items of a section of the queue, in the section's order.
pub(crate) async fn queue<D: Database>(
    tx: &mut Tx<'_, D>,
    section: &QueueSection,
    now: Timestamp,
    limit: u32,
) -> Result<Listing<WorkItem>> {
    let query = select_queue(section, now, limit);
    tx.list(query, |row| rows::work_item(row, now)).await
}

/// Returns [`WorkItemFilter::matches`] as a query with only the conditions that are set, so that
/// each can use its index. With `candidates`, the items are those that the index of searches finds
/// for these terms; the conditions are the same.
fn select_page<D: Database>(
    filter: &WorkItemFilter,
    candidates: Option<&[&str]>,
    now: Timestamp,
    after: Option<WorkItemCursor>,
    limit: u32,
) -> Statement {
    let mut query = match candidates {
        None => select("TRUE"),
        Some(terms) => {
            let [columns, joins] = SELECT;
            let mut query = Statement::new(columns);
            D::push_candidates(&mut query, terms);
            query.push(joins).push("TRUE");
            query
        }
    };
    if let Some(domain) = filter.domain {
        query.push(" AND w.domain = ").push_bind(domain.as_str());
    }
    if let Some(kind) = filter.kind {
        query.push(" AND w.kind = ").push_bind(kind.as_str());
    }
    if !filter.statuses.is_empty() {
        let mut separator = " AND w.status IN (";
        for status in &filter.statuses {
            query.push(separator).push_bind(status.as_str());
            separator = ", ";
        }
        query.push(")");
    }
    if let Some(priority) = filter.priority {
        query.push(" AND w.priority = ");
        query.push_bind(i64::from(priority.rank()));
    }
    if let Some(target) = filter.target {
        query.push(" AND w.target = ").push_bind(target.as_str());
    }
    query.push_some(" AND w.assignee_id = ", filter.assignee);
    if let Some(agent) = &filter.agent {
        query
            .push(" AND w.claim_agent = ")
            .push_bind(agent.as_str());
        push_claim_holds(query.push(" AND "), now);
    }
    if let Some(run) = filter.run {
        query.push(" AND w.claim_run_id = ").push_bind(run);
        push_claim_holds(query.push(" AND "), now);
    }
    if let Some(parent) = filter.parent {
        query
            .push(" AND w.domain = ")
            .push_bind(parent.domain.as_str());
        query
            .push(" AND w.number = ")
            .push_bind(parent.number.get());
        // A part has no parts.
        query.push(if parent.part.is_none() {
            " AND w.part > 0"
        } else {
            " AND FALSE"
        });
    }
    for term in filter.search.terms() {
        let term = query.add(term.clone());
        query
            .push(" AND ")
            .push(&D::contains("w.search_text", &term));
    }
    if let Some(WorkItemCursor { at, key }) = after {
        query.push(" AND (w.created_at, w.domain, w.number, w.part) < (");
        query
            .push_bind(at)
            .push(", ")
            .push_bind(key.domain.as_str());
        query.push(", ").push_bind(key.number.get());
        query.push(", ").push_bind(part(key)).push(")");
    }
    query.push(" ORDER BY w.created_at DESC, w.domain DESC, w.number DESC, w.part DESC LIMIT ");
    query.push_bind(limit);
    query
}

/// Returns [`QueueSection::holds`] as a query.
fn select_queue(section: &QueueSection, now: Timestamp, limit: u32) -> Statement {
    let mut query = select(OPEN);
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
                .push_bind(agent.as_str());
            push_claim_holds(query.push(" AND "), now);
        }
        QueueSection::OfRun(run) => {
            query.push(" AND w.claim_run_id = ").push_bind(*run);
            push_claim_holds(query.push(" AND "), now);
        }
        QueueSection::OfPerson(user) => {
            query.push(" AND w.assignee_id = ").push_bind(*user);
        }
    }
    query.push(" ORDER BY w.priority DESC, w.created_at, w.domain, w.number, w.part LIMIT ");
    query.push_bind(limit);
    query
}

/// Adds [`Claim::holds`](openindex_domain::work_item::Claim::holds) as a condition that is false
/// without a claim. It is never NULL, so that it can be negated: every run expires, and a run whose
/// expiration is out of range is damaged.
fn push_claim_holds(query: &mut Statement, now: Timestamp) {
    query.push(
        "(w.claimed_at IS NOT NULL AND ((w.claim_run_id IS NULL AND p.deleted_at IS NULL) \
         OR (r.id IS NOT NULL AND r.revoked_at IS NULL AND r.expires_at <= ",
    );
    query.push_bind(Timestamp::MAX);
    query
        .push(" AND r.expires_at > ")
        .push_bind(now)
        .push(")))");
}

#[cfg(test)]
mod tests {
    use openindex_domain::work_item::ItemStatus;

    use super::*;

    #[test]
    fn open_statuses_are_the_unresolved_ones() {
        for status in &ItemStatus::ALL {
            let named = OPEN.contains(&format!("'{status}'"));
            assert_eq!(named, !status.is_resolved(), "{status}");
        }
    }
}
