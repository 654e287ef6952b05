//! `oi-server copy`.

use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use openindex_app::{DatabaseUrl, Progress, Step, copy_database};

use crate::args::{Common, CopyArgs};
use crate::settings::{is_readable_by_others, read_url};

/// How often the line of progress is written again.
const DRAW_EVERY: Duration = Duration::from_millis(100);

pub(crate) async fn run(args: CopyArgs, common: Common) -> anyhow::Result<()> {
    let from = match given("from", args.from, args.from_file)? {
        Some(url) => url,
        None => common.database_url,
    };
    let to = given("to", args.to, args.to_file)?.context("--to or --to-file is required")?;
    let mut shown = Shown::new();
    let stop = super::stop_signal()?;
    let copied = copy_database(&from, &to, |progress| shown.show(progress), stop).await;
    shown.clear();
    let copied = copied
        .with_context(|| format!("not copied from {} to {}", from.redacted(), to.redacted()))?;
    let mut digest = String::new();
    for byte in copied.digest {
        let _ = write!(digest, "{byte:02x}");
    }
    let done = if copied.was_there {
        "Nothing to do: an earlier copy was complete, with"
    } else {
        "Copied"
    };
    writeln!(
        io::stdout(),
        "{done} {} rows of {} tables from {} to {}.\nBoth have the same content: SHA-256 {digest}",
        copied.rows,
        copied.tables,
        from.redacted(),
        to.redacted()
    )
    .context("everything was copied, but this could not be printed")
}

/// Returns the URL that is given by a flag or in a file, and warns if others can read a password in
/// it.
fn given(
    flag: &str,
    url: Option<DatabaseUrl>,
    file: Option<PathBuf>,
) -> anyhow::Result<Option<DatabaseUrl>> {
    let Some(path) = file else {
        if url.as_ref().is_some_and(DatabaseUrl::has_password) {
            writeln!(
                io::stderr(),
                "warning: other users of this machine can read the password in --{flag}; use \
                 --{flag}-file instead"
            )?;
        }
        return Ok(url);
    };
    let url = read_url(&path)
        .map_err(|error| anyhow::anyhow!("--{flag}-file {}: {error}", path.display()))?;
    if url.has_password() && is_readable_by_others(&path) {
        writeln!(
            io::stderr(),
            "warning: other users of this machine can read the password in {0}; run: chmod o= {0}",
            path.display()
        )?;
    }
    Ok(Some(url))
}

/// Progress on standard error: a line per table, and on a terminal also the rows so far.
struct Shown {
    is_terminal: bool,
    drawn: Option<Instant>,
}

impl Shown {
    fn new() -> Self {
        Self {
            is_terminal: io::stderr().is_terminal(),
            drawn: None,
        }
    }

    fn show(&mut self, progress: Progress) {
        let Progress {
            step,
            table,
            done,
            rows,
            is_end,
        } = progress;
        if is_end {
            self.clear();
            let verb = match step {
                Step::Copy => "copied",
                Step::Read => "read",
                Step::Compare => "compared",
            };
            // Progress that cannot be shown is no reason to stop.
            let _ = writeln!(io::stderr(), "{verb} {table}: {done} rows");
        } else if self.is_terminal && self.drawn.is_none_or(|drawn| drawn.elapsed() > DRAW_EVERY) {
            let verb = match step {
                Step::Copy => "copying",
                Step::Read => "reading",
                Step::Compare => "comparing",
            };
            let _ = write!(
                io::stderr(),
                "\r\x1b[K{verb} {table}: {done} of {rows} rows"
            );
            self.drawn = Some(Instant::now());
        }
    }

    /// Removes the line of rows so far.
    fn clear(&mut self) {
        if self.drawn.take().is_some() {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}
