//! What text that users choose may hold, so that two users, tokens or items that look alike are
//! alike: one normal form (NFC), nothing that cannot be seen, and mixed scripts named. The one home
//! of these rules, for addresses, names and titles.

use icu_properties::props::{DefaultIgnorableCodePoint, Emoji, GeneralCategory, Script};
use icu_properties::{CodePointMapData, CodePointSetData, PropertyNamesLong};
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::canonical_combining_class;

use crate::token::{CONTAINS_SECRET, Secret};

/// What is wrong with a line of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidLine {
    #[error("must not be blank")]
    Blank,
    #[error("too long")]
    TooLong,
    #[error("must not contain control characters")]
    Control,
    #[error("must not contain the invisible character U+{0:04X}")]
    Invisible(u32),
    #[error("{}", CONTAINS_SECRET)]
    Secret,
}

/// Trims, checks and normalizes (NFC) a name or a title of at most `max_chars` characters.
pub(crate) fn line(text: &str, max_chars: usize) -> Result<String, InvalidLine> {
    if Secret::is_in(text) {
        return Err(InvalidLine::Secret);
    }
    // A line break at the end is no mistake of typing to be trimmed away, but a control character.
    if text.chars().any(char::is_control) {
        return Err(InvalidLine::Control);
    }
    let text: String = text.trim().nfc().collect();
    if text.is_empty() {
        return Err(InvalidLine::Blank);
    }
    let chars: Vec<char> = text.chars().collect();
    if chars.len() > max_chars {
        return Err(InvalidLine::TooLong);
    }
    if let Some(at) = (0..chars.len()).find(|at| is_invisible(chars[*at]) && !belongs(&chars, *at))
    {
        return Err(InvalidLine::Invisible(chars[at].into()));
    }
    // Joiners and selectors stand beside what can be seen; white space may be all that there is.
    if chars.iter().all(|c| c.is_whitespace()) {
        return Err(InvalidLine::Blank);
    }
    Ok(text)
}

/// Returns the first character that cannot be seen, or of which it is not known how it looks: one that
/// is unassigned or for private use. None may stand in an address.
pub(crate) fn invisible(text: &str) -> Option<char> {
    use GeneralCategory::{PrivateUse, Unassigned};
    text.chars()
        .find(|c| is_invisible(*c) || matches!(category(*c), PrivateUse | Unassigned))
}

fn category(c: char) -> GeneralCategory {
    CodePointMapData::<GeneralCategory>::new().get(c)
}

/// Text in which two spellings of one name are the same: compatibility forms (full-width letters,
/// ligatures) and cases folded.
pub(crate) fn key(text: &str) -> String {
    fold(&text.nfkc().collect::<String>()).nfkc().collect()
}

/// Lower case, character by character, so that it is the same wherever the characters stand (that
/// of a sigma depends on whether it ends its word).
pub(crate) fn fold(text: &str) -> String {
    let lower = text.chars().flat_map(char::to_lowercase);
    lower.map(|c| if c == 'ς' { 'σ' } else { c }).collect()
}

/// The scripts of a text, in the order of their names, where it mixes some that hide look-alikes of
/// one another; empty where it does not. Latin with those of Chinese, Japanese or Korean is as
/// usual (UTS #39 §5.2, highly restrictive).
pub(crate) fn mixed_scripts(text: &str) -> Vec<&'static str> {
    const USUAL: [&[Script]; 3] = [
        &[
            Script::Latin,
            Script::Han,
            Script::Hiragana,
            Script::Katakana,
        ],
        &[Script::Latin, Script::Han, Script::Bopomofo],
        &[Script::Latin, Script::Han, Script::Hangul],
    ];
    let mut scripts: Vec<Script> = Vec::new();
    for script in text.chars().map(script) {
        let is_of_all = [Script::Common, Script::Inherited, Script::Unknown].contains(&script);
        if !is_of_all && !scripts.contains(&script) {
            scripts.push(script);
        }
    }
    let is_usual = |usual: &&[Script]| scripts.iter().all(|script| usual.contains(script));
    if scripts.len() <= 1 || USUAL.iter().any(is_usual) {
        return Vec::new();
    }
    let long_names = PropertyNamesLong::<Script>::new();
    let mut mixed: Vec<_> = scripts
        .into_iter()
        .filter_map(|script| long_names.get(script))
        .collect();
    mixed.sort_unstable();
    mixed
}

fn script(c: char) -> Script {
    CodePointMapData::<Script>::new().get(c)
}

/// Whether a character shows nothing by itself: those that Unicode lets fonts ignore, controls of format,
/// the separators of lines, and the blanks of Braille, of musical notes and of the Khitan script.
fn is_invisible(c: char) -> bool {
    CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
        || category(c) == GeneralCategory::Format
        || matches!(
            c,
            '\u{2028}' | '\u{2029}' | '\u{2800}' | '\u{1d159}' | '\u{16fe4}'
        )
}

/// Whether the invisible character at this place is needed by what stands around it: a joiner
/// within a word of a script that has them or within an emoji, a selector of the variant of what
/// stands before it.
fn belongs(chars: &[char], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|at| chars.get(at)).copied();
    let Some(before) = before.filter(|before| *before != chars[at]) else {
        return false;
    };
    let after = chars.get(at + 1).copied();
    let is_emoji = |c: char| CodePointSetData::new::<Emoji>().contains(c);
    match chars[at] {
        '\u{200c}' | '\u{200d}' if joins(before) => {
            after.is_some_and(joins) || canonical_combining_class(before) == 9
        }
        '\u{200d}' => (is_emoji(before) || before == '\u{fe0f}') && after.is_some_and(is_emoji),
        '\u{fe0e}' | '\u{fe0f}' => is_emoji(before),
        '\u{fe00}'..='\u{fe0d}' | '\u{e0100}'..='\u{e01ef}' => script(before) == Script::Han,
        '\u{180b}'..='\u{180d}' | '\u{180f}' => script(before) == Script::Mongolian,
        _ => false,
    }
}

