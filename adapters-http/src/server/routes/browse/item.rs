//! One work item and its changes.

use axum::extract::State;
use http::StatusCode;
use openindex_domain::access::Principal;
use openindex_domain::work_item::{Versions, WorkItemChange, WorkItemEdit, WorkItemKey};

use crate::server::body::Body;
use crate::server::if_match::{IfMatch, Versioned};
use crate::server::path::PathId;
use crate::server::{AnyToken, Code, Context, Problem, WorkItemsState};
use crate::wire;
use crate::wire::{OnBehalfOf, PatchWorkItem};

use super::{Tagged, tagged};

/// Get a work item
///
/// The `ETag` is the item's version; send it as `If-Match` to change only that version.
#[utoipa::path(get, path = "/browse/{key}", tag = "work items", operation_id = "getWorkItem",
    params(
        ("key" = String, Path, description = "Work item key, for example `OPS-42` or `OPS-42.1`"),
        ("If-None-Match" = Option<String>, Header,
            description = "`ETag` that the client has, for example `\"7\"`; if it is current, the \
                response is 304. A malformed value is ignored"),
    ),
    responses(
        (status = 200, description = "The item", body = wire::WorkItem,
            headers(("ETag" = String, description = "Version of the item, for example `\"7\"`"))),
    ))]
pub(in crate::server) async fn get(
    AnyToken(principal): AnyToken,
    State(state): State<WorkItemsState>,
    PathId(key): PathId<WorkItemKey>,
) -> Result<Tagged, Problem> {
    let item = state.work_items.get(&principal, key).await?;
    Ok(tagged(&item))
}

/// Update a work item
///
/// Absent fields keep their value; `assignee: null` removes the assignee. Any status other than
/// `in_progress` releases the item, and `done` or `cancelled` also ends agent runs bound to it. An
/// agent run can change the status only of items it has claimed, and cannot change
/// `executionTarget`.
#[utoipa::path(patch, path = "/browse/{key}", tag = "work items", operation_id = "updateWorkItem",
    params(
        ("key" = String, Path, description = "Work item key, for example `OPS-42` or `OPS-42.1`"),
        ("If-Match" = Option<String>, Header,
            description = "`ETag` that the item must have, or a comma-separated list of them"),
    ),
    request_body = PatchWorkItem,
    responses(
        (status = 200, description = "The updated item", body = wire::WorkItem,
            headers(("ETag" = String, description = "Version of the item, for example `\"7\"`"))),
    ))]
pub(in crate::server) async fn update(
    Versioned(AnyToken(principal)): Versioned<AnyToken>,
    State(state): State<WorkItemsState>,
    context: Context,
    PathId(key): PathId<WorkItemKey>,
    IfMatch(expected): IfMatch,
    Body(patch): Body<PatchWorkItem>,
) -> Result<Tagged, Problem> {
    let me = principal.user_id();
    let edit = WorkItemEdit {
        title: patch.title,
        description: patch.description,
        status: patch.status,
        priority: patch.priority,
        target: patch.execution_target,
        assignee: patch.assignee.map(|user| user.map(|user| user.resolve(me))),
    };
    if edit == WorkItemEdit::default() {
        return Err(Problem::new(
            Code::InvalidRequest,
            "at least one field is required: title, description, status, priority, executionTarget \
             or assignee",
        ));
    }
    let change = WorkItemChange::Edit(edit);
    let changed = state
        .work_items
        .change(&principal, None, key, expected, change, &context)
        .await?;
    changed.as_ref().map(tagged).ok_or_else(Problem::internal)
}

/// Delete a work item
///
/// Agent runs bound to the item end. An agent run can delete only items it has claimed.
#[utoipa::path(delete, path = "/browse/{key}", tag = "work items", operation_id = "deleteWorkItem",
    params(
        ("key" = String, Path, description = "Work item key, for example `OPS-42` or `OPS-42.1`"),
        ("If-Match" = Option<String>, Header,
            description = "`ETag` that the item must have, or a comma-separated list of them"),
    ),
    responses(
        (status = 204, description = "Deleted"),
    ))]
