//! Calls about work items, for users and agents.

use openindex_domain::work_item::{AgentId, WorkItemKey};
use ureq::http::Method;

use crate::wire::{
    CreateWorkItem, OnBehalfOf, PageQuery, PatchWorkItem, QueueQuery, WorkItem, WorkItemList,
    WorkItemQuery, WorkQueue,
};

use super::calls::calls;
use super::{Client, ClientError};

impl Client {
    calls! {
        /// Returns one page of the work items that match the filters, newest first.
        work_items_list(filter: &WorkItemQuery, page: &PageQuery) -> WorkItemList
            = GET "/browse" ? filter page;

        /// Returns one work item.
        work_item_get(key: WorkItemKey) -> WorkItem = GET "/browse/{key}";

        /// Creates a work item. Do not retry blindly after a lost response: see
        /// [`ClientError::Transport`].
        work_item_create(wanted: &CreateWorkItem) -> WorkItem = POST "/browse", wanted;
    }

    /// Updates a work item; with `expected`, only if it has that version.
    pub fn work_item_update(
        &self,
        key: WorkItemKey,
        wanted: &PatchWorkItem,
        expected: Option<u64>,
    ) -> Result<WorkItem, ClientError> {
        let call = self.0.call(Method::PATCH, format!("/browse/{key}"));
        call.body(wanted).if_match(expected).read()
    }

    /// Claims a work item. Safe to retry: claiming it again changes nothing.
    pub fn work_item_claim(
        &self,
        key: WorkItemKey,
        agent: Option<&AgentId>,
    ) -> Result<WorkItem, ClientError> {
        self.work_item_act(key, "claim", agent)
    }

    /// Releases a work item. Safe to retry.
    pub fn work_item_release(
        &self,
        key: WorkItemKey,
        agent: Option<&AgentId>,
    ) -> Result<WorkItem, ClientError> {
        self.work_item_act(key, "release", agent)
    }

    /// Completes a work item and ends agent runs bound to it. Safe to retry, except in such a run:
    /// its second call is a 401.
    pub fn work_item_complete(
        &self,
        key: WorkItemKey,
        agent: Option<&AgentId>,
    ) -> Result<WorkItem, ClientError> {
        self.work_item_act(key, "complete", agent)
    }

    /// Deletes a work item; with `expected`, only if it has that version.
    pub fn work_item_delete(
        &self,
        key: WorkItemKey,
        expected: Option<u64>,
    ) -> Result<(), ClientError> {
        let call = self.0.call(Method::DELETE, format!("/browse/{key}"));
        call.if_match(expected).confirm(204)
    }

    /// Returns the work queue: items for any agent, and items of this agent or, without one, of the
    /// caller.
    pub fn work_queue(
        &self,
        agent: Option<&AgentId>,
        limit: Option<u32>,
    ) -> Result<WorkQueue, ClientError> {
        let agent_id = agent.cloned();
        let call = self.0.call(Method::GET, "/browse/queue");
        call.query(&QueueQuery { agent_id, limit }).read()
    }

    fn work_item_act(
        &self,
        key: WorkItemKey,
        action: &str,
        agent: Option<&AgentId>,
    ) -> Result<WorkItem, ClientError> {
        let agent_id = agent.cloned();
        let call = self.0.call(Method::POST, format!("/browse/{key}/{action}"));
        call.body(&OnBehalfOf { agent_id }).read()
    }
}
