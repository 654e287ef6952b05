//! A token as people have it: with the white space, marks and words around it that copying adds.

use std::ffi::OsString;
use std::fmt;

use openindex_domain::token::{MalformedSecret, Secret, TokenKind};
use zeroize::Zeroizing;

use crate::commands::report_leak::scan::{Found, Scanner};
use crate::error::Failure;
use crate::render::visible;

pub(crate) const QUOTES: &str = "\"'`“”„‘’‚«»‹›<>";

/// Why a text is not a token. It does not repeat the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum InvalidToken {
    Empty,
    /// What to remove around it.
    Surrounded(Vec<&'static str>),
    Several,
    /// As `oi` shows it, or as documentation writes it.
    Shortened,
    /// The id, which is no secret.
    Id,
    Malformed(MalformedSecret),
}

impl fmt::Display for InvalidToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("it is empty"),
            Self::Surrounded(parts) => {
                write!(f, "remove {}; pass the token alone", parts.join(" and "))
            }
            Self::Several => f.write_str("there is more than one token; pass one"),
            Self::Shortened => f.write_str("it is shortened; pass the whole token of 55 characters"),
            Self::Id => f.write_str(
                "it is a token's id (pat_…, run_…); pass the token, which begins with oi_pat_ or oi_run_",
            ),
            Self::Malformed(error) => error.fmt(f),
        }
    }
}

/// Returns `text` without white space and invisible characters: at its ends, and in the middle
/// where a line was wrapped.
pub(crate) fn compact(text: &str) -> Zeroizing<String> {
    let mut compact = Zeroizing::new(String::with_capacity(text.len()));
    compact.extend(visible(text).filter(|c| !c.is_whitespace()));
    compact
}

/// Reads a token as people have it. The checksum tells whether what is left is one.
pub(crate) fn parse(text: &str) -> Result<Secret, InvalidToken> {
    let compact = compact(text);
    Secret::parse(&compact).map_err(|error| reason(&compact, error))
}

fn reason(text: &str, error: MalformedSecret) -> InvalidToken {
    if text.is_empty() {
        return InvalidToken::Empty;
    }
    if text.starts_with("pat_") || text.starts_with("run_") {
        return InvalidToken::Id;
    }
    let prefixes = TokenKind::ALL.map(TokenKind::secret_prefix);
    let Some(start) = prefixes.iter().filter_map(|prefix| text.find(prefix)).min() else {
        return InvalidToken::Malformed(error);
    };
    let (before, rest) = text.split_at(start);
    let body = &rest[prefixes[0].len()..];
    if prefixes.iter().any(|prefix| body.contains(prefix)) {
        return InvalidToken::Several;
    }
    if ["…", "...", "***"]
        .iter()
        .any(|mark| body.starts_with(mark))
    {
        return InvalidToken::Shortened;
    }
    let end = rest
        .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .unwrap_or(rest.len());
    let parts = around(before, &rest[end..]);
    if !parts.is_empty() {
        return InvalidToken::Surrounded(parts);
    }
    if Secret::digest_of(&rest[..end]).is_ok() {
        return InvalidToken::Surrounded(vec!["what is around it"]);
    }
    InvalidToken::Malformed(error)
}

/// Which known things are around a token.
fn around(before: &str, after: &str) -> Vec<&'static str> {
    let before = before.to_ascii_lowercase();
    let header = before.contains("authorization");
    let mut parts = Vec::new();
    if header {
        parts.push("the name of the header");
    }
    if before.contains("bearer") {
        parts.push("the word Bearer");
    }
    if before.contains('=') || (before.contains(':') && !header) {
        parts.push("the name before it");
    }
    if before
        .chars()
        .chain(after.chars())
        .any(|c| QUOTES.contains(c))
    {
        parts.push("the quotes");
    }
    parts
}

