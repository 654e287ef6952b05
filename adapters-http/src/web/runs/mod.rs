//! `/settings/agent-runs`: the user's own agent runs.

mod end;
mod list;
mod run;
mod start;
mod view;

pub(super) use end::{confirm as confirm_end, confirm_all, end, end_all};
pub(super) use list::list;
pub(super) use run::show;
pub(super) use start::{show_form, start};

use openindex_domain::token::TokenId;
use openindex_domain::user::UserId;

use super::{Person, Query, WebError, paths};

/// The live runs that end together with a token or a user.
pub(super) struct Ending {
    pub(super) count: usize,
    /// The path of their list; `None` for another user's runs.
    pub(super) list: Option<String>,
}

impl Ending {
    /// Counts the live runs of a user: those started with `issuer`, or all if it is `None`.
    pub(super) async fn of(
        person: &Person,
        owner: UserId,
        issuer: Option<TokenId>,
    ) -> Result<Self, WebError> {
        let runs = &person.agent_runs;
        let count = runs.count_live(&person.principal, owner, issuer).await?;
        let is_own = owner == person.principal.user_id();
        let issuer = issuer.map(|id| id.to_string()).unwrap_or_default();
        Ok(Self {
            count,
            list: is_own.then(|| Query::default().with("token", issuer).on(paths::RUNS)),
        })
    }
}
