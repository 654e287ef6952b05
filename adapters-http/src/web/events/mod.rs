//! Audit events on pages: the audit log, a user's own activity, and the events of a token.

mod filter;
mod view;
mod words;

pub(super) use filter::{actions, read_action, read_period};
pub(super) use view::{EventView, Reader};
pub(super) use words::{actor, label};
