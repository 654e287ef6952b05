//! `oi-server backup`.

use std::io::Write as _;
use std::time::Instant;

use anyhow::bail;
use openindex_adapters_sqlite::BackupError;

use crate::args::{self, Common};

use super::missing_file;
use super::progress::{Progress, count, size};

pub(crate) async fn run(backup: &args::Backup, common: &Common) -> anyhow::Result<()> {
    let started = Instant::now();
    let mut progress = Progress::new();
    let copy = openindex_app::backup(&common.database_url, &backup.file, |written, all| {
        progress.show(&format!("Copied {} of {}", size(written), size(all)));
    });
    let copied = tokio::select! {
        copied = copy => copied?,
        () = super::stop_signal()? => bail!("interrupted; nothing was written"),
    };
    drop(progress);
    let copied = copied.map_err(|error| match error {
        BackupError::Store(error) => missing_file(error.into()),
        other => other.into(),
    })?;
    writeln!(
        std::io::stdout(),
        "Wrote {}: {} in {:.1} s, with {}, {} and {}.",
        backup.file.display(),
        size(copied.bytes),
        started.elapsed().as_secs_f64(),
        count(copied.users, "user"),
        count(copied.tokens, "token"),
        count(copied.audit_events, "audit event"),
    )?;
    Ok(())
}
