use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use openindex_adapters_http::client::{AuditQuery, ExportError, ExportFormat};
use serde::Serialize;

use crate::app::{App, Session};
use crate::error::{CliError, Failure};
use crate::exit_code::ExitCode;
use crate::render::plain;

use super::filter::FilterArgs;

/// What to export, how, and where to.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
JSON is one array of events; CSV has a header. It is written as it arrives, so that the trail may be
of any size. A file is readable by you alone (mode 0600), and is there only when it is complete.

Examples:
  oi settings admin audit export --output audit.json
  oi settings admin audit export --format csv --since 2026-01-01 --output audit.csv
  oi settings admin audit export --last 24h | jq -r '.[].action' | sort | uniq -c")]
pub(crate) struct Args {
    #[command(flatten)]
    filter: FilterArgs,
    /// How it is written
    #[arg(long, default_value = "json", value_parser = ["json", "csv"])]
    format: String,
    /// The file to write; standard output when left out
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Serialize)]
struct Answer {
    format: &'static str,
    path: String,
    bytes: u64,
}

pub(super) fn run(args: &Args, app: &mut App<'_>) -> Result<(), CliError> {
    let format = match args.format.as_str() {
        "csv" => ExportFormat::Csv,
        _ => ExportFormat::Json,
    };
    if args.output.is_none() && app.globals.json && format == ExportFormat::Csv {
        let message = "--json asks for one JSON document; CSV needs --output, or no --json";
        return Err(Failure::usage(message).into());
    }
    let filter = args.filter.without_users(app.now())?;
    let target = args.output.as_deref().map(target).transpose()?;
    let session = app.human_session()?;
    let filter = args.filter.with_users(filter, &session)?;
    let Some(target) = target else {
        return to_stdout(&filter, format, &session, app);
    };
    let bytes = to_file(&filter, format, &target, &session)?;
    let answer = Answer {
        format: format.as_str(),
        path: target.display().to_string(),
        bytes,
    };
    app.out.answer(&answer, |style| {
        let path = style.bold(&plain(&answer.path));
        format!("{} Wrote {bytes} bytes to {path}\n", style.done())
    })
}

fn to_stdout(
    filter: &AuditQuery,
    format: ExportFormat,
    session: &Session,
    app: &mut App<'_>,
) -> Result<(), CliError> {
    let mut stream = app.out.stream();
    let outcome = export(filter, format, session, &mut stream);
    let flushed = stream.flush();
    let began = stream.began();
    match outcome {
        Ok(_) => Ok(flushed?),
        Err(Unfinished::Sink(error)) => Err(error.into()),
        // What is there is not complete, and an error document behind it would be taken for a
        // part of it.
        Err(Unfinished::Failure(failure)) if began => {
            let mut failure = failure;
            failure.message = format!("the export is not complete: {}", failure.message);
            app.out.failure_in_words(&failure);
            Err(CliError::Reported(failure.exit))
        }
        Err(Unfinished::Failure(failure)) => Err(failure.into()),
    }
}

fn to_file(
    filter: &AuditQuery,
    format: ExportFormat,
    target: &Path,
    session: &Session,
) -> Result<u64, Failure> {
    let unwritable = |error: &io::Error| {
        let message = format!("cannot write {}: {error}", target.display());
        Failure::new(ExitCode::Failure, "output_failed", message)
    };
    let directory = match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    // Its mode is 0600 from the start, and on a failure it goes.
    let mut file = tempfile::Builder::new()
        .prefix(".oi-export-")
        .tempfile_in(directory)
        .map_err(|error| unwritable(&error))?;
    let bytes = match export(filter, format, session, file.as_file_mut()) {
        Ok(bytes) => bytes,
        Err(Unfinished::Sink(error)) => return Err(unwritable(&error)),
        Err(Unfinished::Failure(failure)) => return Err(failure),
    };
    file.as_file()
        .sync_all()
        .map_err(|error| unwritable(&error))?;
    file.persist(target)
        .map_err(|error| unwritable(&error.error))?;
    Ok(bytes)
}

/// Why an export is not complete.
enum Unfinished {
    Failure(Failure),
    Sink(io::Error),
}

fn export(
    filter: &AuditQuery,
    format: ExportFormat,
    session: &Session,
    sink: &mut dyn io::Write,
) -> Result<u64, Unfinished> {
    let mut written = None;
    let bytes = session.call(|client| match client.audit_export(filter, format, sink) {
        Ok(bytes) => Ok(bytes),
        Err(ExportError::Client(error)) => Err(error),
        Err(ExportError::Sink(error)) => {
            written = Some(error);
            Ok(0)
        }
    });
    match written {
        Some(error) => Err(Unfinished::Sink(error)),
        None => bytes.map_err(Unfinished::Failure),
    }
}

/// The file to replace. What a link leads to is replaced and not the link; a device or a
/// directory is refused, since renaming over it would destroy it.
fn target(path: &Path) -> Result<PathBuf, Failure> {
    let refused = |what: String| Failure::usage(format!("--output {}: {what}", path.display()));
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => {
            fs::canonicalize(path).map_err(|error| refused(error.to_string()))
        }
        Ok(_) => Err(refused(
            "not a file; without --output it goes to standard output".to_owned(),
        )),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(path.to_owned()),
        Err(error) => Err(refused(error.to_string())),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn only_a_file_is_replaced_and_a_link_is_kept() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("audit.json");
        assert_eq!(target(&file).unwrap(), file);
        fs::write(&file, "old").unwrap();
        let link = home.path().join("link");
        std::os::unix::fs::symlink("audit.json", &link).unwrap();
        assert_eq!(target(&link).unwrap(), fs::canonicalize(&file).unwrap());
        for path in [Path::new("/dev/null"), home.path()] {
            assert_eq!(target(path).unwrap_err().exit, ExitCode::Usage);
        }
    }
}
