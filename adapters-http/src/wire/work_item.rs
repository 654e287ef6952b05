use openindex_domain::user::{MAX_PAGE, UserId};
use openindex_domain::work_item::{
    self, AgentId, Description, DomainKey, SearchTerms, Title, WorkItemKey,
};
use serde::{Deserialize, Serialize};

use super::field::{Field, Text, kept, nullable, optional, required, text};
use super::page::limit;
#[cfg(feature = "server")]
use super::schema;
use super::{DamagedRow, Open};

/// Defines a vocabulary of the domain as it travels.
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
    /// What sort of work an item is.
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
    /// Where an item stands; `done` and `cancelled` are resolved.
    ItemStatus {
        /// Nobody works at it.
        Todo,
        /// Somebody does.
        InProgress,
        /// The work is done.
        Done,
        /// It will not be done.
        Cancelled,
    }
}

vocabulary! {
    /// How soon an item should be done.
    Priority {
        /// When there is nothing else.
        Low,
        /// As usual.
        Medium,
        /// Before others.
        High,
        /// Before everything.
        Urgent,
    }
}

vocabulary! {
    /// Who may take an item on.
    ExecutionTarget {
        /// People alone.
        Human,
        /// Agents alone.
        Agent,
        /// Whoever comes first.
        Either,
    }
}

/// A work item without its description, as lists have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct WorkItemSummary {
    /// Names it for good, as in `OPS-42`, or `OPS-42.1` for a sub-task.
    #[cfg_attr(feature = "server", schema(value_type = schema::WorkItemKey))]
    pub key: String,
    /// What sort of work it is.
    #[cfg_attr(feature = "server", schema(value_type = ItemKind))]
    pub kind: Open<ItemKind>,
    /// The item that it is a part of; null when it is none.
    #[cfg_attr(feature = "server", schema(value_type = Option<schema::WorkItemKey>))]
    pub parent: Option<String>,
    /// What it is about.
    pub title: String,
    /// Where it stands.
    #[cfg_attr(feature = "server", schema(value_type = ItemStatus))]
    pub status: Open<ItemStatus>,
    /// How soon it should be done.
    #[cfg_attr(feature = "server", schema(value_type = Priority))]
    pub priority: Open<Priority>,
    /// Who may take it on.
    #[cfg_attr(feature = "server", schema(value_type = ExecutionTarget))]
    pub execution_target: Open<ExecutionTarget>,
    /// The person who sees to it (`usr_…`); null is nobody.
    #[cfg_attr(feature = "server", schema(value_type = Option<schema::UserId>))]
    pub assignee: Option<String>,
    /// The agent that works at it now; null is none.
    #[cfg_attr(feature = "server", schema(value_type = Option<schema::AgentId>))]
    pub active_agent_id: Option<String>,
    /// The person who works at it now (`usr_…`); null is none.
    #[cfg_attr(feature = "server", schema(value_type = Option<schema::UserId>))]
    pub active_user_id: Option<String>,
    /// The run in which the agent does (`run_…`); null when there is none.
    #[cfg_attr(feature = "server", schema(value_type = Option<schema::RunId>))]
    pub active_run_id: Option<String>,
    /// Since when the one or the other does; null when nobody does.
    #[cfg_attr(feature = "server", schema(format = DateTime))]
    pub claimed_at: Option<String>,
    /// Who made it (`usr_…`).
    #[cfg_attr(feature = "server", schema(value_type = schema::UserId))]
    pub created_by: String,
    /// When.
    #[cfg_attr(feature = "server", schema(format = DateTime))]
    pub created_at: String,
    /// When it was changed last.
    #[cfg_attr(feature = "server", schema(format = DateTime))]
    pub updated_at: String,
    /// When it was done or cancelled; null when it was not.
    #[cfg_attr(feature = "server", schema(format = DateTime))]
    pub resolved_at: Option<String>,
    /// Counts its changes, from 1; its `ETag`.
    #[cfg_attr(feature = "server", schema(minimum = 1))]
    pub version: u64,
}

/// A work item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct WorkItem {
    /// All but its description.
    #[serde(flatten)]
    pub summary: WorkItemSummary,
    /// What is to be done, in Markdown.
    pub description: String,
}

/// A page of work items, the newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct WorkItemList {
    /// The items.
    pub items: Vec<WorkItemSummary>,
    /// Rows of this page that cannot be read; absent when there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub damaged: Vec<DamagedRow>,
    /// Pass it as `cursor` for the next page; null on the last.
    pub next_cursor: Option<String>,
}

/// What there is to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct WorkQueue {
    /// What an agent may take on: not resolved, not for people alone, and nobody is at it.
    pub available: QueueBucket,
    /// What was claimed in the run that asks; what the agent works at that a person names; or what is
    /// assigned to the person.
    pub mine: QueueBucket,
}

/// A part of the queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct QueueBucket {
    /// The first items: the most urgent, then the oldest.
    pub items: Vec<WorkItemSummary>,
    /// Whether there are more.
    pub more: bool,
    /// Rows of this list that cannot be read; absent when there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub damaged: Vec<DamagedRow>,
}

