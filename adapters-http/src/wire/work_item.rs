use openindex_domain::page::MAX_PAGE;
use openindex_domain::user::UserId;
use openindex_domain::work_item::{
    self, AgentId, Description, DomainKey, SearchTerms, Title, WorkItemKey,
};
use serde::{Deserialize, Serialize};

use super::field::{Field, Text, non_null, nullable, optional, required, text};
use super::page::limit;
#[cfg(feature = "server")]
use super::schema;
use super::{DamagedRow, Open};

/// Defines an enumeration of the domain for requests and responses.
macro_rules! vocabulary {
    ($(#[$doc:meta])* $name:ident {
        $($(#[$variant_doc:meta])* $variant:ident,)+
    }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        #[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
        #[serde(rename_all = "snake_case")]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
        }

        impl From<work_item::$name> for $name {
            fn from(value: work_item::$name) -> Self {
                match value {
                    $(work_item::$name::$variant => Self::$variant,)+
                }
            }
        }

        super::open::known!(work_item::$name => $name);

        impl From<$name> for work_item::$name {
            fn from(value: $name) -> Self {
                match value {
                    $($name::$variant => Self::$variant,)+
                }
            }
        }
    };
}

vocabulary! {
    /// The kind of a work item.
    ItemKind {
        /// A larger piece of work.
        Project,
        /// A piece of work.
        Task,
        /// A part of a project or task.
        SubTask,
    }
}

vocabulary! {
    /// The status of a work item; `done` and `cancelled` are resolved.
    ItemStatus {
        /// Not started and unclaimed.
        Todo,
        /// Claimed and in progress.
        InProgress,
        /// Completed.
        Done,
        /// Will not be done.
        Cancelled,
    }
}

vocabulary! {
    /// The priority of a work item.
    Priority {
        /// When there is nothing else to do.
        Low,
        /// The default.
        Medium,
        /// Before medium and low.
        High,
        /// Before everything else.
        Urgent,
    }
}

vocabulary! {
    /// Who can claim a work item.
    ExecutionTarget {
        /// Only people.
        Human,
        /// Only agents.
        Agent,
        /// People and agents.
        Either,
    }
}

/// A work item without its description, as in lists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct WorkItemSummary {
    /// Permanent key, for example `OPS-42`, or `OPS-42.1` for a sub-task.
    #[cfg_attr(feature = "server", schema(value_type = schema::WorkItemKey))]
    pub key: String,
    /// Kind of work item.
    #[cfg_attr(feature = "server", schema(value_type = ItemKind))]
    pub kind: Open<ItemKind>,
    /// Key of the parent item; null if there is none.
    #[cfg_attr(feature = "server", schema(value_type = Option<schema::WorkItemKey>))]
    pub parent: Option<String>,
    /// Title.
    pub title: String,
    /// Current status.
    #[cfg_attr(feature = "server", schema(value_type = ItemStatus))]
    pub status: Open<ItemStatus>,
    /// Priority.
    #[cfg_attr(feature = "server", schema(value_type = Priority))]
    pub priority: Open<Priority>,
    /// Who can claim the item.
    #[cfg_attr(feature = "server", schema(value_type = ExecutionTarget))]
    pub execution_target: Open<ExecutionTarget>,
    /// Assigned user (`usr_…`); null if unassigned.
    #[cfg_attr(feature = "server", schema(value_type = Option<schema::UserId>))]
    pub assignee: Option<String>,
    /// Agent that has claimed the item; null if none.
    #[cfg_attr(feature = "server", schema(value_type = Option<schema::AgentId>))]
    pub active_agent_id: Option<String>,
    /// User who has claimed the item (`usr_…`); null if none.
    #[cfg_attr(feature = "server", schema(value_type = Option<schema::UserId>))]
    pub active_user_id: Option<String>,
    /// Run of the agent that has claimed the item (`run_…`); null if none.
    #[cfg_attr(feature = "server", schema(value_type = Option<schema::RunId>))]
    pub active_run_id: Option<String>,
    /// When the item was claimed; null if unclaimed.
    #[cfg_attr(feature = "server", schema(format = DateTime))]
    pub claimed_at: Option<String>,
    /// User who created the item (`usr_…`).
    #[cfg_attr(feature = "server", schema(value_type = schema::UserId))]
    pub created_by: String,
    /// When the item was created.
    #[cfg_attr(feature = "server", schema(format = DateTime))]
    pub created_at: String,
    /// When the item was last changed.
    #[cfg_attr(feature = "server", schema(format = DateTime))]
    pub updated_at: String,
    /// When the status became `done` or `cancelled`; null if it is neither.
    #[cfg_attr(feature = "server", schema(format = DateTime))]
    pub resolved_at: Option<String>,
    /// Version number, from 1; also the `ETag`.
    #[cfg_attr(feature = "server", schema(minimum = 1))]
    pub version: u64,
}

