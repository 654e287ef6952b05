//! Browser sessions: how the web interface authenticates users who signed in. No API route accepts
//! one.

mod end;
mod entity;
mod password;
mod service;
mod sign_in;
mod sign_in_link;
mod store;

pub use end::{EndSessions, EndSessionsOutcome, SessionSelection};
pub use entity::{
    ABSOLUTE_LIMIT_SECONDS, ClientName, IDLE_LIMIT_SECONDS, Session, SessionId, TOUCH_AFTER_SECONDS,
};
pub use password::{ChangePassword, ChangePasswordOutcome};
pub use service::{SessionError, SessionPorts, Sessions};
pub use sign_in::{SignInError, SignedIn, StartSession, StartSessionOutcome};
pub use sign_in_link::{
    CreateSignInLink, CreateSignInLinkOutcome, NewSignInLink, RedeemSignInLink,
    RedeemSignInLinkOutcome, SIGN_IN_LINK_LIFETIME_SECONDS, SignInLink, SignInLinkId,
    SignInLinkUser,
};
pub use store::{SessionRecord, SessionStore};

#[cfg(feature = "testing")]
pub use store::MockSessionStore;