/// What to make: by itself in a `domain`, or as a part of a `parent`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateWorkItem {
    /// The part of the work that it belongs to, as in `OPS`: 2 to 10 upper-case letters and digits.
    /// The first item makes it. Not for a sub-task.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<schema::DomainKey>))]
    pub domain: Option<DomainKey>,
    /// `project`, `task` or `sub_task`; unless given a task, or with a `parent` a sub-task.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<ItemKind>))]
    pub kind: Option<work_item::ItemKind>,
    /// The project or task that a sub-task is a part of.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<schema::WorkItemKey>))]
    pub parent: Option<WorkItemKey>,
    /// 1 to 200 characters, no control characters.
    #[serde(with = "required")]
    #[cfg_attr(feature = "server", schema(value_type = schema::Title))]
    pub title: Title,
    /// Markdown, at most 32,000 bytes in UTF-8.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<schema::Markdown>))]
    pub description: Option<Description>,
    /// `medium` unless given.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<Priority>))]
    pub priority: Option<work_item::Priority>,
    /// `either` unless given.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<ExecutionTarget>))]
    pub execution_target: Option<work_item::ExecutionTarget>,
    /// A user (`usr_…`), or `me`.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<schema::UserOrMe>))]
    pub assignee: Option<UserRef>,
}

/// What to change; what is absent stays. Nothing but `assignee` may be null.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PatchWorkItem {
    /// 1 to 200 characters, no control characters.
    #[serde(default, with = "kept", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(nullable = false, value_type = Option<schema::Title>))]
    pub title: Option<Title>,
    /// Markdown, at most 32,000 bytes in UTF-8.
    #[serde(default, with = "kept", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(nullable = false, value_type = Option<schema::Markdown>))]
    pub description: Option<Description>,
    /// One that may follow on what it is.
    #[serde(default, with = "kept", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(nullable = false, value_type = Option<ItemStatus>))]
    pub status: Option<work_item::ItemStatus>,
    /// How soon it should be done.
    #[serde(default, with = "kept", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(nullable = false, value_type = Option<Priority>))]
    pub priority: Option<work_item::Priority>,
    /// Who may take it on.
    #[serde(default, with = "kept", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(nullable = false, value_type = Option<ExecutionTarget>))]
    pub execution_target: Option<work_item::ExecutionTarget>,
    /// A user (`usr_…`), or `me`; null is nobody.
    #[serde(default, with = "nullable", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<schema::UserOrMe>))]
    pub assignee: Option<Option<UserRef>>,
}

/// A user: the caller, or one by their id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserRef {
    /// The caller.
    Me,
    /// This one.
    Id(UserId),
}

impl UserRef {
    /// Which user that is when `me` asks.
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

/// What to search for: at least one word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchText(String);

impl SearchText {
    /// Checks it.
    ///
    /// # Errors
    ///
    /// What it must be.
    pub fn parse(text: &str) -> Result<Self, String> {
        match SearchTerms::parse(text) {
            Ok(terms) if terms.terms().is_empty() => Err("must not be blank".to_owned()),
            Ok(_) => Ok(Self(text.to_owned())),
            Err(error) => Err(error.to_string()),
        }
    }

    /// The words.
    #[must_use]
    pub fn terms(&self) -> SearchTerms {
        // It was parsed before.
        SearchTerms::parse(&self.0).unwrap_or_default()
    }
}

/// Which work items: those that all of the given filters want.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::IntoParams))]
#[cfg_attr(feature = "server", into_params(parameter_in = Query))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WorkItemQuery {
    /// Of this part of the work, as in `OPS`.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", param(value_type = Option<schema::DomainKey>))]
    pub domain: Option<DomainKey>,
    /// Of this kind.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", param(value_type = Option<ItemKind>))]
    pub kind: Option<work_item::ItemKind>,
    /// In one of these states, separated by commas: `todo`, `in_progress`, `done`, `cancelled`.
    #[serde(
        default,
        rename = "status",
        with = "required",
        skip_serializing_if = "Vec::is_empty"
    )]
    #[cfg_attr(feature = "server", param(value_type = Option<Vec<ItemStatus>>, style = Form, explode = false, min_items = 1))]
    pub statuses: Vec<work_item::ItemStatus>,
    /// With this priority.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", param(value_type = Option<Priority>))]
    pub priority: Option<work_item::Priority>,
    /// With this target.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", param(value_type = Option<ExecutionTarget>))]
    pub execution_target: Option<work_item::ExecutionTarget>,
    /// Assigned to this user (`usr_…`), or to `me`.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", param(value_type = Option<schema::UserOrMe>))]
    pub assignee: Option<UserRef>,
    /// That this agent works at now.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", param(value_type = Option<schema::AgentId>))]
    pub agent_id: Option<AgentId>,
    /// Sub-tasks of this item, as in `OPS-42`.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", param(value_type = Option<schema::WorkItemKey>))]
    pub parent: Option<WorkItemKey>,
    /// In whose key, title and description all of these words occur; at most 8 words and 200
    /// characters, no control characters.
    #[serde(
        default,
        rename = "q",
        with = "optional",
        skip_serializing_if = "Option::is_none"
    )]
    #[cfg_attr(feature = "server", param(value_type = Option<schema::SearchText>))]
    pub search: Option<SearchText>,
}

/// For whom the queue is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::IntoParams))]
#[cfg_attr(feature = "server", into_params(parameter_in = Query))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct QueueQuery {
    /// For this agent; a run's is its own.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", param(value_type = Option<schema::AgentId>))]
    pub agent_id: Option<AgentId>,
    /// How many of each at most; 50 unless given.
    #[serde(
        default,
        deserialize_with = "limit::deserialize::<MAX_PAGE, _>",
        skip_serializing_if = "Option::is_none"
    )]
    #[cfg_attr(feature = "server", param(minimum = 1, maximum = 200))]
    pub limit: Option<u32>,
}

/// Who works at an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub enum Holder {
    /// An agent.
    AgentId(String),
    /// A person (`usr_…`).
    UserId(String),
}

/// For whom a person claims, releases or completes an item. A run acts for its own agent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WorkAs {
    /// The agent; absent is the person themselves.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<schema::AgentId>))]
    pub agent_id: Option<AgentId>,
}

/// A holder of a kind that this version does not know is none: the problem's words name it.
pub(super) fn known_holder<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Holder>, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(value).ok())
}
