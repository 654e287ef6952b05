//! One work item, and what is done with it.

use axum::extract::State;
use http::StatusCode;
use openindex_domain::access::Principal;
use openindex_domain::work_item::{Versions, WorkItemChange, WorkItemEdit, WorkItemKey};

use crate::server::body::Body;
use crate::server::if_match::{IfMatch, Versioned};
use crate::server::path::PathId;
use crate::server::{AnyToken, Code, Context, Problem, WorkState};
use crate::wire;
use crate::wire::{PatchWorkItem, WorkAs};

use super::{Tagged, tagged};

/// One work item.
///
/// The `ETag` is the item's version; send it as `If-Match` to change only that version.
#[utoipa::path(get, path = "/browse/{key}", tag = "work", operation_id = "getWorkItem",
    params(
        ("key" = String, Path, description = "As in `OPS-42` or `OPS-42.1`"),
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` that the client has, such as `\"7\"`; when the item still has it, the response is 304. A malformed one is ignored"),
    ),
    responses(
        (status = 200, description = "The item", body = wire::WorkItem,
            headers(("ETag" = String, description = "Its version, as in `\"7\"`"))),
    ))]
pub(in crate::server) async fn show(
    AnyToken(principal): AnyToken,
    State(state): State<WorkState>,
    PathId(key): PathId<WorkItemKey>,
) -> Result<Tagged, Problem> {
    let item = state.work_items.get(&principal, key).await?;
    Ok(tagged(&item))
}

/// Change a work item in part.
///
/// What is absent stays; `assignee: null` is nobody. A status other than `in_progress` takes the
/// item away from whoever works at it, and one that resolves it also ends the runs that are bound to
/// it. An agent run gives another status only to what it has claimed, and leaves the
/// `executionTarget` to people.
#[utoipa::path(patch, path = "/browse/{key}", tag = "work", operation_id = "updateWorkItem",
    params(
        ("key" = String, Path, description = "As in `OPS-42` or `OPS-42.1`"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` that the item must have; of several, with commas between them, one of them"),
    ),
    request_body = PatchWorkItem,
    responses(
        (status = 200, description = "The item as it is now", body = wire::WorkItem,
            headers(("ETag" = String, description = "Its version, as in `\"7\"`"))),
    ))]
pub(in crate::server) async fn patch(
    Versioned(AnyToken(principal)): Versioned<AnyToken>,
    State(state): State<WorkState>,
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
            "give at least one field that is to change: title, description, status, priority, \
             executionTarget or assignee",
        ));
    }
    let change = WorkItemChange::Edit(edit);
    let changed = state
        .work_items
        .change(&principal, None, key, expected, change, &context)
        .await?;
    changed.as_ref().map(tagged).ok_or_else(Problem::internal)
}

/// Delete a work item, and end the runs that are bound to it.
///
/// An agent run deletes only what it has claimed.
#[utoipa::path(delete, path = "/browse/{key}", tag = "work", operation_id = "deleteWorkItem",
    params(
        ("key" = String, Path, description = "As in `OPS-42` or `OPS-42.1`"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` that the item must have; of several, with commas between them, one of them"),
    ),
    responses(
        (status = 204, description = "It is gone"),
    ))]
pub(in crate::server) async fn delete(
    Versioned(AnyToken(principal)): Versioned<AnyToken>,
    State(state): State<WorkState>,
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

/// Take a work item on.
///
/// Nobody else can until it is released or the agent's run is over; a person also has it assigned
/// to themselves. What this worker has already stays so.
#[utoipa::path(post, path = "/browse/{key}/claim", tag = "work", operation_id = "claimWorkItem",
    params(
        ("key" = String, Path, description = "As in `OPS-42` or `OPS-42.1`"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` that the item must have; of several, with commas between them, one of them"),
    ),
    request_body(content = Option<WorkAs>),
    responses(
        (status = 200, description = "The item as it is now", body = wire::WorkItem,
            headers(("ETag" = String, description = "Its version, as in `\"7\"`"))),
    ))]
pub(in crate::server) async fn claim(
    Versioned(AnyToken(principal)): Versioned<AnyToken>,
    State(state): State<WorkState>,
    context: Context,
    PathId(key): PathId<WorkItemKey>,
    IfMatch(expected): IfMatch,
    Body(worker): Body<WorkAs>,
) -> Result<Tagged, Problem> {
    let change = WorkItemChange::Claim;
    act(&state, &principal, key, expected, worker, change, &context).await
}

/// Give a work item back.
///
/// An agent gives its claim back; a person whatever claim there is, and unless it was somebody
/// else's their own assignment. What is nobody's already stays so.
#[utoipa::path(post, path = "/browse/{key}/release", tag = "work", operation_id = "releaseWorkItem",
    params(
        ("key" = String, Path, description = "As in `OPS-42` or `OPS-42.1`"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` that the item must have; of several, with commas between them, one of them"),
    ),
    request_body(content = Option<WorkAs>),
    responses(
        (status = 200, description = "The item as it is now", body = wire::WorkItem,
            headers(("ETag" = String, description = "Its version, as in `\"7\"`"))),
    ))]
pub(in crate::server) async fn release(
    Versioned(AnyToken(principal)): Versioned<AnyToken>,
    State(state): State<WorkState>,
    context: Context,
    PathId(key): PathId<WorkItemKey>,
    IfMatch(expected): IfMatch,
    Body(worker): Body<WorkAs>,
) -> Result<Tagged, Problem> {
    let change = WorkItemChange::Release;
    act(&state, &principal, key, expected, worker, change, &context).await
}

/// Say that the work is done.
///
/// What is done already stays so. It ends the runs that are bound to the item, the one that says so
/// included: when that one repeats it, the answer is 401. An agent completes what it has claimed.
#[utoipa::path(post, path = "/browse/{key}/complete", tag = "work",
    operation_id = "completeWorkItem",
    params(
        ("key" = String, Path, description = "As in `OPS-42` or `OPS-42.1`"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` that the item must have; of several, with commas between them, one of them"),
    ),
    request_body(content = Option<WorkAs>),
    responses(
        (status = 200, description = "The item as it is now", body = wire::WorkItem,
            headers(("ETag" = String, description = "Its version, as in `\"7\"`"))),
    ))]
pub(in crate::server) async fn complete(
    Versioned(AnyToken(principal)): Versioned<AnyToken>,
    State(state): State<WorkState>,
    context: Context,
    PathId(key): PathId<WorkItemKey>,
    IfMatch(expected): IfMatch,
    Body(worker): Body<WorkAs>,
) -> Result<Tagged, Problem> {
    let change = WorkItemChange::Complete;
    act(&state, &principal, key, expected, worker, change, &context).await
}

async fn act(
    state: &WorkState,
    principal: &Principal,
    key: WorkItemKey,
    expected: Versions,
    worker: WorkAs,
    change: WorkItemChange,
    context: &Context,
) -> Result<Tagged, Problem> {
    let changed = state
        .work_items
        .change(principal, worker.agent_id, key, expected, change, context)
        .await?;
    changed.as_ref().map(tagged).ok_or_else(Problem::internal)
}
