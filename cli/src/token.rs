//! Parses tokens as users paste them, with whitespace, invisible characters or text around them.

use std::ffi::OsString;
use std::fmt;

use openindex_domain::token::{MalformedSecret, Secret, TokenKind};
use zeroize::Zeroizing;

use crate::error::Failure;
use crate::render::visible;
use crate::scan::{Found, Scanner};

pub(crate) const QUOTES: &str = "\"'`“”„‘’‚«»‹›<>";

/// Why a text is not a token. The error does not repeat the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum InvalidToken {
    Empty,
    /// There is text around the token; the value names the parts to remove.
    Surrounded(Vec<&'static str>),
    Several,
    /// The abbreviated form that `oi` prints or documentation uses.
    Abbreviated,
    /// The token's ID instead of its secret.
    Id,
    Malformed(MalformedSecret),
}

impl fmt::Display for InvalidToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the input is empty"),
            Self::Surrounded(parts) => {
                write!(f, "remove {}; pass only the token", parts.join(" and "))
            }
            Self::Several => f.write_str("more than one token; pass one"),
            Self::Abbreviated => f.write_str("the token is incomplete; pass all 55 characters"),
            Self::Id => f.write_str(
                "this is a token ID (pat_… or run_…); pass the token, which starts with oi_pat_ or \
                 oi_run_",
            ),
            Self::Malformed(error) => error.fmt(f),
        }
    }
}

/// Returns `text` without whitespace and invisible characters, including those in the middle, where
/// a line was wrapped.
pub(crate) fn compact(text: &str) -> Zeroizing<String> {
    let mut compact = Zeroizing::new(String::with_capacity(text.len()));
    compact.extend(visible(text).filter(|c| !c.is_whitespace()));
    compact
}

/// Parses a token after removing whitespace and invisible characters.
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
        return InvalidToken::Abbreviated;
    }
    let end = rest
        .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .unwrap_or(rest.len());
    let parts = around(before, &rest[end..]);
    if !parts.is_empty() {
        return InvalidToken::Surrounded(parts);
    }
    if Secret::digest_of(&rest[..end]).is_ok() {
        return InvalidToken::Surrounded(vec!["the text around it"]);
    }
    InvalidToken::Malformed(error)
}

/// Returns which recognized parts are around a token.
fn around(before: &str, after: &str) -> Vec<&'static str> {
    let before = before.to_ascii_lowercase();
    let header = before.contains("authorization");
    let has_quotes = |text: &str| text.contains(|c| QUOTES.contains(c));
    let parts = [
        (header, "the header name"),
        (before.contains("bearer"), "the word Bearer"),
        (
            before.contains('=') || (before.contains(':') && !header),
            "the name before it",
        ),
        (has_quotes(&before) || has_quotes(after), "the quotes"),
    ];
    let found = parts.into_iter().filter(|(is_there, _)| *is_there);
    found.map(|(_, part)| part).collect()
}

/// Fails when an argument other than the value of `--token` contains a token: it would be
/// displayed, sent and logged as a name.
pub(crate) fn reject_misplaced(
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<(), Failure> {
    let mut is_token = false;
    for argument in arguments {
        let belongs = is_token || argument.to_string_lossy().starts_with("--token=");
        is_token = argument == "--token";
        if !belongs && contains_token(&argument.to_string_lossy()) {
            return Err(Failure::usage("unexpected token on the command line").hint(
                "set OPENINDEX_TOKEN, or save the token with oi profile set --token -; arguments \
                     are visible to other users and saved in shell history",
            ));
        }
    }
    Ok(())
}

fn contains_token(argument: &str) -> bool {
    let alone = !argument.trim().contains(char::is_whitespace);
    let mut found = false;
    let mut on_found = |what: Found| {
        // Prose may mention tokens; a single word that starts like one is meant as one.
        found |= alone || matches!(what, Found::Secret(..));
        Ok(())
    };
    let mut scanner = Scanner::default();
    let read = scanner
        .feed(argument.as_bytes(), &mut on_found)
        .and_then(|()| scanner.finish(&mut on_found));
    read.is_err() || found
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "oi_pat_jZHvxRBv86PcflRJxLvgWo9a_8nw9xGsKx80URWSUagWwm0h";

    #[test]
    fn whitespace_and_invisible_characters_are_ignored() {
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
                "remove the quotes; pass only the token",
            ),
            (
                format!("'{TOKEN}"),
                "remove the quotes; pass only the token",
            ),
            (
                format!("“{TOKEN}”"),
                "remove the quotes; pass only the token",
            ),
            (
                format!("Bearer {TOKEN}"),
                "remove the word Bearer; pass only the token",
            ),
            (
                format!("bEARER\t{TOKEN}"),
                "remove the word Bearer; pass only the token",
            ),
            (
                format!("Authorization: Bearer {TOKEN}"),
                "remove the header name and the word Bearer; pass only the token",
            ),
            (
                format!("OPENINDEX_TOKEN={TOKEN}"),
                "remove the name before it; pass only the token",
            ),
            (
                format!("export OPENINDEX_TOKEN='{TOKEN}'"),
                "remove the name before it and the quotes; pass only the token",
            ),
            (
                format!("$env:OPENINDEX_TOKEN = \"{TOKEN}\""),
                "remove the name before it and the quotes; pass only the token",
            ),
            (
                format!("{TOKEN},"),
                "remove the text around it; pass only the token",
            ),
            (
                format!("token {TOKEN}"),
                "remove the text around it; pass only the token",
            ),
        ] {
            assert_eq!(parse(&text).unwrap_err().to_string(), expected, "{text}");
        }
    }

    #[test]
    fn an_invalid_token_is_described() {
        use MalformedSecret::{Alphabet, Checksum, Length, Prefix};
        use openindex_domain::token::SecretPrefixes;
        for (text, error) in [
            (" \n\u{feff}".to_owned(), InvalidToken::Empty),
            (format!("{TOKEN}\n{TOKEN}"), InvalidToken::Several),
            ("oi_pat_…wm0h".to_owned(), InvalidToken::Abbreviated),
            ("oi_pat_...".to_owned(), InvalidToken::Abbreviated),
            (
                "pat_0199f3a1c6d07c35b2f0e8a4d1c7b9e2".to_owned(),
                InvalidToken::Id,
            ),
            (
                "hunter2".to_owned(),
                InvalidToken::Malformed(Prefix(SecretPrefixes::DEFAULT)),
            ),
            (TOKEN[..54].to_owned(), InvalidToken::Malformed(Length(55))),
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
    fn a_token_is_only_accepted_as_the_value_of_its_flag() {
        let rejected =
            |arguments: &[&str]| reject_misplaced(arguments.iter().map(OsString::from)).is_err();
        let assignment = format!("--token={TOKEN}");
        assert!(!rejected(&["profile", "set", "--token", TOKEN]));
        assert!(!rejected(&["profile", "set", &assignment]));
        assert!(!rejected(&[
            "work-item",
            "create",
            "accept oi_pat_xxxxxxxxxxxx in headers"
        ]));
        let url = format!("https://{TOKEN}@x.example");
        let text = format!("use {TOKEN} for it");
        for argument in [TOKEN, &TOKEN[..30], &url, &text, &format!("--name={TOKEN}")] {
            assert!(rejected(&["me", argument]), "{argument}");
            assert!(
                rejected(&["profile", "set", "--token", TOKEN, argument]),
                "{argument}"
            );
        }
    }
}