/// A work item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct WorkItem {
    /// Everything except the description.
    #[serde(flatten)]
    pub summary: WorkItemSummary,
    /// Description in Markdown.
    pub description: String,
}

/// A page of work items, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct WorkItemList {
    /// Items on this page.
    pub items: Vec<WorkItemSummary>,
    /// Damaged rows on this page; absent if there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub damaged: Vec<DamagedRow>,
    /// Value of `cursor` for the next page; null on the last page.
    pub next_cursor: Option<String>,
}

/// The work queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct WorkQueue {
    /// Items that an agent can claim: unresolved, unclaimed and not for people only.
    pub available: QueueSection,
    /// For an agent run, the items it has claimed; for a user, the items that the named agent has
    /// claimed or, if none is named, the items assigned to the user.
    pub mine: QueueSection,
}

/// A section of the work queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct QueueSection {
    /// The first items, most urgent first, then oldest.
    pub items: Vec<WorkItemSummary>,
    /// Whether there are more items.
    pub more: bool,
    /// Damaged rows in this section; absent if there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub damaged: Vec<DamagedRow>,
}

/// A work item to create, either in a `domain` or as a sub-task of a `parent`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateWorkItem {
    /// Domain of the item, for example `OPS`: 2 to 10 letters and digits. Its first item creates
    /// it. Absent for a sub-task.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<schema::DomainKey>))]
    pub domain: Option<DomainKey>,
    /// `project`, `task` or `sub_task`; by default a task, or a sub-task if `parent` is given.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<ItemKind>))]
    pub kind: Option<work_item::ItemKind>,
    /// Key of the project or task that the sub-task belongs to.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<schema::WorkItemKey>))]
    pub parent: Option<WorkItemKey>,
    /// Title: 1 to 200 characters, no control characters.
    #[serde(with = "required")]
    #[cfg_attr(feature = "server", schema(value_type = schema::Title))]
    pub title: Title,
    /// Description in Markdown, at most 32,000 bytes in UTF-8.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<schema::Markdown>))]
    pub description: Option<Description>,
    /// Priority; `medium` by default.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<Priority>))]
    pub priority: Option<work_item::Priority>,
    /// Who can claim the item; `either` by default.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<ExecutionTarget>))]
    pub execution_target: Option<work_item::ExecutionTarget>,
    /// Assigned user (`usr_…`), or `me`.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<schema::UserOrMe>))]
    pub assignee: Option<UserRef>,
}

