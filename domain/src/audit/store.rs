use async_trait::async_trait;

use crate::store::StoreError;

use super::AuditEvent;

/// Port: reading the audit trail. There is no method that writes to it: each change brings its
/// event along.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait AuditStore: Send + Sync {
    /// The newest events, at most `limit`, the newest first (by time, then by id).
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store cannot be reached or holds something invalid.
    async fn newest(&self, limit: u32) -> Result<Vec<AuditEvent>, StoreError>;
}
