//! Users, as far as tokens need them: who owns a token, and what their role allows.

mod bootstrap;
mod email;
mod entity;
mod list;
mod password;
mod service;
mod store;

pub use bootstrap::{BootstrapError, Bootstrapped};
pub use email::{Email, InvalidEmail};
pub use entity::{Owner, PersonName, Profile, Role, User, UserId};
pub use list::{MAX_PAGE, UserError, UserPage};
pub use password::{
    HashError, MAX_PASSWORD_CHARS, MIN_PASSWORD_CHARS, Password, PasswordHash, PasswordHasher,
    TooLongPassword, WeakPassword,
};
pub use service::Users;
pub use store::{CreateFirstAdmin, FirstAdminOutcome, UserStore};

#[cfg(feature = "testing")]
pub use password::MockPasswordHasher;
#[cfg(feature = "testing")]
pub use store::MockUserStore;
