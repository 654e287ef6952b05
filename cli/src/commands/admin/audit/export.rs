use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use openindex_adapters_http::client::{AuditQuery, ExportError, ExportFormat};
use serde::Serialize;

use crate::commands::prelude::*;
use crate::config::directory_of;
use crate::error::without_path;

use super::filter::FilterArgs;

const FORMATS: [ExportFormat; 2] = [ExportFormat::Json, ExportFormat::Csv];

#[derive(Debug, clap::Args)]
#[command(after_help = "\
JSON is one array of events; CSV has a header row. The export is streamed, so the audit log can be
of any size. A file is readable only by you (mode 0600), and appears only when it is complete.

If the export is interrupted, for example because the token is revoked, oi prints the reason and
exits with a non-zero status. On standard output, incomplete JSON lacks the final ], and incomplete
CSV ends with the row #incomplete.

Examples:
  oi settings admin audit export --output audit.json
  oi settings admin audit export --format csv --since 2026-01-01 --output audit.csv
  oi settings admin audit export --last 24h | jq -r '.[].action' | sort | uniq -c")]
pub(crate) struct Export {
    #[command(flatten)]
    filter: FilterArgs,
    /// Output format
    #[arg(long, default_value = "json", value_parser = one_of(FORMATS, ExportFormat::as_str))]
    format: ExportFormat,
    /// File to write; standard output if - or omitted
    #[arg(short, long, value_name = "FILE|-")]
    output: Option<PathBuf>,
}

#[derive(Serialize)]
struct ExportOutput {
    format: &'static str,
    path: String,
    bytes: u64,
}

pub(super) fn run(args: &Export, app: &mut App<'_>) -> Result<(), CliError> {
    let format = args.format;
    let output = args
        .output
        .as_deref()
        .filter(|path| *path != Path::new("-"));
    if output.is_none() && app.globals.json && format == ExportFormat::Csv {
        let message = "--json prints one JSON document; for CSV, add --output FILE or omit --json";
        return Err(Failure::usage(message).into());
    }
    let filter = args.filter.without_users(app.now())?;
    let target = output.map(target).transpose()?;
    let session = &app.human_session()?;
    let filter = args.filter.with_users(filter, session)?;
    let job = Job {
        filter,
        format,
        session,
    };
    let Some(target) = target else {
        return job.to_stdout(app);
    };
    let (path, bytes) = match &target {
        Target::File(path) => (path, job.to_file(path)?),
        Target::Device(path) => (path, job.to_device(path)?),
    };
    let exported = ExportOutput {
        format: format.as_str(),
        path: path.display().to_string(),
        bytes,
    };
    app.out.print(&exported, |style| {
        let wrote = format!("Wrote {bytes} bytes to");
        done(&wrote, &plain(&exported.path), &[], style)
    })
}

/// What to export.
struct Job<'a> {
    filter: AuditQuery,
    format: ExportFormat,
    session: &'a Session,
}

impl Job<'_> {
    fn to_stdout(&self, app: &mut App<'_>) -> Result<(), CliError> {
        let mut stream = app.out.stream();
        let outcome = self.export(&mut stream);
        let flushed = stream.flush();
        let began = stream.began();
        match outcome {
            Ok(_) => Ok(flushed?),
            Err(Unfinished::Sink(error)) => Err(error.into()),
            // The output is incomplete; an error document would be mistaken for a part of it.
            Err(Unfinished::Failure(failure)) if began => {
                app.out.failure_on_stderr(&failure);
                Err(CliError::Reported(failure.exit))
            }
            Err(Unfinished::Failure(failure)) => Err(failure.into()),
        }
    }

    fn to_file(&self, target: &Path) -> Result<u64, Failure> {
        let unwritable = |error: io::Error| unwritable(target, &error);
        // A temporary file has mode 0600 from the start, and is deleted on failure.
        let mut file = tempfile::Builder::new()
            .prefix(".oi-export-")
            .tempfile_in(directory_of(target))
            .map_err(unwritable)?;
        let bytes = self.export_to(target, file.as_file_mut())?;
        file.as_file().sync_all().map_err(unwritable)?;
        file.persist(target)
            .map_err(|error| unwritable(error.error))?;
        Ok(bytes)
    }

    /// Writes directly to a device or a pipe.
    fn to_device(&self, target: &Path) -> Result<u64, Failure> {
        let device = fs::OpenOptions::new().write(true).open(target);
        let mut device = device.map_err(|error| unwritable(target, &error))?;
        self.export_to(target, &mut device)
    }

    fn export_to(&self, target: &Path, sink: &mut dyn io::Write) -> Result<u64, Failure> {
        self.export(sink).map_err(|unfinished| match unfinished {
            Unfinished::Sink(error) => unwritable(target, &error),
            Unfinished::Failure(failure) => failure,
        })
    }

    fn export(&self, sink: &mut dyn io::Write) -> Result<u64, Unfinished> {
        let (mut sink_error, mut interrupted) = (None, false);
        let bytes = self.session.call(|client| {
            match client.audit_export(&self.filter, self.format, sink) {
                Ok(bytes) => Ok(bytes),
                Err(ExportError::Client(error)) => Err(error),
                Err(ExportError::Incomplete(error)) => {
                    interrupted = true;
                    Err(error)
                }
                Err(ExportError::Sink(error)) => {
                    sink_error = Some(error);
                    Ok(0)
                }
            }
        });
        if let Some(error) = sink_error {
            return Err(Unfinished::Sink(error));
        }
        bytes.map_err(|mut failure| {
            if interrupted {
                failure.message = format!("the export is incomplete: {}", failure.message);
            }
            Unfinished::Failure(failure)
        })
    }
}

fn unwritable(target: &Path, error: &io::Error) -> Failure {
    let message = format!("cannot write {}: {}", target.display(), without_path(error));
    Failure::of("output_failed", message)
}

/// Why an export is incomplete.
enum Unfinished {
    Failure(Failure),
    Sink(io::Error),
}

/// Where an export goes.
#[derive(Debug, PartialEq, Eq)]
enum Target {
    /// A file, which is replaced when the export is complete.
    File(PathBuf),
    /// A device or a pipe such as `>(gzip)`, which replacing would destroy.
    Device(PathBuf),
}

/// Resolves the path: a link's target is replaced, and not the link.
fn target(path: &Path) -> Result<Target, Failure> {
    let invalid = |reason: String| Failure::usage(format!("--output {}: {reason}", path.display()));
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => {
            let path = fs::canonicalize(path).map_err(|error| invalid(error.to_string()))?;
            Ok(Target::File(path))
        }
        Ok(metadata) if metadata.is_dir() => {
            Err(invalid("is a directory; pass a file in it".to_owned()))
        }
        Ok(_) => Ok(Target::Device(path.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Target::File(path.to_owned())),
        Err(error) => Err(invalid(error.to_string())),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::exit_code::ExitCode;

    #[test]
    fn only_files_are_replaced_and_links_are_preserved() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("audit.json");
        assert_eq!(target(&file).unwrap(), Target::File(file.clone()));
        fs::write(&file, "old").unwrap();
        let link = home.path().join("link");
        std::os::unix::fs::symlink("audit.json", &link).unwrap();
        let resolved = fs::canonicalize(&file).unwrap();
        assert_eq!(target(&link).unwrap(), Target::File(resolved));
        let null = Path::new("/dev/null");
        assert_eq!(target(null).unwrap(), Target::Device(null.to_owned()));
        assert_eq!(target(home.path()).unwrap_err().exit, ExitCode::Usage);
    }
}