/// A change of a work item; absent fields keep their value. Only `assignee` may be null.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PatchWorkItem {
    /// New title: 1 to 200 characters, no control characters.
    #[serde(default, with = "non_null", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(nullable = false, value_type = Option<schema::Title>))]
    pub title: Option<Title>,
    /// New description in Markdown, at most 32,000 bytes in UTF-8.
    #[serde(default, with = "non_null", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(nullable = false, value_type = Option<schema::Markdown>))]
    pub description: Option<Description>,
    /// New status; must be a valid transition from the current one.
    #[serde(default, with = "non_null", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(nullable = false, value_type = Option<ItemStatus>))]
    pub status: Option<work_item::ItemStatus>,
    /// New priority.
    #[serde(default, with = "non_null", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(nullable = false, value_type = Option<Priority>))]
    pub priority: Option<work_item::Priority>,
    /// Who can claim the item.
    #[serde(default, with = "non_null", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(nullable = false, value_type = Option<ExecutionTarget>))]
    pub execution_target: Option<work_item::ExecutionTarget>,
    /// Assigned user (`usr_…`), or `me`; null to unassign.
    #[serde(default, with = "nullable", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<schema::UserOrMe>))]
    pub assignee: Option<Option<UserRef>>,
}

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

/// Filters for work items; an item must match all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::IntoParams))]
#[cfg_attr(feature = "server", into_params(parameter_in = Query))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WorkItemQuery {
    /// Domain of the items, for example `OPS`.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", param(value_type = Option<schema::DomainKey>))]
    pub domain: Option<DomainKey>,
    /// Kind of the items.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", param(value_type = Option<ItemKind>))]
    pub kind: Option<work_item::ItemKind>,
    /// Statuses of the items, comma-separated: `todo`, `in_progress`, `done`, `cancelled`.
    #[serde(
        default,
        rename = "status",
        with = "required",
        skip_serializing_if = "Vec::is_empty"
    )]
    #[cfg_attr(
        feature = "server",
        param(value_type = Option<Vec<ItemStatus>>, style = Form, explode = false, min_items = 1)
    )]
    pub statuses: Vec<work_item::ItemStatus>,
    /// Priority of the items.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", param(value_type = Option<Priority>))]
    pub priority: Option<work_item::Priority>,
    /// Who can claim the items.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", param(value_type = Option<ExecutionTarget>))]
    pub execution_target: Option<work_item::ExecutionTarget>,
    /// User the items are assigned to (`usr_…`), or `me`.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", param(value_type = Option<schema::UserOrMe>))]
    pub assignee: Option<UserRef>,
    /// Agent that has claimed the items.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", param(value_type = Option<schema::AgentId>))]
    pub agent_id: Option<AgentId>,
    /// Parent of the items, for example `OPS-42`.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", param(value_type = Option<schema::WorkItemKey>))]
    pub parent: Option<WorkItemKey>,
    /// Words that all occur in the key, title or description; at most 8 words and 200 characters,
    /// no control characters.
    #[serde(
        default,
        rename = "q",
        with = "optional",
        skip_serializing_if = "Option::is_none"
    )]
    #[cfg_attr(feature = "server", param(value_type = Option<schema::SearchText>))]
    pub search: Option<SearchText>,
}

/// Whose queue to return, and how much of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::IntoParams))]
#[cfg_attr(feature = "server", into_params(parameter_in = Query))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct QueueQuery {
    /// Agent whose items `mine` lists; in an agent run, this is the run's agent.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", param(value_type = Option<schema::AgentId>))]
    pub agent_id: Option<AgentId>,
    /// Maximum number of items in each section; 50 by default.
    #[serde(
        default,
        deserialize_with = "limit::deserialize::<MAX_PAGE, _>",
        skip_serializing_if = "Option::is_none"
    )]
    #[cfg_attr(feature = "server", param(minimum = 1, maximum = 200))]
    pub limit: Option<u32>,
}

/// Who has claimed a work item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub enum Holder {
    /// An agent.
    AgentId(String),
    /// A user (`usr_…`).
    UserId(String),
}

/// The agent on whose behalf a user claims, releases or completes a work item. An agent run always
/// acts for its own agent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OnBehalfOf {
    /// Agent to act for; absent for the caller.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<schema::AgentId>))]
    pub agent_id: Option<AgentId>,
}

/// An unknown kind of holder becomes `None`; the problem's detail names it.
pub(super) fn known_holder<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Holder>, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(value).ok())
}
