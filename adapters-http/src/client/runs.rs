//! Calls about agent runs.

use openindex_domain::token::TokenId;
use ureq::http::Method;

use crate::wire::{AgentRun, AgentRunFilter, AgentRunList, StartAgentRun, StartedAgentRun};

use super::query::path;
use super::{Client, ClientError, PageQuery};

impl Client {
    /// Starts an agent run. Do not retry blindly after a lost response: see
    /// [`ClientError::Transport`].
    pub fn agent_run_start(&self, wanted: &StartAgentRun) -> Result<StartedAgentRun, ClientError> {
        let response = self.0.send(Method::POST, "/agent-runs", Some(wanted))?;
        self.0.read(&response)
    }

    /// Returns one page of the caller's agent runs, newest first: live runs, and with `ended` also
    /// ended ones, which are stored for 30 days.
    pub fn agent_runs_list(
        &self,
        ended: bool,
        page: &PageQuery,
    ) -> Result<AgentRunList, ClientError> {
        let filter = AgentRunFilter {
            include_ended: ended.then_some(true),
        };
        self.get(&path("/agent-runs", &filter, page))
    }

    /// Returns one of the caller's agent runs.
    pub fn agent_run_get(&self, id: TokenId) -> Result<AgentRun, ClientError> {
        self.get(&format!("/agent-runs/{id}"))
    }

    /// Ends one of the caller's agent runs: once this returns, its token is no longer accepted.
    pub fn agent_run_end(&self, id: TokenId) -> Result<(), ClientError> {
        self.delete(&format!("/agent-runs/{id}"))
    }
}
