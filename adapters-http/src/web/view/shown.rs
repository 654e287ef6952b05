use std::fmt;

/// User-supplied text without explicit bidirectional formatting characters (Unicode UAX #9 §2),
/// which could reorder the text around it. Templates put it into `<bdi>`, which isolates the
/// direction of its letters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::web) struct Shown(String);

impl Shown {
    pub(in crate::web) fn of(text: &str) -> Self {
        Self(text.chars().filter(|c| !reorders(*c)).collect())
    }

    pub(in crate::web) fn as_str(&self) -> &str {
        &self.0
    }
}

const fn reorders(c: char) -> bool {
    matches!(
        c,
        '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    )
}

/// Templates escape it.
impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bidirectional_formatting_is_removed_and_letters_of_any_direction_stay() {
        assert_eq!(Shown::of("a\u{202e}b\u{2069}c\u{200f}").as_str(), "abc");
        for text in ["עברית", "العربية", "e\u{301}", "👩\u{200d}💻", "界"] {
            assert_eq!(Shown::of(text).as_str(), text);
        }
    }
}
