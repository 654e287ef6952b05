//! `/settings/agent-runs`: a person's own agent runs.

mod end;
mod list;
mod run;
mod start;
mod view;

pub(super) use end::{confirm as confirm_end, confirm_all, end, end_all};
pub(super) use list::list;
pub(super) use run::show;
pub(super) use start::{show_form, start};

use openindex_domain::agent_run::RunFilter;
use openindex_domain::token::TokenId;
use openindex_domain::user::UserId;

use super::access::Person;
use super::error::WebError;
use super::query::Query;
use super::site::Web;

/// Where the list is.
const PATH: &str = "/settings/agent-runs";

/// How many live runs end with something, and where they are listed.
pub(super) struct Ending {
    pub(super) count: usize,
    /// `None` where they are another user's.
    pub(super) list: Option<String>,
}

impl Ending {
    /// The runs that were started with this token of a user, or all of theirs.
    pub(super) async fn of(
        web: &Web,
        person: &Person,
        owner: UserId,
        issuer: Option<TokenId>,
    ) -> Result<Self, WebError> {
        let runs = &web.api.agent_runs;
        let count = runs.count_live(&person.principal, owner, issuer).await?;
        let is_own = owner == person.principal.user_id();
        let issuer = issuer.map(|id| id.to_string()).unwrap_or_default();
        Ok(Self {
            count,
            list: is_own.then(|| Query::default().with("token", issuer).on(PATH)),
        })
    }
}

/// Every live run of the person, for what ends them all.
async fn all_live(
    web: &Web,
    person: &Person,
) -> Result<Vec<openindex_domain::token::Token>, WebError> {
    let runs = &web.api.agent_runs;
    let page = runs.list(&person.principal, &RunFilter::LIVE, None, end::AT_ONCE);
    Ok(page.await?.runs.into_iter().collect())
}
