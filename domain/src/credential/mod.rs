//! What authenticates a request: tokens, agent runs and browser sessions as entities, with their
//! owner and scope. `token`, `agent_run`, `session` and `user` export these types next to the use
//! cases that change them.

mod agent_run;
mod details;
mod name;
mod owner;
#[cfg(feature = "text")]
mod parse_name;
mod rejection;
mod scope;
mod session;
mod token;

pub use agent_run::{AgentId, AgentRun, InvalidAgentId};
pub use details::{InvalidRevokedBy, RevokedBy, TokenDetails};
pub use name::TokenName;
pub use owner::{InvalidRole, Owner, PersonName, Profile, Role};
#[cfg(feature = "text")]
pub use parse_name::InvalidName;
#[cfg(feature = "text")]
pub(crate) use parse_name::check_name;
pub use rejection::{Rejection, RejectionReason};
pub use scope::{InvalidScope, Scope};
pub use session::{
    ABSOLUTE_LIMIT_SECONDS, ClientName, IDLE_LIMIT_SECONDS, Session, SessionRecord,
    TOUCH_AFTER_SECONDS,
};
pub use token::{NotRotatable, PredecessorEnd, RETENTION_DAYS, Status, Token, TokenRecord};
