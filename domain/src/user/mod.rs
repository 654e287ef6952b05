//! Users, as far as tokens need them: who owns a token, and what their role allows.

mod bootstrap;
mod email;
mod entity;
mod list;
mod service;
mod store;

pub use bootstrap::{BootstrapError, Bootstrapped};
pub use email::{Email, InvalidEmail};
pub use entity::{Owner, PersonName, Profile, Role, User, UserId};
pub use list::{MAX_PAGE, UserError, UserPage};
pub use service::Users;
pub use store::{CreateFirstAdmin, FirstAdminOutcome, UserStore};

#[cfg(feature = "testing")]
pub use store::MockUserStore;
