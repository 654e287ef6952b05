//! What a person asks for so that agents can work.

use openindex_domain::token::TokenId;
use ureq::http::Method;

use crate::wire::{AgentRun, AgentRunFilter, AgentRunList, StartAgentRun, StartedAgentRun};

use super::query::path;
use super::{Client, ClientError, PageQuery};

impl Client {
    /// Starts an agent run. Not to be repeated without looking when the answer got lost: see
    /// [`ClientError::Transport`].
    pub fn agent_run_start(&self, wanted: &StartAgentRun) -> Result<StartedAgentRun, ClientError> {
        let answer = self.0.send(Method::POST, "/agent-runs", Some(wanted))?;
        self.0.read(&answer)
    }

    /// One page of the caller's runs, the newest first: the live ones, or with `ended` also those
    /// that are over and still remembered.
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

    /// One of the caller's runs.
    pub fn agent_run_get(&self, id: TokenId) -> Result<AgentRun, ClientError> {
        self.get(&format!("/agent-runs/{id}"))
    }

    /// Ends one of the caller's runs: once this has returned, nobody gets in with its token.
    pub fn agent_run_end(&self, id: TokenId) -> Result<(), ClientError> {
        self.delete(&format!("/agent-runs/{id}"))
    }
}
