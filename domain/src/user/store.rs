use async_trait::async_trait;

use crate::audit::AuditEvent;
use crate::store::StoreError;
use crate::token::{Digest, Token};

use super::{User, UserId};

/// The change: the first user of an instance, who administers it, and their first token.
#[derive(Debug, Clone)]
pub struct CreateFirstAdmin {
    /// The user.
    pub user: User,
    /// Their token.
    pub token: Token,
    /// Its digest.
    pub digest: Digest,
    /// The trail it leaves.
    pub audit: AuditEvent,
}

/// What became of a [`CreateFirstAdmin`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum FirstAdminOutcome {
    /// User and token are there.
    Created,
    /// The instance has users; nothing changed.
    InstanceHasUsers,
}

/// Port: where users are kept. An embedding service with users of its own does without it.
///
/// # Errors
///
/// As for [`TokenStore`](crate::token::TokenStore).
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait UserStore: Send + Sync {
    /// Creates the user and their token if there is no user at all; exactly one of any number of
    /// simultaneous calls does.
    async fn create_first_admin(
        &self,
        change: CreateFirstAdmin,
    ) -> Result<FirstAdminOutcome, StoreError>;

    /// Up to `limit` users in the order of their ids, which is that of their joining, beginning
    /// after `after`.
    async fn page(&self, after: Option<UserId>, limit: u32) -> Result<Vec<User>, StoreError>;
}