/// Whether a character is of a script whose words may need joiners.
fn joins(c: char) -> bool {
    [
        Script::Arabic,
        Script::Bengali,
        Script::Devanagari,
        Script::Gujarati,
        Script::Gurmukhi,
        Script::Kannada,
        Script::Khmer,
        Script::Malayalam,
        Script::Mongolian,
        Script::Myanmar,
        Script::Oriya,
        Script::Sinhala,
        Script::Syriac,
        Script::Tamil,
        Script::Telugu,
    ]
    .contains(&script(c))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn composed_and_decomposed_letters_are_one_name() {
        assert_eq!(line("Jose\u{301}", 4), line("Jos\u{e9}", 4));
        assert_eq!(line("\u{1112}\u{1161}\u{11ab}", 1).unwrap(), "\u{d55c}");
        assert_eq!(
            line("\u{212b}ngstr\u{f6}m", 9).unwrap(),
            "\u{c5}ngstr\u{f6}m"
        );
    }

    #[test]
    fn what_cannot_be_seen_is_refused() {
        for c in [
            '\u{200b}',
            '\u{feff}',
            '\u{2060}',
            '\u{ad}',
            '\u{34f}',
            '\u{61c}',
            '\u{200e}',
            '\u{200f}',
            '\u{202e}',
            '\u{2066}',
            '\u{2069}',
            '\u{115f}',
            '\u{1160}',
            '\u{3164}',
            '\u{ffa0}',
            '\u{17b4}',
            '\u{180e}',
            '\u{2028}',
            '\u{2029}',
            '\u{2800}',
            '\u{fff9}',
            '\u{6dd}',
            '\u{13430}',
            '\u{1d159}',
            '\u{16fe4}',
            '\u{e0001}',
            '\u{e0041}',
            '\u{e007f}',
            '\u{e0101}',
            '\u{fe0f}',
            '\u{fe00}',
            '\u{200c}',
            '\u{200d}',
            '\u{180b}',
        ] {
            for text in [
                format!("a{c}b"),
                format!("{c}a"),
                format!("a{c}"),
                c.to_string(),
            ] {
                // White space at the end is trimmed.
                let trimmed = text.trim() != text;
                assert!(trimmed || line(&text, 9).is_err(), "{text:?}");
            }
            assert_eq!(invisible(&format!("ada{c}@example.com")), Some(c));
        }
        for c in ['\u{fffe}', '\u{378}', '\u{e000}', '\u{1bca4}'] {
            assert_eq!(invisible(&format!("ada{c}@example.com")), Some(c));
        }
    }

    #[test]
    fn blanks_alone_are_no_name() {
        for text in ["\u{a0}", "\u{3000}\u{2003}", " \u{2007} ", "\u{1680}"] {
            assert_eq!(line(text, 9), Err(InvalidLine::Blank), "{text:?}");
        }
    }

    #[test]
    fn joiners_and_selectors_stay_where_a_script_or_an_emoji_needs_them() {
        for text in [
            "می\u{200c}خواهم",
            "क्\u{200d}ष",
            "ශ්\u{200d}රී",
            "അവന്\u{200d}",
            "👩\u{200d}💻",
            "👩🏽\u{200d}💻",
            "🏳\u{fe0f}\u{200d}🌈",
            "❤\u{fe0f}",
            "1\u{fe0f}\u{20e3}",
            "葛\u{e0100}城",
        ] {
            assert_eq!(line(text, 20).as_deref(), Ok(text), "{text:?}");
        }
        for text in [
            "می\u{200c}\u{200c}خ",
            "a\u{200d}م",
            "م\u{200d}",
            "👩\u{200d}",
            "葛\u{e0100}\u{e0101}",
        ] {
            assert!(line(text, 20).is_err(), "{text:?}");
        }
    }

    #[test]
    fn mixed_scripts_are_named() {
        for (text, named) in [
            ("аdmin@example.com", vec!["Cyrillic", "Latin"]),
            ("αdmin", vec!["Greek", "Latin"]),
            ("օpen", vec!["Armenian", "Latin"]),
            ("Ꭺda", vec!["Cherokee", "Latin"]),
            ("Анна αβ", vec!["Cyrillic", "Greek"]),
        ] {
            assert_eq!(mixed_scripts(text), named, "{text}");
        }
        for text in [
            "Ada 2 (she)",
            "Jos\u{e9}",
            "Анна",
            "田中 Taro",
            "たなかタロウ",
            "김 Kim",
            "👩\u{200d}💻",
            "",
        ] {
            assert_eq!(mixed_scripts(text), Vec::<&str>::new(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_line_is_its_own_normal_form(text in "\\PC{0,40}|.{0,40}") {
            if let Ok(normal) = line(&text, 40) {
                prop_assert_eq!(line(&normal, 40), Ok(normal.clone()));
                prop_assert_eq!(normal.nfc().collect::<String>(), normal.clone());
            }
        }

        #[test]
        fn every_normal_form_of_a_text_has_one_key(text in "\\PC{0,40}|.{0,40}") {
            let of_nfd = key(&text.nfd().collect::<String>());
            prop_assert_eq!(&of_nfd, &key(&text));
            prop_assert_eq!(key(&of_nfd), of_nfd);
        }
    }
}
