use crate::audit::{AuditAction, AuditEventId, Subject};
use crate::clock::Timestamp;

/// An event of an exported audit log: what a restore has to know of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExportedEvent {
    /// When it happened.
    pub at: Timestamp,
    /// Its id.
    pub id: AuditEventId,
    /// What was done.
    pub action: AuditAction,
    /// What it was done to.
    pub subject: Subject,
}
