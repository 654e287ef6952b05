use openindex_domain::page::MAX_PAGE;
use openindex_domain::user::UserId;
use openindex_domain::work_item::{
    self, AgentId, Description, DomainKey, SearchTerms, Title, WorkItemKey,
};

use super::field::{Field, Text, non_null, nullable, optional, required, text};
use super::open::vocabulary;
use super::page::limit;
#[cfg(feature = "server")]
use super::schema;
use super::shape::wire;
use super::{DamagedRow, Open};

vocabulary! {
/// The kind of a work item.
ItemKind = work_item::ItemKind {
    /// A larger piece of work.
    Project,
    /// A piece of work.
    Task,
    /// A part of a project or task.
    SubTask,
}}

vocabulary! {
/// The status of a work item; `done` and `cancelled` are resolved.
ItemStatus = work_item::ItemStatus {
    /// Not started and unclaimed.
    Todo,
    /// Claimed and in progress.
    InProgress,
    /// Completed.
    Done,
    /// Will not be done.
    Cancelled,
}}

vocabulary! {
/// The priority of a work item.
Priority = work_item::Priority {
    /// When there is nothing else to do.
    Low,
    /// The default.
    Medium,
    /// Before medium and low.
    High,
    /// Before everything else.
    Urgent,
}}

vocabulary! {
/// Who can claim a work item.
ExecutionTarget = work_item::ExecutionTarget {
    /// Only people.
    Human,
    /// Only agents.
    Agent,
    /// People and agents.
    Either,
}}

wire! { response
/// A work item without its description, as in lists.
WorkItemSummary {
    /// Permanent key, for example `OPS-42`, or `OPS-42.1` for a sub-task.
    key: String [value_type = schema::WorkItemKey],
    /// Kind of work item.
    kind: Open<ItemKind> [value_type = ItemKind],
    /// Key of the parent item; null if there is none.
    parent: Option<String> [value_type = Option<schema::WorkItemKey>],
    /// Title.
    title: String,
    /// Current status.
    status: Open<ItemStatus> [value_type = ItemStatus],
    /// Priority.
    priority: Open<Priority> [value_type = Priority],
    /// Who can claim the item.
    execution_target: Open<ExecutionTarget> [value_type = ExecutionTarget],
    /// Assigned user (`usr_…`); null if unassigned.
    assignee: Option<String> [value_type = Option<schema::UserId>],
    /// Agent that has claimed the item; null if none.
    active_agent_id: Option<String> [value_type = Option<schema::AgentId>],
    /// User who has claimed the item (`usr_…`); null if none.
    active_user_id: Option<String> [value_type = Option<schema::UserId>],
    /// Run of the agent that has claimed the item (`run_…`); null if none.
    active_run_id: Option<String> [value_type = Option<schema::RunId>],
    /// When the item was claimed; null if unclaimed.
    claimed_at: Option<String> [format = DateTime],
    /// User who created the item (`usr_…`).
    created_by: String [value_type = schema::UserId],
    /// When the item was created.
    created_at: String [format = DateTime],
    /// When the item was last changed.
    updated_at: String [format = DateTime],
    /// When the status became `done` or `cancelled`; null if it is neither.
    resolved_at: Option<String> [format = DateTime],
    /// Version number, from 1; also the `ETag`.
    version: u64 [minimum = 1],
}}

wire! { response
/// A work item.
WorkItem {
    /// Everything except the description.
    #[serde(flatten)]
    summary: WorkItemSummary,
    /// Description in Markdown.
    description: String,
}}

wire! { list
/// A page of work items, newest first.
WorkItemList {
    /// Items on this page.
    items: Vec<WorkItemSummary>
}}

wire! { response
/// The work queue.
WorkQueue {
    /// Items that an agent can claim: unresolved, unclaimed and not for people only.
    available: QueueSection,
    /// For an agent run, the items it has claimed; for a user, the items that the named agent has
    /// claimed or, if none is named, the items assigned to the user.
    mine: QueueSection,
}}

wire! { response
/// A section of the work queue.
QueueSection {
    /// The first items, most urgent first, then oldest.
    items: Vec<WorkItemSummary>,
    /// Whether there are more items.
    more: bool,
    /// Damaged rows in this section; absent if there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    damaged: Vec<DamagedRow>,
}}

wire! { request
/// A work item to create, either in a `domain` or as a sub-task of a `parent`.
CreateWorkItem {
    /// Domain of the item, for example `OPS`: 2 to 10 letters and digits. Its first item creates
    /// it. Absent for a sub-task.
    domain: Option<DomainKey> = "optional" [value_type = Option<schema::DomainKey>],
    /// `project`, `task` or `sub_task`; by default a task, or a sub-task if `parent` is given.
    kind: Option<work_item::ItemKind> = "optional" [value_type = Option<ItemKind>],
    /// Key of the project or task that the sub-task belongs to.
    parent: Option<WorkItemKey> = "optional" [value_type = Option<schema::WorkItemKey>],
    /// Title: 1 to 200 characters, no control characters.
    title: Title as "required" [value_type = schema::Title],
    /// Description in Markdown, at most 32,000 bytes in UTF-8.
    description: Option<Description> = "optional" [value_type = Option<schema::Markdown>],
    /// Priority; `medium` by default.
    priority: Option<work_item::Priority> = "optional" [value_type = Option<Priority>],
    /// Who can claim the item; `either` by default.
    execution_target: Option<work_item::ExecutionTarget> = "optional"
        [value_type = Option<ExecutionTarget>],
    /// Assigned user (`usr_…`), or `me`.
    assignee: Option<UserRef> = "optional" [value_type = Option<schema::UserOrMe>],
}}

