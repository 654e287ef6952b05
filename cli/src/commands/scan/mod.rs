//! `oi scan`: finds tokens in files, directories and diffs, offline.

mod diff;
mod files;
mod result;
mod sarif;

use std::collections::HashSet;
use std::fmt::Write as _;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use openindex_adapters_http::client::Client;
use openindex_domain::token::{Digest, Secret};
use zeroize::Zeroizing;

use crate::commands::prelude::*;
use crate::commands::report_leak::{CHUNK_BYTES, reported_text, send};
use crate::exit_code::ExitCode;
use crate::resolve::Server;
use crate::scan::{Found, Place, Scanner};

use diff::{Change, Diff, Location};
use files::{Entry, shown};
use result::{Finding, Output, Unreadable};

/// The name of standard input, as an argument and in the output.
const STDIN: &str = "-";

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Needs no server: a token is recognized by its form and its checksum. Everything in a directory is
read, also what Git ignores, except .git directories, binary files, symbolic links and files that
are not regular. A file named on the command line is always read. If standard input is a diff, as
from `git log -p`, the output names its files, lines and commits. No output contains a token, only
its last four characters.

Exits with status 1 if a token was found, or if a file cannot be read; with 0 if there is none.

Examples:
  oi scan .
  git log -p --all | oi scan -
  git diff --cached | oi scan --added -
  oi scan --report build.log
  oi scan --sarif . > openindex.sarif")]
pub(crate) struct Scan {
    /// Files and directories to scan; - reads standard input
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    /// In a diff, find tokens only in the lines that it adds
    #[arg(long)]
    added: bool,
    /// Report the tokens to the server, which revokes the active ones
    #[arg(long)]
    report: bool,
    /// Print the result as SARIF 2.1.0
    #[arg(long, conflicts_with = "json")]
    sarif: bool,
}

/// A scan in progress.
#[derive(Default)]
struct Job {
    output: Output,
    /// The distinct tokens that were found, if they will be reported.
    secrets: Option<Vec<Secret>>,
    seen: HashSet<Digest>,
    /// Whether removed and unchanged lines of a diff are passed over.
    added_only: bool,
}

pub(super) fn run(args: &Scan, app: &mut App<'_>) -> Result<(), CliError> {
    let mut job = Job {
        added_only: args.added,
        ..Job::default()
    };
    let mut reporter = None;
    if args.report {
        let server = app.server()?;
        let client = app.client(&server.api_url, None)?;
        client.check_confidential()?;
        reporter = Some((server, client));
        job.secrets = Some(Vec::new());
    }
    for path in &args.paths {
        if path.as_os_str() == STDIN {
            job.scan_stdin()?;
        } else {
            job.scan_path(path)?;
        }
    }
    let failed = reporter.and_then(|(server, client)| job.report(&server, &client).err());
    let output = &job.output;
    for Unreadable { path, error } in &output.unreadable {
        app.out.warn(&format!("cannot read {path}: {error}"));
    }
    let printed = if args.sarif {
        app.out.document(&sarif::log(output))
    } else {
        app.out
            .print(output, |style| human(output, args.report, style))
    };
    let is_clean = output.findings.is_empty() && output.unreadable.is_empty();
    match (printed, failed) {
        (Err(error @ CliError::Failure(_)), _) => Err(error),
        (_, Some(failure)) => {
            // The findings were printed: do not append an error document.
            app.out.failure_on_stderr(&failure);
            Err(CliError::Reported(failure.exit))
        }
        // Also if the reader closed the pipe after a few lines.
        _ if !is_clean => Err(CliError::Reported(ExitCode::Failure)),
        (printed, None) => printed,
    }
}

impl Job {
    fn scan_path(&mut self, path: &Path) -> Result<(), Failure> {
        for entry in files::walk(path) {
            match entry {
                Entry::File(path) => self.scan_file(&path)?,
                Entry::Skipped(skipped) => self.output.skipped.push(skipped),
                Entry::Unreadable(path, error) => self.unreadable(&path, &error),
            }
        }
        Ok(())
    }

    fn scan_file(&mut self, path: &Path) -> Result<(), Failure> {
        let mut file = match std::fs::File::open(path) {
            Ok(file) => file,
            Err(error) => {
                self.unreadable(path, &error);
                return Ok(());
            }
        };
        let name = shown(path);
        let mut scanner = Scanner::default();
        let mut on_found = |found| {
            self.found(found, |place| Location::of(&name, place));
            Ok(())
        };
        let read = each_chunk(&mut file, |chunk| scanner.feed(chunk, &mut on_found))?;
        scanner.finish(&mut on_found)?;
        match read {
            Ok(()) => self.output.scanned += 1,
            Err(error) => self.unreadable(path, &error),
        }
        Ok(())
    }