pub(in crate::server) async fn delete(
    Versioned(AnyToken(principal)): Versioned<AnyToken>,
    State(state): State<WorkItemsState>,
    context: Context,
    PathId(key): PathId<WorkItemKey>,
    IfMatch(expected): IfMatch,
) -> Result<StatusCode, Problem> {
    let change = WorkItemChange::Delete;
    state
        .work_items
        .change(&principal, None, key, expected, change, &context)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Claim a work item
///
/// No one else can claim it until it is released or the agent's run ends. A user who claims it
/// also becomes its assignee. Claiming an item again is not an error.
#[utoipa::path(post, path = "/browse/{key}/claim", tag = "work items",
    operation_id = "claimWorkItem",
    params(
        ("key" = String, Path, description = "Work item key, for example `OPS-42` or `OPS-42.1`"),
        ("If-Match" = Option<String>, Header,
            description = "`ETag` that the item must have, or a comma-separated list of them"),
    ),
    request_body(content = Option<OnBehalfOf>),
    responses(
        (status = 200, description = "The updated item", body = wire::WorkItem,
            headers(("ETag" = String, description = "Version of the item, for example `\"7\"`"))),
    ))]
pub(in crate::server) async fn claim(
    Versioned(AnyToken(principal)): Versioned<AnyToken>,
    State(state): State<WorkItemsState>,
    context: Context,
    PathId(key): PathId<WorkItemKey>,
    IfMatch(expected): IfMatch,
    Body(worker): Body<OnBehalfOf>,
) -> Result<Tagged, Problem> {
    let change = WorkItemChange::Claim;
    act(&state, &principal, key, expected, worker, change, &context).await
}

/// Release a work item
///
/// An agent run can release only its own claim. A user can release any claim, and is also
/// removed as assignee unless someone else held the claim. Releasing an unclaimed item is not an
/// error.
#[utoipa::path(post, path = "/browse/{key}/release", tag = "work items",
    operation_id = "releaseWorkItem",
    params(
        ("key" = String, Path, description = "Work item key, for example `OPS-42` or `OPS-42.1`"),
        ("If-Match" = Option<String>, Header,
            description = "`ETag` that the item must have, or a comma-separated list of them"),
    ),
    request_body(content = Option<OnBehalfOf>),
    responses(
        (status = 200, description = "The updated item", body = wire::WorkItem,
            headers(("ETag" = String, description = "Version of the item, for example `\"7\"`"))),
    ))]
pub(in crate::server) async fn release(
    Versioned(AnyToken(principal)): Versioned<AnyToken>,
    State(state): State<WorkItemsState>,
    context: Context,
    PathId(key): PathId<WorkItemKey>,
    IfMatch(expected): IfMatch,
    Body(worker): Body<OnBehalfOf>,
) -> Result<Tagged, Problem> {
    let change = WorkItemChange::Release;
    act(&state, &principal, key, expected, worker, change, &context).await
}

/// Complete a work item
///
/// Sets the status to `done` and ends agent runs bound to the item, including the one that
/// completes it: if that run repeats the call, it gets 401. Completing a completed item is not an
/// error. An agent run can complete only items it has claimed.
#[utoipa::path(post, path = "/browse/{key}/complete", tag = "work items",
    operation_id = "completeWorkItem",
    params(
        ("key" = String, Path, description = "Work item key, for example `OPS-42` or `OPS-42.1`"),
        ("If-Match" = Option<String>, Header,
            description = "`ETag` that the item must have, or a comma-separated list of them"),
    ),
    request_body(content = Option<OnBehalfOf>),
    responses(
        (status = 200, description = "The updated item", body = wire::WorkItem,
            headers(("ETag" = String, description = "Version of the item, for example `\"7\"`"))),
    ))]
pub(in crate::server) async fn complete(
    Versioned(AnyToken(principal)): Versioned<AnyToken>,
    State(state): State<WorkItemsState>,
    context: Context,
    PathId(key): PathId<WorkItemKey>,
    IfMatch(expected): IfMatch,
    Body(worker): Body<OnBehalfOf>,
) -> Result<Tagged, Problem> {
    let change = WorkItemChange::Complete;
    act(&state, &principal, key, expected, worker, change, &context).await
}

async fn act(
    state: &WorkItemsState,
    principal: &Principal,
    key: WorkItemKey,
    expected: Versions,
    worker: OnBehalfOf,
    change: WorkItemChange,
    context: &Context,
) -> Result<Tagged, Problem> {
    let changed = state
        .work_items
        .change(principal, worker.agent_id, key, expected, change, context)
        .await?;
    changed.as_ref().map(tagged).ok_or_else(Problem::internal)
}
