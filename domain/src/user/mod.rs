//! Users, their roles and their passwords.

mod action;
mod bootstrap;
mod change;
mod delete;
mod entity;
pub(crate) mod invite;
mod notice;
mod password;
mod search;
mod service;
mod store;

pub use crate::credential::{InvalidRole, Owner, PersonName, Profile, Role};
pub use crate::email::{Email, InvalidEmail};
pub use crate::id::UserId;
pub use action::{InstanceAction, UserAction};
pub use bootstrap::{BootstrapError, Bootstrapped};
pub use change::{ChangeUser, ChangeUserOutcome, UserChange, UserDecision};
pub use delete::{DeleteUser, DeleteUserFacts, DeleteUserOutcome};
pub(crate) use entity::is_creator_valid;
pub use entity::{Account, User};
pub use notice::{DismissNotices, DismissNoticesOutcome, Notice, NoticeAbout};
pub use password::{
    HashError, MAX_PASSWORD_CHARS, MIN_PASSWORD_CHARS, Password, PasswordHash, PasswordHasher,
    TooLongPassword, WeakPassword,
};
pub use search::{
    FoundUsers, InvalidUserCursor, ListedUser, UserCursor, UserKey, UserQuery, UserSearch,
    UserSeek, UserSort,
};
pub use service::{UserError, UserPage, Users};
pub use store::{CreateFirstAdmin, CreateFirstAdminOutcome, UserStore};

#[cfg(feature = "testing")]
pub use password::MockPasswordHasher;
#[cfg(feature = "testing")]
pub use store::MockUserStore;
