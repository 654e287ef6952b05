//! The audit log: who did what to what, and when. An event is written in the same atomic step as
//! the change that it records, and never contains a secret or a digest.

mod action;
mod event;
mod raw;
mod service;
mod store;

pub use crate::id::{AuditEventId, Subject};
pub use action::{AdminAction, AuditAction};
pub use event::{AuditActor, AuditEvent, EmailChange, InvalidRequestId, RequestContext, RequestId};
pub use raw::RawEvent;
pub use service::{ActivityPage, ActivitySeek, Audit, AuditError, AuditPage, SharedSubject};
pub use store::{
    AuditCursor, AuditFilter, AuditStore, InvalidAuditCursor, InvalidPeriod, SubjectName,
};

#[cfg(feature = "testing")]
pub use store::MockAuditStore;
