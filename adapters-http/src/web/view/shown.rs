use std::fmt;

/// Text that somebody chose, safe to stand beside other text: without the characters that reorder
/// what follows them (Unicode UAX #9 §2, explicit formatting). Templates put it into `<bdi>`, which
/// takes care of the direction of its letters; such a character could end that.
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

/// Escaped by the template.
impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reordering_characters_are_left_out_and_letters_of_any_direction_stay() {
        assert_eq!(Shown::of("a\u{202e}b\u{2069}c\u{200f}").as_str(), "abc");
        for text in ["עברית", "العربية", "e\u{301}", "👩\u{200d}💻", "界"] {
            assert_eq!(Shown::of(text).as_str(), text);
        }
    }
}
