//! Authentication results and authorization: a [`Principal`] results from a verified credential (a
//! token or a browser session) and is checked against a [`Requirement`].

mod actor;
mod principal;
mod requirement;

pub use actor::{ActingRecord, Actor, ActorError};
pub use principal::{CredentialId, Principal, RemoteToken};
pub use requirement::{Denial, Requirement};
