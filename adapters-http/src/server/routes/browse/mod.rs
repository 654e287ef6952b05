//! Work items.

pub(super) mod item;
mod place;
pub(super) mod queue;

use std::str::FromStr;

use axum::Json;
use axum::extract::State;
use http::{HeaderName, StatusCode, header};
use openindex_domain::user::UserId;
use openindex_domain::work::{
    AgentId, Description, DomainKey, ExecutionTarget, InvalidItemStatus, ItemFilter, ItemKind,
    ItemStatus, NewItem, Priority, SearchTerms, Title, WorkItem, WorkItemKey,
};

use crate::server::body::{JsonFields, QueryFields};
use crate::server::if_match::etag;
use crate::server::{AnyToken, Context, Problem, WorkState, to_wire};
use crate::wire;
use crate::wire::{CreateWorkItem, WorkItemList};

type Tagged = ([(HeaderName, String); 1], Json<wire::WorkItem>);
type Created = (StatusCode, [(HeaderName, String); 2], Json<wire::WorkItem>);

/// The answer about one item.
fn tagged(item: &WorkItem) -> Tagged {
    let etag = [(header::ETAG, etag(item.version))];
    (etag, Json(to_wire::work_item(item)))
}

/// Reads a user, who may be whoever asks.
fn user_or_me(me: UserId) -> impl Fn(&str) -> Result<UserId, &'static str> {
    move |text| match text {
        "me" => Ok(me),
        _ => text
            .parse()
            .map_err(|_| "must be the id of a user (usr_…), or me"),
    }
}

/// Reads states, separated by commas; each counts once.
fn statuses(text: &str) -> Result<Vec<ItemStatus>, InvalidItemStatus> {
    let mut wanted = Vec::new();
    for status in text.split(',') {
        let status = status.trim().parse()?;
        if !wanted.contains(&status) {
            wanted.push(status);
        }
    }
    Ok(wanted)
}

/// Work items, the newest first, a page at a time.
///
/// A work item must match every filter.
#[utoipa::path(get, path = "/browse", tag = "work", operation_id = "listWorkItems",
    params(
        ("domain" = Option<String>, Query, description = "Of this part of the work, as in `OPS`"),
        ("kind" = Option<crate::wire::ItemKind>, Query, description = "Of this kind"),
        ("status" = Option<String>, Query,
            description = "In one of these states, separated by commas: `todo`, `in_progress`, `done`, `cancelled`"),
        ("priority" = Option<crate::wire::Priority>, Query, description = "With this priority"),
        ("executionTarget" = Option<crate::wire::ExecutionTarget>, Query,
            description = "With this target"),
        ("assignee" = Option<String>, Query, description = "Assigned to this user (`usr_…`), or to `me`"),
        ("agentId" = Option<String>, Query, description = "That this agent works at now"),
        ("parent" = Option<String>, Query, description = "Sub-tasks of this item, as in `OPS-42`"),
        ("q" = Option<String>, Query,
            description = "In whose key, title and description all of these words occur; at most 8 words and 200 characters, no control characters"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 200,
            description = "How many at most; 50 unless given"),
        ("cursor" = Option<String>, Query, description = "`nextCursor` of the page before"),
    ),
    responses((status = 200, description = "The items, without descriptions", body = WorkItemList)))]
pub(in crate::server) async fn list(
    AnyToken(principal): AnyToken,
    State(state): State<WorkState>,
    QueryFields(mut fields): QueryFields,
) -> Result<Json<WorkItemList>, Problem> {
    let filter = ItemFilter {
        domain: fields.text("domain", DomainKey::parse),
        kind: fields.text("kind", ItemKind::from_str),
        statuses: fields.text("status", statuses).unwrap_or_default(),
        priority: fields.text("priority", Priority::from_str),
        target: fields.text("executionTarget", ExecutionTarget::from_str),
        assignee: fields.text("assignee", user_or_me(principal.user_id())),
        agent: fields.text("agentId", AgentId::parse),
        parent: fields.text("parent", WorkItemKey::from_str),
        search: fields.text("q", SearchTerms::parse).unwrap_or_default(),
    };
    let limit = fields.limit();
    let after = fields.cursor(|text| text.parse().ok());
    fields.finish()?;
    let page = state.work.list(&principal, &filter, after, limit).await?;
    Ok(Json(WorkItemList {
        items: page.items.iter().map(to_wire::work_item_summary).collect(),
        next_cursor: page.next.map(|cursor| cursor.to_string()),
    }))
}

/// Make a work item.
///
/// A project or task stands by itself in a `domain`, which its first item makes; a sub-task is a
/// part of its `parent`. The key counts within the one or the other, and is never given again.
#[utoipa::path(post, path = "/browse", tag = "work", operation_id = "createWorkItem",
    request_body = CreateWorkItem,
    responses(
        (status = 201, description = "The item", body = wire::WorkItem, headers(
            ("Location" = String, description = "Where the item is"),
            ("ETag" = String, description = "Its version, as in `\"1\"`"))),
    ))]
pub(in crate::server) async fn create(
    AnyToken(principal): AnyToken,
    State(state): State<WorkState>,
    context: Context,
    JsonFields(mut fields): JsonFields,
) -> Result<Created, Problem> {
    let place = place::take(&mut fields);
    let title = fields.text("title", Title::parse);
    let title = fields.require("title", title);
    let description = fields.text("description", Description::parse);
    let priority = fields.text("priority", Priority::from_str);
    let target = fields.text("executionTarget", ExecutionTarget::from_str);
    let assignee = fields.text("assignee", user_or_me(principal.user_id()));
    fields.finish()?;
    let (Some(place), Some(title)) = (place, title) else {
        return Err(Problem::internal());
    };
    let wanted = NewItem {
        place,
        title,
        description: description.unwrap_or_default(),
        priority: priority.unwrap_or(Priority::Medium),
        target: target.unwrap_or(ExecutionTarget::Either),
        assignee,
    };
    let item = state.work.create(&principal, wanted, &context).await?;
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
