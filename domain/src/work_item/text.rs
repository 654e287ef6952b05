use std::fmt;
use std::sync::Arc;

use crate::token::{CONTAINS_SECRET, Secret};

pub(super) use crate::text::fold;
use crate::text::{self, InvalidLine};

/// What an item is about, in one line: 1 to 200 characters after trimming, no control characters.
/// Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Title(Arc<str>);

/// The text cannot be a title.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTitle {
    /// Nothing, or only white space.
    #[error("must not be blank")]
    Blank,
    /// More than 200 characters.
    #[error("must not be longer than {} characters", Title::MAX_CHARS)]
    TooLong,
    /// A line break, an escape, or another control character.
    #[error("must not contain control characters")]
    Control,
    /// A token's secret, which everyone who reads the text could use.
    #[error("{}", CONTAINS_SECRET)]
    Secret,
    /// A character that cannot be seen where nothing around it needs it, or that is unassigned or for
    /// private use.
    #[error("{}", text::unseen(*.0))]
    Unseen(u32),
}

impl Title {
    /// The most characters (Unicode scalar values) it may have.
    pub const MAX_CHARS: usize = 200;

    /// Trims and checks a title.
    ///
    /// # Errors
    ///
    /// [`InvalidTitle`] says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, InvalidTitle> {
        let line = text::line(text, Self::MAX_CHARS).map_err(|error| match error {
            InvalidLine::Blank => InvalidTitle::Blank,
            InvalidLine::TooLong => InvalidTitle::TooLong,
            InvalidLine::Control => InvalidTitle::Control,
            InvalidLine::Unseen(c) => InvalidTitle::Unseen(c),
            InvalidLine::Secret => InvalidTitle::Secret,
        })?;
        Ok(Self(line.into()))
    }

    /// Takes what is stored. The rule of `parse` is for input: a rule that is stricter today damages
    /// nothing that was written under an earlier one.
    #[must_use]
    pub fn from_stored(text: &str) -> Self {
        Self(text.into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Title {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is to be done, in Markdown: at most 32 000 bytes in UTF-8, of which no control characters but
/// tabs and line breaks, and nothing that cannot be seen where nothing around it needs it. It may be
/// empty. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Description(Arc<str>);

/// The text cannot be a description.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDescription {
    /// More than 32 000 bytes.
    #[error("must not be longer than {} bytes in UTF-8", Description::MAX_BYTES)]
    TooLong,
    /// An escape, a zero, or another control character.
    #[error("must not contain control characters but tabs and line breaks")]
    Control,
    /// A token's secret, which everyone who reads the text could use.
    #[error("{}", CONTAINS_SECRET)]
    Secret,
    /// A control of the direction of writing, or another character that cannot be seen, where nothing
    /// around it needs it: a person and an agent would read two different orders.
    #[error("{}", text::unseen(*.0))]
    Unseen(u32),
}

impl Description {
    /// The most bytes in UTF-8 it may have. As JSON, in which a quotation mark takes two, it fits
    /// into a request of 64 KiB.
    pub const MAX_BYTES: usize = 32_000;

    /// Checks a description; it is kept as it is.
    ///
    /// # Errors
    ///
    /// [`InvalidDescription`] says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, InvalidDescription> {
        if Secret::is_in(text) {
            return Err(InvalidDescription::Secret);
        }
        let forbidden = |c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r');
        if text.chars().any(forbidden) {
            return Err(InvalidDescription::Control);
        }
        if text.len() > Self::MAX_BYTES {
            return Err(InvalidDescription::TooLong);
        }
        if let Some(c) = text::hidden(text) {
            return Err(InvalidDescription::Unseen(c.into()));
        }
        Ok(Self(text.into()))
    }

    /// Takes what is stored. The rule of `parse` is for input: a rule that is stricter today damages
    /// nothing that was written under an earlier one.
    #[must_use]
    pub fn from_stored(text: &str) -> Self {
        Self(text.into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Description {
    fn default() -> Self {
        Self("".into())
    }
}

/// What is looked for in titles, descriptions and keys: words, all of which must occur somewhere,
/// in whatever case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SearchTerms(Vec<String>);

/// The text is too much to look for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "must have at most {} words and {} characters, no control characters",
    SearchTerms::MAX_TERMS,
    SearchTerms::MAX_CHARS
)]
pub struct InvalidSearch;

impl SearchTerms {
    /// The most words.
    pub const MAX_TERMS: usize = 8;
    /// The most characters of all of them together.
    pub const MAX_CHARS: usize = 200;

    /// Splits a search at its white space; without a word it wants everything.
    ///
    /// # Errors
    ///
    /// [`InvalidSearch`].
    pub fn parse(text: &str) -> Result<Self, InvalidSearch> {
        let terms: Vec<String> = text.split_whitespace().map(fold).collect();
        // No control character is in a word that could be found.
        let forbidden = terms.iter().any(|term| term.contains(char::is_control));
        if text.chars().count() > Self::MAX_CHARS || terms.len() > Self::MAX_TERMS || forbidden {
            return Err(InvalidSearch);
        }
        Ok(Self(terms))
    }

    /// The words, in lower case.
    #[must_use]
    pub fn terms(&self) -> &[String] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_of_an_item_contains_a_secret() {
        let text = "see oi_pat_jZHvxRBv86PcflRJxLvgWo9a_8nw9xGsKx80URWSUagWwm0h.";
        assert_eq!(Title::parse(text), Err(InvalidTitle::Secret));
        assert_eq!(Description::parse(text), Err(InvalidDescription::Secret));
    }

    #[test]
    fn a_description_shows_all_that_it_holds() {
        for c in [
            '\u{202a}',
            '\u{202b}',
            '\u{202c}',
            '\u{202d}',
            '\u{202e}',
            '\u{2066}',
            '\u{2067}',
            '\u{2068}',
            '\u{2069}',
            '\u{200b}',
            '\u{2060}',
            '\u{feff}',
            '\u{ad}',
            '\u{200e}',
            '\u{e0041}',
            '\u{200d}',
            '\u{fe0f}',
        ] {
            let text = format!("# Why\n\n\tif (admin{c}) {{");
            let error = Description::parse(&text).unwrap_err();
            assert_eq!(error, InvalidDescription::Unseen(c.into()));
            assert_eq!(Description::from_stored(&text).as_str(), text);
        }
        for text in [
            "- 👩\u{200d}💻 and ❤\u{fe0f}\r\n- می\u{200c}خواهم\n",
            "क्\u{200d}ष \u{e0b0} \u{f8ff}",
            "שלום, العربية, ไทย",
        ] {
            assert_eq!(Description::parse(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn a_title_is_one_line_and_a_description_many() {
        assert_eq!(Title::parse(" Mend it ").unwrap().as_str(), "Mend it");
        for (text, error) in [
            (" ", InvalidTitle::Blank),
            ("a\nb", InvalidTitle::Control),
            (&"x".repeat(201), InvalidTitle::TooLong),
        ] {
            assert_eq!(Title::parse(text), Err(error));
        }
        let markdown = "# Why\r\n\n- one\n\t- two  \n";
        assert_eq!(Description::parse(markdown).unwrap().as_str(), markdown);
        assert_eq!(Description::parse("").unwrap(), Description::default());
        for text in ["\0", "\u{1b}[2J"] {
            assert_eq!(Description::parse(text), Err(InvalidDescription::Control));
        }
        let long = "é".repeat(16_001);
        assert_eq!(Description::parse(&long), Err(InvalidDescription::TooLong));
    }

    #[test]
    fn a_search_is_words_in_any_case() {
        let terms = SearchTerms::parse("  Größe  OPS-1\t%_ ").unwrap();
        assert_eq!(terms.terms(), ["größe", "ops-1", "%_"]);
        assert_eq!(SearchTerms::parse(" ").unwrap(), SearchTerms::default());
        assert_eq!(SearchTerms::parse(&"x".repeat(201)), Err(InvalidSearch));
        assert_eq!(SearchTerms::parse(&"x ".repeat(9)), Err(InvalidSearch));
        assert_eq!(SearchTerms::parse("a\0"), Err(InvalidSearch));
        assert_eq!(fold("ΟΔΟΣ οδος"), "οδοσ οδοσ");
    }
}