    /// Scans standard input, which may be a diff.
    fn scan_stdin(&mut self) -> Result<(), CliError> {
        let (mut scanner, mut diff) = (Scanner::default(), Diff::new(STDIN));
        let read = each_chunk(&mut io::stdin().lock(), |chunk| {
            self.feed_lines(chunk, &mut scanner, &mut diff)
        })?;
        self.finish_lines(&mut scanner, &diff)?;
        read.map_err(|error| Failure::input(&error.into()))?;
        self.output.scanned += 1;
        Ok(())
    }

    /// Scans a chunk line by line, so that the diff knows the line of each token.
    fn feed_lines(
        &mut self,
        chunk: &[u8],
        scanner: &mut Scanner,
        diff: &mut Diff,
    ) -> Result<(), Failure> {
        for piece in chunk.split_inclusive(|byte| *byte == b'\n') {
            diff.feed(piece);
            scanner.feed(piece, &mut |found| {
                self.found(found, |place| diff.locate(place));
                Ok(())
            })?;
            if piece.ends_with(b"\n") {
                diff.end_line();
            }
        }
        Ok(())
    }

    fn finish_lines(&mut self, scanner: &mut Scanner, diff: &Diff) -> Result<(), Failure> {
        scanner.finish(&mut |found| {
            self.found(found, |place| diff.locate(place));
            Ok(())
        })
    }

    fn found(&mut self, found: Found, locate: impl FnOnce(Place) -> Location) {
        let Found::Secret(secret, place) = found else {
            return;
        };
        let Location {
            path,
            place,
            commit,
            change,
        } = locate(place);
        if self.added_only && change.is_some_and(|change| change != Change::Added) {
            return;
        }
        self.output.findings.push(Finding {
            path,
            line: place.line,
            column: place.column,
            kind: secret.kind().as_str(),
            last_four: secret.last_four().to_string(),
            commit,
            change,
        });
        if let Some(secrets) = &mut self.secrets
            && self.seen.insert(secret.digest())
        {
            secrets.push(secret);
        }
    }

    fn unreadable(&mut self, path: &Path, error: &io::Error) {
        self.output.unreadable.push(Unreadable {
            path: shown(path),
            error: crate::error::without_path(error),
        });
    }

    fn report(&mut self, server: &Server, client: &Client) -> Result<(), Failure> {
        let secrets = self.secrets.as_mut();
        let Some(secrets) = secrets else {
            return Ok(());
        };
        while !secrets.is_empty() {
            let sent = send(client, secrets, &mut self.output.reported);
            sent.map_err(|failure| server.explain(failure))?;
        }
        Ok(())
    }
}

/// Reads a stream of any size in chunks that are wiped afterwards.
fn each_chunk(
    input: &mut dyn Read,
    mut on_chunk: impl FnMut(&[u8]) -> Result<(), Failure>,
) -> Result<io::Result<()>, Failure> {
    let mut chunk = Zeroizing::new(vec![0; CHUNK_BYTES]);
    loop {
        match input.read(&mut chunk) {
            Ok(0) => return Ok(Ok(())),
            Ok(length) => on_chunk(&chunk[..length])?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Ok(Err(error)),
        }
    }
}

fn human(output: &Output, is_reported: bool, style: &Style) -> String {
    let mut text = String::new();
    for finding in &output.findings {
        let place = format!(
            "{}:{}:{}",
            plain(&finding.path),
            finding.line,
            finding.column
        );
        let _ = write!(text, "{}: {}", style.bold(&place), finding.what());
        let origin = finding.origin();
        if !origin.is_empty() {
            let _ = write!(text, " ({})", origin.join(", "));
        }
        text.push('\n');
    }
    let files = counted(output.scanned, "file", "files");
    let found = output.findings.len();
    if found == 0 {
        let _ = writeln!(text, "{} No tokens in {files}.", style.done());
    } else {
        let tokens = counted(found, "token", "tokens");
        let _ = writeln!(
            text,
            "{}",
            style.red(&format!("Found {tokens} in {files}."))
        );
    }
    for reason in files::Reason::ALL {
        let skipped = output
            .skipped
            .iter()
            .filter(|it| it.reason == reason)
            .count();
        if skipped > 0 {
            let (one, several) = reason.names();
            let _ = writeln!(text, "Skipped {}.", counted(skipped, one, several));
        }
    }
    if output.reported > 0 {
        let _ = writeln!(text, "{} {}", style.done(), reported_text(output.reported));
    } else if found > 0 && !is_reported {
        text.push_str("To revoke active ones, pass --report, or run: oi report-leak\n");
    }
    text
}

fn counted(count: usize, one: &str, several: &str) -> String {
    let what = if count == 1 { one } else { several };
    format!("{count} {what}")
}

#[cfg(test)]
mod tests;
