//! What authenticates a request: tokens, agent runs and browser sessions as entities, with their
//! owner and scope. `token`, `agent_run`, `session` and `user` export these types next to the use
//! cases that change them.

mod agent_run;
mod details;
mod name;
mod owner;
mod rejection;
mod scope;
mod session;
mod token;

pub use agent_run::{AgentId, AgentRun, InvalidAgentId};
pub use details::{InvalidRevokedBy, RevokedBy, TokenDetails};
pub(crate) use name::check_name;
pub use name::{InvalidName, TokenName};
pub use owner::{InvalidRole, Owner, PersonName, Profile, Role};
pub use rejection::{Rejection, RejectionReason};
pub use scope::{InvalidScope, Scope};
pub use session::{
    ABSOLUTE_LIMIT_SECONDS, ClientName, IDLE_LIMIT_SECONDS, Session, SessionRecord,
    TOUCH_AFTER_SECONDS,
};
pub use token::{NotRotatable, PredecessorEnd, RETENTION_DAYS, Status, Token, TokenRecord};
