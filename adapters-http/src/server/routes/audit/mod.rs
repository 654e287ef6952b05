//! The audit log.

pub(super) mod export;

use axum::Json;
use axum::extract::State;
use openindex_domain::audit::{AuditCursor, AuditEvent, AuditFilter};

use crate::server::query::{Page, Query};
use crate::server::state::Shared;
use crate::server::{HumanAdmin, Problem, to_wire};
use crate::wire::{AuditList, AuditQuery, PageQuery};

impl From<AuditQuery> for AuditFilter {
    fn from(query: AuditQuery) -> Self {
        Self {
            actor: query.actor,
            action: query.action,
            subject: query.subject,
            since: query.since,
            until: query.until,
            ..Self::default()
        }
    }
}

/// List audit events
///
/// Lists events, newest first, one page at a time. The audit log records every change to this
/// instance; events cannot be edited or deleted. Events must match every filter.
#[utoipa::path(get, path = "/audit", tag = "admin", operation_id = "listAuditEvents",
    params(AuditQuery, PageQuery),
    responses((status = 200, description = "The events", body = AuditList)))]
pub(in crate::server) async fn list(
    HumanAdmin(principal): HumanAdmin,
    State(state): State<Shared>,
    Query(filter, page): Query<AuditQuery, Page<AuditCursor>>,
) -> Result<Json<AuditList>, Problem> {
    let filter = filter.into();
    let page = state
        .audit
        .list(&principal, &filter, page.after, page.limit)
        .await?;
    let mentioned = page.events.iter().flat_map(AuditEvent::mentions);
    let names = state.audit.names(&principal, mentioned).await?;
    Ok(Json(AuditList {
        items: to_wire::events(&page.events, &names),
        next_cursor: page.next.map(|cursor| cursor.to_string()),
    }))
}
