//! Work items and the queue, which `read_write` tokens are used for.
//!
//! This module depends on tokens, but tokens do not depend on it: an embedding service with its own
//! kind of work items does not have to use it.

mod action;
mod attributes;
mod change;
mod conflict;
mod create;
mod filter;
mod item;
mod service;
mod store;
mod text;

pub use action::WorkItemAction;
pub use attributes::{
    ExecutionTarget, InvalidExecutionTarget, InvalidItemKind, InvalidItemStatus, InvalidPriority,
    ItemKind, ItemStatus, Priority,
};
pub use change::{
    ChangeDecision, ChangeFacts, ChangeWorkItem, ChangeWorkItemOutcome, Versions, WorkItemChange,
    WorkItemEdit,
};
pub use conflict::WorkItemConflict;
pub use create::{
    CreateDecision, CreateFacts, CreateWorkItem, CreateWorkItemOutcome, NewWorkItem, Placement,
    TopKind,
};
pub use filter::{InvalidWorkItemCursor, QueueSection, WorkItemCursor, WorkItemFilter};
pub use item::{Claim, Holder, WorkItem, Worker};
pub use service::{Queue, QueueItems, WorkItemError, WorkItemPage, WorkItems};
pub use store::WorkItemStore;
pub use text::{Description, InvalidDescription, InvalidSearch, InvalidTitle, SearchTerms, Title};

pub use crate::agent_run::{AgentId, DomainKey, WorkItemKey};

#[cfg(feature = "testing")]
pub use store::MockWorkItemStore;
