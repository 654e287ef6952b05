use std::sync::Arc;

use crate::secret::{CONTAINS_SECRET, Secret};

use crate::stored_text::stored_text;
pub(super) use crate::text::fold;
use crate::text::{self, InvalidLine};

/// The title of a work item: one line of 1 to 200 characters after trimming, without control
/// characters. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Title(Arc<str>);

/// The text is not a valid title.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTitle {
    /// Empty, or only white space.
    #[error("must not be blank")]
    Blank,
    /// More than 200 characters; how many.
    #[error("must not be longer than {} characters (got {})", Title::MAX_CHARS, .0)]
    TooLong(usize),
    /// A line break, an escape or another control character.
    #[error("must not contain control characters")]
    Control,
    /// The secret of a token, which everyone who can read the title could use.
    #[error("{}", CONTAINS_SECRET)]
    Secret,
    /// A hidden, unassigned or private-use character, as its code point.
    #[error("{}", text::forbidden_character(*.0))]
    ForbiddenCharacter(u32),
}

stored_text!(Title, "the title");

impl Title {
    /// The maximum length in characters (Unicode scalar values).
    pub const MAX_CHARS: usize = 200;

    /// Trims, validates and normalizes a title.
    ///
    /// # Errors
    ///
    /// [`InvalidTitle`] when it violates a rule.
    pub fn parse(text: &str) -> Result<Self, InvalidTitle> {
        let line = text::line(text, Self::MAX_CHARS).map_err(|error| match error {
            InvalidLine::Blank => InvalidTitle::Blank,
            InvalidLine::TooLong(chars) => InvalidTitle::TooLong(chars),
            InvalidLine::Control => InvalidTitle::Control,
            InvalidLine::ForbiddenCharacter(c) => InvalidTitle::ForbiddenCharacter(c),
            InvalidLine::Secret => InvalidTitle::Secret,
        })?;
        Ok(Self(line.into()))
    }
}

/// The description of a work item in Markdown: at most 32,000 bytes in UTF-8, without control
/// characters other than tabs and line breaks, and without hidden characters. May be empty. Cheap
/// to clone. In NFC, so that a search finds it however it was typed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Description(Arc<str>);

/// The text is not a valid description.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDescription {
    /// More than 32,000 bytes; how many.
    #[error(
        "must not be longer than {} bytes in UTF-8 (got {})",
        Description::MAX_BYTES,
        .0
    )]
    TooLong(usize),
    /// An escape, a NUL or another control character.
    #[error("must not contain control characters other than tabs and line breaks")]
    Control,
    /// The secret of a token, which everyone who can read the description could use.
    #[error("{}", CONTAINS_SECRET)]
    Secret,
    /// A hidden character, such as a directional control, as its code point: people and agents
    /// would read different text.
    #[error("{}", text::forbidden_character(*.0))]
    ForbiddenCharacter(u32),
}

stored_text!(Description, "the description");

impl Description {
    /// The maximum length in bytes of UTF-8. Even as JSON, in which a quotation mark takes two
    /// bytes, a description is within the limit of 64 KiB for a request.
    pub const MAX_BYTES: usize = 32_000;

    /// Validates and normalizes (NFC) a description.
    ///
    /// # Errors
    ///
    /// [`InvalidDescription`] when it violates a rule.
    pub fn parse(text: &str) -> Result<Self, InvalidDescription> {
        if Secret::is_in(text) {
            return Err(InvalidDescription::Secret);
        }
        let forbidden = |c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r');
        if text.chars().any(forbidden) {
            return Err(InvalidDescription::Control);
        }
        let text = text::composed(text);
        if text.len() > Self::MAX_BYTES {
            return Err(InvalidDescription::TooLong(text.len()));
        }
        if let Some(c) = text::hidden(&text) {
            return Err(InvalidDescription::ForbiddenCharacter(c.into()));
        }
        Ok(Self(text.into()))
    }
}

