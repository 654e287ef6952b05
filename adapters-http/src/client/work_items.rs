//! Calls about work items, for users and agents.

use openindex_domain::work_item::{AgentId, WorkItemKey};
use ureq::http::Method;

use crate::wire::{
    CreateWorkItem, OnBehalfOf, PatchWorkItem, QueueQuery, WorkItem, WorkItemList, WorkQueue,
};

use super::query::path;
use super::{Client, ClientError, PageQuery, WorkItemQuery};

impl Client {
    /// Returns one page of the work items that match the filters, newest first.
    pub fn work_items_list(
        &self,
        filter: &WorkItemQuery,
        page: &PageQuery,
    ) -> Result<WorkItemList, ClientError> {
        self.get(&path("/browse", filter, page))
    }

    /// Returns one work item.
    pub fn work_item_get(&self, key: WorkItemKey) -> Result<WorkItem, ClientError> {
        self.get(&format!("/browse/{key}"))
    }

    /// Creates a work item. Do not retry blindly after a lost response: see
    /// [`ClientError::Transport`].
    pub fn work_item_create(&self, wanted: &CreateWorkItem) -> Result<WorkItem, ClientError> {
        let response = self.0.send(Method::POST, "/browse", Some(wanted))?;
        self.0.read(&response)
    }

    /// Updates a work item; with `expected`, only if it has that version.
    pub fn work_item_update(
        &self,
        key: WorkItemKey,
        wanted: &PatchWorkItem,
        expected: Option<u64>,
    ) -> Result<WorkItem, ClientError> {
        let path = format!("/browse/{key}");
        let response = self
            .0
            .send_if_match(Method::PATCH, &path, Some(wanted), expected)?;
        self.0.read(&response)
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
        let path = format!("/browse/{key}");
        let response = self
            .0
            .send_if_match(Method::DELETE, &path, None::<&()>, expected)?;
        self.0.confirm(&response, 204)
    }

    /// Returns the work queue: items for any agent, and items of this agent or, without one, of the
    /// caller.
    pub fn work_queue(
        &self,
        agent: Option<&AgentId>,
        limit: Option<u32>,
    ) -> Result<WorkQueue, ClientError> {
        let wanted = QueueQuery {
            agent_id: agent.cloned(),
            limit,
        };
        self.get(&path("/browse/queue", &wanted, &()))
    }

    fn work_item_act(
        &self,
        key: WorkItemKey,
        action: &str,
        agent: Option<&AgentId>,
    ) -> Result<WorkItem, ClientError> {
        let path = format!("/browse/{key}/{action}");
        let wanted = OnBehalfOf {
            agent_id: agent.cloned(),
        };
        let response = self.0.send(Method::POST, &path, Some(&wanted))?;
        self.0.read(&response)
    }
}
