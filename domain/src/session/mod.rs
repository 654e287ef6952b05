//! Browser sessions: how the web interface authenticates users who signed in. No API route accepts
//! one.

mod action;
mod end;
mod password;
mod service;
mod sign_in;
mod sign_in_link;
mod store;

pub use crate::credential::{
    ABSOLUTE_LIMIT_SECONDS, ClientName, IDLE_LIMIT_SECONDS, Session, SessionRecord,
    TOUCH_AFTER_SECONDS,
};
pub use crate::id::{SessionId, SignInLinkId};
pub use action::SessionAction;
pub use end::{EndSessions, EndSessionsOutcome, SessionSelection};
pub use password::{ChangePassword, ChangePasswordOutcome, RemovePassword, RemovePasswordOutcome};
pub use service::{SessionError, SessionPorts, Sessions};
pub use sign_in::{SignInError, SignedIn, StartSession, StartSessionOutcome};
pub use sign_in_link::{
    CreateSignInLink, CreateSignInLinkOutcome, NewSignInLink, RedeemSignInLink,
    RedeemSignInLinkOutcome, SIGN_IN_LINK_LIFETIME_SECONDS, SignInLink, SignInLinkUser,
};
pub use store::SessionStore;

#[cfg(feature = "testing")]
pub use store::MockSessionStore;
