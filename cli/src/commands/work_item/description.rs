//! A description as an argument, or from a file.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use openindex_domain::work_item::Description;

use crate::error::Failure;

/// The maximum number of bytes to read: one more than any valid description has.
const MAX_BYTES: u64 = Description::MAX_BYTES as u64 + 1;

#[derive(Debug, Default, clap::Args)]
#[group(multiple = false)]
pub(super) struct DescriptionArgs {
    /// Description in Markdown; - reads it from standard input
    #[arg(long, value_name = "TEXT|-", allow_hyphen_values = true)]
    description: Option<String>,
    /// File with the description; - reads standard input
    #[arg(long, value_name = "FILE|-")]
    description_file: Option<PathBuf>,
}

impl DescriptionArgs {
    /// Returns the description; `None` if none was passed.
    pub(super) fn read(&self) -> Result<Option<Description>, Failure> {
        let (text, source) = match (&self.description, &self.description_file) {
            (Some(text), _) if text != "-" => (text.clone(), "--description".to_owned()),
            (Some(_), _) | (None, Some(_)) => {
                let path = self.description_file.as_deref().unwrap_or(Path::new("-"));
                let source = shown(path);
                let text = read(path).map_err(|error| {
                    let message = format!("cannot read {source}: {error}");
                    Failure::of("description_unreadable", message)
                })?;
                (text, source)
            }
            (None, None) => return Ok(None),
        };
        Description::parse(&text)
            .map(Some)
            .map_err(|error| Failure::usage(format!("{source} {error}")))
    }
}

fn shown(path: &Path) -> String {
    if path == Path::new("-") {
        "standard input".to_owned()
    } else {
        path.display().to_string()
    }
}

fn read(path: &Path) -> io::Result<String> {
    if path == Path::new("-") {
        read_bounded(&mut io::stdin().lock())
    } else {
        read_bounded(&mut File::open(path)?)
    }
}

fn read_bounded(input: &mut dyn Read) -> io::Result<String> {
    let mut bytes = Vec::new();
    input.take(MAX_BYTES).read_to_end(&mut bytes)?;
    // The input is too long; a character that was cut off does not matter.
    if bytes.len() as u64 == MAX_BYTES {
        return Ok(String::from_utf8_lossy(&bytes).into_owned());
    }
    String::from_utf8(bytes)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "not UTF-8 text"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit_code::ExitCode;

    fn file(content: &[u8]) -> Result<Option<Description>, Failure> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("description.md");
        std::fs::write(&path, content).unwrap();
        DescriptionArgs {
            description: None,
            description_file: Some(path),
        }
        .read()
    }

    #[test]
    fn a_file_is_read_unchanged() {
        let text = "# Why\r\n\n\t- é\n";
        assert_eq!(
            file(text.as_bytes())
                .unwrap()
                .as_ref()
                .map(Description::as_str),
            Some(text)
        );
        let longest = "é".repeat(16_000);
        assert_eq!(
            file(longest.as_bytes()).unwrap(),
            Description::parse(&longest).ok()
        );
        assert_eq!(DescriptionArgs::default().read().unwrap(), None);
    }

    #[test]
    fn an_invalid_description_is_an_error() {
        for (content, exit, message) in [
            (vec![b'x'; 32_001], ExitCode::Usage, "longer than 32000"),
            ("🙂".repeat(30_000).into_bytes(), ExitCode::Usage, "longer"),
            (b"\x1b[2J".to_vec(), ExitCode::Usage, "control characters"),
            (vec![0xff], ExitCode::Failure, "not UTF-8"),
        ] {
            let failure = file(&content).unwrap_err();
            assert_eq!(failure.exit, exit);
            assert!(failure.message.contains(message), "{}", failure.message);
        }
    }
}
