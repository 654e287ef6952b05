//! A description as an argument, or out of a file.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use openindex_domain::work_item::Description;

use crate::error::Failure;
use crate::exit_code::ExitCode;

/// More than any description has bytes: a file that goes on is not read to its end.
const MAX_BYTES: u64 = Description::MAX_BYTES as u64 + 1;

/// What is to be done.
#[derive(Debug, Default, clap::Args)]
#[group(multiple = false)]
pub(super) struct DescriptionArgs {
    /// What is to be done, in Markdown; - is standard input
    #[arg(long, value_name = "TEXT|-", allow_hyphen_values = true)]
    description: Option<String>,
    /// The same out of a file; - is standard input
    #[arg(long, value_name = "FILE|-")]
    description_file: Option<PathBuf>,
}

impl DescriptionArgs {
    /// It, where it was given, as it was given.
    pub(super) fn wanted(&self) -> Result<Option<Description>, Failure> {
        let (text, source) = match (&self.description, &self.description_file) {
            (Some(text), _) if text != "-" => (text.clone(), "--description".to_owned()),
            (Some(_), _) | (None, Some(_)) => {
                let path = self.description_file.as_deref().unwrap_or(Path::new("-"));
                let source = shown(path);
                let text = read(path).map_err(|error| {
                    let message = format!("cannot read {source}: {error}");
                    Failure::new(ExitCode::Failure, "description_unreadable", message)
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
    // What was cut off in the middle of a character is too long anyhow, and is told so.
    if bytes.len() as u64 == MAX_BYTES {
        return Ok(String::from_utf8_lossy(&bytes).into_owned());
    }
    String::from_utf8(bytes)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8 text"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(content: &[u8]) -> Result<Option<Description>, Failure> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("description.md");
        std::fs::write(&path, content).unwrap();
        DescriptionArgs {
            description: None,
            description_file: Some(path),
        }
        .wanted()
    }

    #[test]
    fn a_file_is_taken_as_it_is() {
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
        assert_eq!(DescriptionArgs::default().wanted().unwrap(), None);
    }

    #[test]
    fn what_can_be_no_description_is_told() {
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