/// Fails when an argument other than `--token`'s holds a token: it would be taken for a name, and
/// be shown, sent and logged as one.
pub(crate) fn refuse_misplaced(
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<(), Failure> {
    let mut is_token = false;
    for argument in arguments {
        let belongs = is_token || argument.to_string_lossy().starts_with("--token=");
        is_token = argument == "--token";
        if !belongs && holds_token(&argument.to_string_lossy()) {
            return Err(
                Failure::usage("a token was passed where none belongs").hint(
                    "give a token with OPENINDEX_TOKEN, or store it with oi profile set --token -; \
                     others on this machine can see arguments, and the shell's history keeps them",
                ),
            );
        }
    }
    Ok(())
}

fn holds_token(argument: &str) -> bool {
    let alone = !argument.trim().contains(char::is_whitespace);
    let mut found = false;
    let mut take = |what: Found| {
        // Text may speak of tokens; what begins like one and is an argument alone is meant as one.
        found |= alone || matches!(what, Found::Secret(_));
        Ok(())
    };
    let mut scanner = Scanner::default();
    let read = scanner
        .feed(argument.as_bytes(), &mut take)
        .and_then(|()| scanner.finish(&mut take));
    read.is_err() || found
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "oi_pat_jZHvxRBv86PcflRJxLvgWo9a_8nw9xGsKx80URWSUagWwm0h";

    #[test]
    fn white_space_and_marks_are_no_part_of_a_token() {
        let (first, second) = TOKEN.split_at(30);
        for text in [
            format!("{TOKEN}\n\n"),
            format!("\r\n{TOKEN}\r\n"),
            format!(" \t{TOKEN}\t "),
            format!("\u{feff}{TOKEN}"),
            format!("\u{a0}{TOKEN}\u{200b}"),
            format!("{first}\n{second}\n"),
            format!("{first}\r\n    {second}"),
            format!("{first}\u{ad}{second}\u{0}"),
        ] {
            assert_eq!(parse(&text).unwrap().expose(), TOKEN, "{text:?}");
        }
    }

    #[test]
    fn words_and_quotes_around_a_token_are_named() {
        for (text, expected) in [
            (
                format!("\"{TOKEN}\""),
                "remove the quotes; pass the token alone",
            ),
            (
                format!("'{TOKEN}"),
                "remove the quotes; pass the token alone",
            ),
            (
                format!("“{TOKEN}”"),
                "remove the quotes; pass the token alone",
            ),
            (
                format!("Bearer {TOKEN}"),
                "remove the word Bearer; pass the token alone",
            ),
            (
                format!("bEARER\t{TOKEN}"),
                "remove the word Bearer; pass the token alone",
            ),
            (
                format!("Authorization: Bearer {TOKEN}"),
                "remove the name of the header and the word Bearer; pass the token alone",
            ),
            (
                format!("OPENINDEX_TOKEN={TOKEN}"),
                "remove the name before it; pass the token alone",
            ),
            (
                format!("export OPENINDEX_TOKEN='{TOKEN}'"),
                "remove the name before it and the quotes; pass the token alone",
            ),
            (
                format!("$env:OPENINDEX_TOKEN = \"{TOKEN}\""),
                "remove the name before it and the quotes; pass the token alone",
            ),
            (
                format!("{TOKEN},"),
                "remove what is around it; pass the token alone",
            ),
            (
                format!("token {TOKEN}"),
                "remove what is around it; pass the token alone",
            ),
        ] {
            assert_eq!(parse(&text).unwrap_err().to_string(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_token_is_told_by_what_it_is() {
        use MalformedSecret::{Alphabet, Checksum, Length, Prefix};
        for (text, error) in [
            (" \n\u{feff}".to_owned(), InvalidToken::Empty),
            (format!("{TOKEN}\n{TOKEN}"), InvalidToken::Several),
            ("oi_pat_…wm0h".to_owned(), InvalidToken::Shortened),
            ("oi_pat_...".to_owned(), InvalidToken::Shortened),
            (
                "pat_0199f3a1c6d07c35b2f0e8a4d1c7b9e2".to_owned(),
                InvalidToken::Id,
            ),
            ("hunter2".to_owned(), InvalidToken::Malformed(Prefix)),
            (TOKEN[..54].to_owned(), InvalidToken::Malformed(Length)),
            (
                format!("{}~", &TOKEN[..54]),
                InvalidToken::Malformed(Alphabet),
            ),
            (TOKEN.replace("jZ", "jz"), InvalidToken::Malformed(Checksum)),
        ] {
            assert_eq!(parse(&text).unwrap_err(), error, "{text:?}");
        }
    }

    #[test]
    fn a_token_is_an_argument_of_its_flag_alone() {
        let refused =
            |arguments: &[&str]| refuse_misplaced(arguments.iter().map(OsString::from)).is_err();
        let assignment = format!("--token={TOKEN}");
        assert!(!refused(&["profile", "set", "--token", TOKEN]));
        assert!(!refused(&["profile", "set", &assignment]));
        assert!(!refused(&[
            "work-item",
            "create",
            "accept oi_pat_xxxxxxxxxxxx in headers"
        ]));
        let url = format!("https://{TOKEN}@x.example");
        let text = format!("use {TOKEN} for it");
        for argument in [TOKEN, &TOKEN[..30], &url, &text, &format!("--name={TOKEN}")] {
            assert!(refused(&["me", argument]), "{argument}");
            assert!(
                refused(&["profile", "set", "--token", TOKEN, argument]),
                "{argument}"
            );
        }
    }
}