impl Default for Description {
    fn default() -> Self {
        Self("".into())
    }
}

/// The words of a search in titles, descriptions and keys. All of them must occur, ignoring case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SearchTerms(Vec<String>);

/// The text is not a valid search.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSearch {
    /// Too many words or characters, or a control character.
    #[error(
        "must have at most {} words, at most {} characters and no control characters",
        SearchTerms::MAX_TERMS,
        SearchTerms::MAX_CHARS
    )]
    Format,
    /// The secret of a token, which no work item contains.
    #[error("{}", CONTAINS_SECRET)]
    Secret,
}

impl SearchTerms {
    /// The maximum number of words.
    pub const MAX_TERMS: usize = 8;
    /// The maximum total length in characters.
    pub const MAX_CHARS: usize = 200;

    /// Normalizes (NFC) a search and splits it at white space. A search without words matches every
    /// item.
    ///
    /// # Errors
    ///
    /// [`InvalidSearch`] when it violates a rule.
    pub fn parse(text: &str) -> Result<Self, InvalidSearch> {
        if Secret::is_in(text) {
            return Err(InvalidSearch::Secret);
        }
        let text = text::composed(text);
        let terms: Vec<String> = text.split_whitespace().map(fold).collect();
        // Work items cannot contain control characters, so such a word is never found.
        let forbidden = terms.iter().any(|term| term.contains(char::is_control));
        if text.chars().count() > Self::MAX_CHARS || terms.len() > Self::MAX_TERMS || forbidden {
            return Err(InvalidSearch::Format);
        }
        Ok(Self(terms))
    }

    /// Returns the words, in lower case.
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
        assert_eq!(SearchTerms::parse(text), Err(InvalidSearch::Secret));
        assert_eq!(Title::parse(text), Err(InvalidTitle::Secret));
        assert_eq!(Description::parse(text), Err(InvalidDescription::Secret));
    }

    #[test]
    fn a_description_has_no_hidden_characters() {
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
            assert_eq!(error, InvalidDescription::ForbiddenCharacter(c.into()));
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
        assert_eq!(Title::parse(" Fix it ").unwrap().as_str(), "Fix it");
        for (text, error) in [
            (" ", InvalidTitle::Blank),
            ("a\nb", InvalidTitle::Control),
            (&"x".repeat(201), InvalidTitle::TooLong(201)),
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
        assert_eq!(
            Description::parse(&long),
            Err(InvalidDescription::TooLong(32_002))
        );
    }

    #[test]
    fn a_search_finds_what_was_typed_in_another_form() {
        let (composed, decomposed) = ("caf\u{e9}", "cafe\u{301}");
        for text in [composed, decomposed] {
            assert_eq!(Title::parse(text).unwrap().as_str(), composed);
            assert_eq!(Description::parse(text).unwrap().as_str(), composed);
            assert_eq!(SearchTerms::parse(text).unwrap().terms(), [composed]);
        }
        // Longer in NFC.
        let long = "\u{958}".repeat(Description::MAX_BYTES / 3);
        assert_eq!(
            Description::parse(&long),
            Err(InvalidDescription::TooLong(63_996))
        );
    }

    #[test]
    fn a_search_is_words_in_any_case() {
        let terms = SearchTerms::parse("  Größe  OPS-1\t%_ ").unwrap();
        assert_eq!(terms.terms(), ["größe", "ops-1", "%_"]);
        assert_eq!(SearchTerms::parse(" ").unwrap(), SearchTerms::default());
        let format = Err(InvalidSearch::Format);
        assert_eq!(SearchTerms::parse(&"x".repeat(201)), format);
        assert_eq!(SearchTerms::parse(&"x ".repeat(9)), format);
        assert_eq!(SearchTerms::parse("a\0"), format);
        assert_eq!(fold("ΟΔΟΣ οδος"), "οδοσ οδοσ");
    }
}