wire! { request
/// A change of a work item; absent fields keep their value. Only `assignee` may be null.
#[derive(Default)]
PatchWorkItem {
    /// New title: 1 to 200 characters, no control characters.
    title: Option<Title> = "non_null" [nullable = false, value_type = Option<schema::Title>],
    /// New description in Markdown, at most 32,000 bytes in UTF-8.
    description: Option<Description> = "non_null"
        [nullable = false, value_type = Option<schema::Markdown>],
    /// New status; must be a valid transition from the current one.
    status: Option<work_item::ItemStatus> = "non_null"
        [nullable = false, value_type = Option<ItemStatus>],
    /// New priority.
    priority: Option<work_item::Priority> = "non_null"
        [nullable = false, value_type = Option<Priority>],
    /// Who can claim the item.
    execution_target: Option<work_item::ExecutionTarget> = "non_null"
        [nullable = false, value_type = Option<ExecutionTarget>],
    /// Assigned user (`usr_…`), or `me`; null to unassign.
    assignee: Option<Option<UserRef>> = "nullable" [value_type = Option<schema::UserOrMe>],
}}

/// A user id, or the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserRef {
    /// The caller.
    Me,
    /// The user with this id.
    Id(UserId),
}

impl UserRef {
    /// Returns the user id, where `me` is the caller.
    #[must_use]
    pub const fn resolve(self, me: UserId) -> UserId {
        match self {
            Self::Me => me,
            Self::Id(id) => id,
        }
    }
}

text! {
    UserRef: |text| match text {
        "me" => Ok(Self::Me),
        _ => text.parse().map(Self::Id).map_err(|_| "must be the id of a user (usr_…), or me"),
    }, |user| match user {
        Self::Me => "me".to_owned(),
        Self::Id(id) => id.to_string(),
    };
    SearchText: Self::parse, |search| search.0.clone();
}

/// Search text with at least one word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchText(String);

impl SearchText {
    /// Parses search text.
    ///
    /// # Errors
    ///
    /// A message that says what the text must be.
    pub fn parse(text: &str) -> Result<Self, String> {
        match SearchTerms::parse(text) {
            Ok(terms) if terms.terms().is_empty() => Err("must not be blank".to_owned()),
            Ok(_) => Ok(Self(text.to_owned())),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Returns the search terms.
    #[must_use]
    pub fn terms(&self) -> SearchTerms {
        // Parsing succeeded before.
        SearchTerms::parse(&self.0).unwrap_or_default()
    }
}

wire! { query
/// Filters for work items; an item must match all of them.
WorkItemQuery {
    /// Domain of the items, for example `OPS`.
    domain: Option<DomainKey> = "optional" [value_type = Option<schema::DomainKey>],
    /// Kind of the items.
    kind: Option<work_item::ItemKind> = "optional" [value_type = Option<ItemKind>],
    /// Statuses of the items, comma-separated: `todo`, `in_progress`, `done`, `cancelled`.
    #[serde(default, rename = "status", with = "required", skip_serializing_if = "Vec::is_empty")]
    statuses: Vec<work_item::ItemStatus>
        [value_type = Option<Vec<ItemStatus>>, style = Form, explode = false, min_items = 1],
    /// Priority of the items.
    priority: Option<work_item::Priority> = "optional" [value_type = Option<Priority>],
    /// Who can claim the items.
    execution_target: Option<work_item::ExecutionTarget> = "optional"
        [value_type = Option<ExecutionTarget>],
    /// User the items are assigned to (`usr_…`), or `me`.
    assignee: Option<UserRef> = "optional" [value_type = Option<schema::UserOrMe>],
    /// Agent that has claimed the items.
    agent_id: Option<AgentId> = "optional" [value_type = Option<schema::AgentId>],
    /// Parent of the items, for example `OPS-42`.
    parent: Option<WorkItemKey> = "optional" [value_type = Option<schema::WorkItemKey>],
    /// Words that all occur in the key, title or description; at most 8 words and 200 characters,
    /// no control characters.
    #[serde(default, rename = "q", with = "optional", skip_serializing_if = "Option::is_none")]
    search: Option<SearchText> [value_type = Option<schema::SearchText>],
}}

wire! { query
/// Whose queue to return, and how much of it.
QueueQuery {
    /// Agent whose items `mine` lists; in an agent run, this is the run's agent.
    agent_id: Option<AgentId> = "optional" [value_type = Option<schema::AgentId>],
    /// Maximum number of items in each section; 50 by default.
    #[serde(
        default,
        deserialize_with = "limit::deserialize::<MAX_PAGE, _>",
        skip_serializing_if = "Option::is_none"
    )]
    limit: Option<u32> [minimum = 1, maximum = 200],
}}

wire! { request
/// The agent on whose behalf a user claims, releases or completes a work item. An agent run always
/// acts for its own agent.
#[derive(Default)]
OnBehalfOf {
    /// Agent to act for; absent for the caller.
    agent_id: Option<AgentId> = "optional" [value_type = Option<schema::AgentId>],
}}
