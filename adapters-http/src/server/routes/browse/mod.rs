//! Work items.

pub(super) mod item;
pub(super) mod queue;

use axum::Json;
use axum::extract::State;
use http::{HeaderName, StatusCode, header};
use openindex_domain::work_item::{
    ExecutionTarget, NewWorkItem, Priority, WorkItem, WorkItemCursor, WorkItemFilter,
};

use crate::server::body::Body;
use crate::server::if_match::etag;
use crate::server::query::{Page, Query};
use crate::server::requests::place;
use crate::server::{AnyToken, Context, Problem, WorkItemsState, to_wire};
use crate::wire;
use crate::wire::{CreateWorkItem, PageQuery, WorkItemList, WorkItemQuery};

type Tagged = ([(HeaderName, String); 1], Json<wire::WorkItem>);
type Created = (StatusCode, [(HeaderName, String); 2], Json<wire::WorkItem>);

/// Returns the response for one item, with its `ETag`.
fn tagged(item: &WorkItem) -> Tagged {
    let etag = [(header::ETAG, etag(item.version))];
    (etag, Json(to_wire::work_item(item)))
}

/// List work items
///
/// Lists items, newest first, one page at a time. Items must match every filter.
#[utoipa::path(get, path = "/browse", tag = "work items", operation_id = "listWorkItems",
    params(WorkItemQuery, PageQuery),
    responses(
        (status = 200, description = "The items, without descriptions", body = WorkItemList),
    ))]
pub(in crate::server) async fn list(
    AnyToken(principal): AnyToken,
    State(state): State<WorkItemsState>,
    Query(query, page): Query<WorkItemQuery, Page<WorkItemCursor>>,
) -> Result<Json<WorkItemList>, Problem> {
    let me = principal.user_id();
    let filter = WorkItemFilter {
        domain: query.domain,
        kind: query.kind,
        statuses: query.statuses,
        priority: query.priority,
        target: query.execution_target,
        assignee: query.assignee.map(|user| user.resolve(me)),
        agent: query.agent_id,
        run: None,
        parent: query.parent,
        search: query.search.map(|text| text.terms()).unwrap_or_default(),
    };
    let page = state
        .work_items
        .list(&principal, &filter, page.after, page.limit)
        .await?;
    Ok(Json(WorkItemList {
        items: page.items.iter().map(to_wire::work_item_summary).collect(),
        damaged: to_wire::damaged(&page.items),
        next_cursor: page.next.map(|cursor| cursor.to_string()),
    }))
}

/// Create a work item
///
/// A project or task belongs to a `domain`, which its first item creates; a sub-task belongs to its
/// `parent`. Keys are numbered within the domain or parent and never reused.
#[utoipa::path(post, path = "/browse", tag = "work items", operation_id = "createWorkItem",
    request_body = CreateWorkItem,
    responses(
        (status = 201, description = "The item", body = wire::WorkItem, headers(
            ("Location" = String, description = "Path of the work item"),
            ("ETag" = String, description = "Version of the item, for example `\"1\"`"))),
    ))]
pub(in crate::server) async fn create(
    AnyToken(principal): AnyToken,
    State(state): State<WorkItemsState>,
    context: Context,
    Body(body): Body<CreateWorkItem>,
) -> Result<Created, Problem> {
    let me = principal.user_id();
    let wanted = NewWorkItem {
        place: place(body.domain, body.kind, body.parent)?,
        title: body.title,
        description: body.description.unwrap_or_default(),
        priority: body.priority.unwrap_or(Priority::Medium),
        target: body.execution_target.unwrap_or(ExecutionTarget::Either),
        assignee: body.assignee.map(|user| user.resolve(me)),
    };
    let item = state
        .work_items
        .create(&principal, wanted, &context)
        .await?;
    let headers = [
        (header::LOCATION, format!("/browse/{}", item.key)),
        (header::ETAG, etag(item.version)),
    ];
    Ok((
        StatusCode::CREATED,
        headers,
        Json(to_wire::work_item(&item)),
    ))
}
