//! The queries for pages of work items and for sections of the queue.

use openindex_domain::clock::Timestamp;
use openindex_domain::work_item::{QueueSection, WorkItemCursor, WorkItemFilter};
use sqlx::{QueryBuilder, Sqlite};

use super::rows::{part, select_work_item};

/// The unresolved statuses. Literals instead of parameters, because the queue's partial indexes
/// cover only these statuses.
const OPEN: &str = "w.status IN ('todo', 'in_progress')";

/// Returns [`WorkItemFilter::matches`] as a query, newest first, with only the conditions that are
/// set, so that each can use its index.
pub(super) fn page(
    filter: &WorkItemFilter,
    now: Timestamp,
    after: Option<WorkItemCursor>,
    limit: u32,
) -> QueryBuilder<Sqlite> {
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
        let mut statuses = query.push(" AND w.status IN (").separated(", ");
        for status in &filter.statuses {
            statuses.push_bind(status.as_str());
        }
        query.push(")");
    }
    if let Some(priority) = filter.priority {
        query.push(" AND w.priority = ").push_bind(priority.rank());
    }
    if let Some(target) = filter.target {
        query.push(" AND w.target = ").push_bind(target.as_str());
    }
    if let Some(user) = filter.assignee {
        query.push(" AND w.assignee_id = ").push_bind(user.uuid());
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
        // A part has no parts.
        let condition = if parent.part.is_none() {
            " AND w.part > 0"
        } else {
            " AND FALSE"
        };
        query
            .push(" AND w.domain = ")
            .push_bind(parent.domain.as_str().to_owned())
            .push(" AND w.number = ")
            .push_bind(parent.number.get())
            .push(condition);
    }
    for term in filter.search.terms() {
        query
            .push(" AND instr(w.search_text, ")
            .push_bind(term.clone())
            .push(") > 0");
    }
    if let Some(after) = after {
        query
            .push(" AND (w.created_at, w.domain, w.number, w.part) < (")
            .push_bind(after.at.unix_millis())
            .push(", ")
            .push_bind(after.key.domain.as_str().to_owned())
            .push(", ")
            .push_bind(after.key.number.get())
            .push(", ")
            .push_bind(part(after.key))
            .push(")");
    }
    query
        .push(" ORDER BY w.created_at DESC, w.domain DESC, w.number DESC, w.part DESC LIMIT ")
        .push_bind(limit);
    query
}

/// Returns [`QueueSection::holds`] as a query, in the section's order.
pub(super) fn queue(section: &QueueSection, now: Timestamp, limit: u32) -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::new(select_work_item!("TRUE AND "));
    query.push(OPEN);
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
        .push(
            " ORDER BY w.priority DESC, w.created_at, w.domain, w.number, w.part \
             LIMIT ",
        )
        .push_bind(limit);
    query
}

/// Adds [`Claim::holds`](openindex_domain::work_item::Claim::holds) as a condition that is false
/// without a claim. It is never NULL, so that it can be negated: every run expires.
fn push_claim_holds(query: &mut QueryBuilder<Sqlite>, now: Timestamp) {
    query
        .push(
            "(w.claimed_at IS NOT NULL AND ((w.claim_run_id IS NULL AND p.deleted_at IS NULL) OR (r.id IS NOT NULL \
             AND r.revoked_at IS NULL AND r.expires_at <= 253402300799999 AND r.expires_at > ",
        )
        .push_bind(now.unix_millis())
        .push(")))");
}

#[cfg(test)]
mod tests {
    use openindex_domain::work_item::ItemStatus;

    use super::*;

    #[test]
    fn open_statuses_are_the_unresolved_ones() {
        for status in ItemStatus::ALL {
            let named = OPEN.contains(&format!("'{status}'"));
            assert_eq!(named, !status.is_resolved(), "{status}");
        }
    }
}
