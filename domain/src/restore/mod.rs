//! Restored backups: what was revoked after the backup was made is live in it, and is ended again.

mod export;
mod missed;
mod service;

pub use export::ExportedEvent;
pub use missed::Missed;
pub use service::{Ended, Restore, RestoreError, RestorePorts};
