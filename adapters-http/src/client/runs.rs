//! Calls about agent runs.

use openindex_domain::token::TokenId;
use ureq::http::Method;

use crate::wire::{
    AgentRun, AgentRunFilter, AgentRunList, PageQuery, StartAgentRun, StartedAgentRun,
};

use super::calls::calls;
use super::{Client, ClientError};

impl Client {
    calls! {
        /// Starts an agent run. Do not retry blindly after a lost response: see
        /// [`ClientError::Transport`].
        agent_run_start(wanted: &StartAgentRun) -> StartedAgentRun = POST "/agent-runs", wanted;

        /// Returns one of the caller's agent runs.
        agent_run_get(id: TokenId) -> AgentRun = GET "/agent-runs/{id}";

        /// Ends one of the caller's agent runs: once this returns, its token is no longer accepted.
        agent_run_end(id: TokenId) = DELETE "/agent-runs/{id}";
    }

    /// Returns one page of the caller's agent runs, newest first: live runs, and with `ended` also
    /// ended ones, which are stored for 30 days.
    pub fn agent_runs_list(
        &self,
        ended: bool,
        page: &PageQuery,
    ) -> Result<AgentRunList, ClientError> {
        let include_ended = ended.then_some(true);
        let call = self.0.call(Method::GET, "/agent-runs");
        call.query(&AgentRunFilter { include_ended })
            .query(page)
            .read()
    }
}
