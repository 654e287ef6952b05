//! Who acts, and whether they may: a principal comes of a verified credential, which is a token or
//! a browser session, and meets a requirement or does not.

mod actor;
mod principal;
mod requirement;

pub use actor::{ActingRecord, Actor, ActorError};
pub(crate) use principal::Credential;
pub use principal::{CredentialId, Principal};
pub use requirement::{Denial, Requirement};
