//! Rules for text that users enter: one normal form (NFC), no invisible characters, and detection
//! of mixed scripts, so that two users, tokens or items that look the same are the same. Email
//! addresses, names, titles and descriptions all use these rules.

use icu_properties::props::{DefaultIgnorableCodePoint, Emoji, GeneralCategory, Script};
use icu_properties::{CodePointMapData, CodePointSetData, PropertyNamesLong};
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::canonical_combining_class;

use crate::secret::{CONTAINS_SECRET, Secret};

/// A violation of the rules for a single line of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidLine {
    #[error("must not be blank")]
    Blank,
    #[error("too long (got {0})")]
    TooLong(usize),
    #[error("must not contain control characters")]
    Control,
    #[error("{}", forbidden_character(*.0))]
    ForbiddenCharacter(u32),
    #[error("{}", CONTAINS_SECRET)]
    Secret,
}

/// Returns the error message for a character that is not allowed, including its kind.
pub(crate) fn forbidden_character(c: u32) -> String {
    let kind = match char::from_u32(c).map(category) {
        Some(GeneralCategory::PrivateUse) => "private-use",
        Some(GeneralCategory::Unassigned) => "unassigned",
        _ => "invisible",
    };
    format!("must not contain the {kind} character U+{c:04X}")
}

/// Trims, validates and normalizes (NFC) a name or title of at most `max_chars` characters.
pub(crate) fn line(text: &str, max_chars: usize) -> Result<String, InvalidLine> {
    if Secret::is_in(text) {
        return Err(InvalidLine::Secret);
    }
    // Checked before trimming: a trailing line break is rejected, not trimmed away.
    if text.chars().any(char::is_control) {
        return Err(InvalidLine::Control);
    }
    let text = composed(text.trim());
    if text.is_empty() {
        return Err(InvalidLine::Blank);
    }
    let chars = text.chars().count();
    if chars > max_chars {
        return Err(InvalidLine::TooLong(chars));
    }
    let forbidden = text.chars().find(|c| is_unknown(*c)).or(hidden(&text));
    if let Some(c) = forbidden {
        return Err(InvalidLine::ForbiddenCharacter(c.into()));
    }
    // Joiners and selectors only occur next to visible characters, so only white space can be left.
    if text.chars().all(char::is_whitespace) {
        return Err(InvalidLine::Blank);
    }
    Ok(text)
}

/// Returns the text in NFC: the same characters, however they were typed.
pub(crate) fn composed(text: &str) -> String {
    text.nfc().collect()
}

/// Returns the first character that is invisible or has no defined appearance. Email addresses must
/// not contain any.
pub(crate) fn invisible(text: &str) -> Option<char> {
    text.chars().find(|c| is_invisible(*c) || is_unknown(*c))
}

/// Returns the first invisible character that the surrounding text does not require.
pub(crate) fn hidden(text: &str) -> Option<char> {
    marked_hidden(text).find_map(|(c, is_hidden)| is_hidden.then_some(c))
}

/// Returns each character together with whether it is hidden: invisible and not required by its
/// context, such as a directional control or a lone joiner. Joiners inside words of scripts that
/// use them, and selectors and tags inside emoji, are not hidden. Control characters are not
/// examined.
pub fn marked_hidden(text: &str) -> impl Iterator<Item = (char, bool)> {
    let chars: Vec<char> = text.chars().collect();
    (0..chars.len()).map(move |at| (chars[at], is_invisible(chars[at]) && !belongs(&chars, at)))
}

/// Returns whether a character has no defined appearance: it is unassigned (which includes
/// noncharacters) or for private use.
fn is_unknown(c: char) -> bool {
    use GeneralCategory::{PrivateUse, Unassigned};
    matches!(category(c), PrivateUse | Unassigned)
}

fn category(c: char) -> GeneralCategory {
    CodePointMapData::<GeneralCategory>::new().get(c)
}

/// Returns a comparison key: compatibility forms (full-width letters, ligatures) and case are
/// folded, so that different spellings of one name compare equal.
pub(crate) fn key(text: &str) -> String {
    fold(&text.nfkc().collect::<String>()).nfkc().collect()
}

/// Lower-cases each character separately, because the lower case of a whole string depends on
/// position: a capital sigma becomes another letter at the end of a word.
pub(crate) fn fold(text: &str) -> String {
    let lower = text.chars().flat_map(char::to_lowercase);
    lower.map(|c| if c == 'ς' { 'σ' } else { c }).collect()
}

/// Returns the names of the scripts in a text that mixes scripts with look-alike letters, sorted;
/// empty for any other text. Latin together with Chinese, Japanese or Korean is allowed (UTS #39
/// §5.2, highly restrictive).
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

/// Returns whether a character renders as nothing: default-ignorable characters, format controls,
/// line separators, and the blanks of Braille, musical notation and Khitan.
fn is_invisible(c: char) -> bool {
    // A fast path for most text: no ASCII character is invisible.
    !c.is_ascii()
        && (CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
            || category(c) == GeneralCategory::Format
            || matches!(
                c,
                '\u{2028}' | '\u{2029}' | '\u{2800}' | '\u{1d159}' | '\u{16fe4}'
            ))
}

/// Returns whether the context requires the invisible character at this index: a joiner inside a
/// word of a script that uses joiners or inside an emoji, or a selector after a character that has
/// variants.
fn belongs(chars: &[char], at: usize) -> bool {
    if is_tag(chars[at]) {
        return is_of_flag(chars, at);
    }
    let before = at.checked_sub(1).and_then(|at| chars.get(at)).copied();
    let Some(before) = before.filter(|before| *before != chars[at]) else {
        return false;
    };
    let after = chars.get(at + 1).copied();
    let is_of_keycap = |c: char| CodePointSetData::new::<Emoji>().contains(c);
    let is_emoji = |c: char| !c.is_ascii() && is_of_keycap(c);
    match chars[at] {
        '\u{200c}' | '\u{200d}' if joins(before) => {
            after.is_some_and(joins) || canonical_combining_class(before) == 9
        }
        '\u{200d}' => (is_emoji(before) || before == '\u{fe0f}') && after.is_some_and(is_emoji),
        // A digit is an emoji only on a keycap.
        '\u{fe0f}' if before.is_ascii() => after == Some('\u{20e3}') && is_of_keycap(before),
        '\u{fe0e}' | '\u{fe0f}' => is_emoji(before),
        '\u{fe00}'..='\u{fe0d}' | '\u{e0100}'..='\u{e01ef}' => script(before) == Script::Han,
        '\u{180b}'..='\u{180d}' | '\u{180f}' => script(before) == Script::Mongolian,
        _ => false,
    }
}

fn is_tag(c: char) -> bool {
    matches!(c, '\u{e0020}'..='\u{e007f}')
}

/// Returns whether a tag character belongs to the flag of a subdivision such as Scotland (UTS #51,
/// ED-14a): a black flag, three to six letter or digit tags, and the terminating tag. Any other tag
/// sequence is invisible text.
fn is_of_flag(chars: &[char], at: usize) -> bool {
    let start = chars[..at].iter().rposition(|c| !is_tag(*c));
    let Some(start) = start.filter(|start| chars[*start] == '\u{1f3f4}') else {
        return false;
    };
    let tags = chars[start + 1..].iter().take_while(|c| is_tag(**c));
    let names = tags
        .clone()
        .take_while(|c| matches!(c, '\u{e0030}'..='\u{e0039}' | '\u{e0061}'..='\u{e007a}'));
    let names = names.count();
    (3..=6).contains(&names) && tags.count() == names + 1 && chars[start + 1 + names] == '\u{e007f}'
}

/// Returns whether words of the character's script may require joiners.
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
    fn composed_and_decomposed_letters_yield_one_name() {
        assert_eq!(line("Jose\u{301}", 4), line("Jos\u{e9}", 4));
        assert_eq!(line("\u{1112}\u{1161}\u{11ab}", 1).unwrap(), "\u{d55c}");
        assert_eq!(
            line("\u{212b}ngstr\u{f6}m", 9).unwrap(),
            "\u{c5}ngstr\u{f6}m"
        );
    }

    #[test]
    fn invisible_characters_are_rejected() {
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
                // Trailing white space is trimmed.
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
    fn unassigned_and_private_use_characters_are_rejected_by_name() {
        for (c, kind) in [
            ('\u{e000}', "private-use"),
            ('\u{f8ff}', "private-use"),
            ('\u{10fffd}', "private-use"),
            ('\u{378}', "unassigned"),
            ('\u{fdd0}', "unassigned"),
            ('\u{ffff}', "unassigned"),
            ('\u{1fffe}', "unassigned"),
            ('\u{202e}', "invisible"),
        ] {
            let error = line(&format!("a{c}b"), 9).unwrap_err().to_string();
            let expected = format!(
                "must not contain the {kind} character U+{:04X}",
                u32::from(c)
            );
            assert_eq!(error, expected);
        }
    }

    #[test]
    fn white_space_is_not_a_name() {
        for text in ["\u{a0}", "\u{3000}\u{2003}", " \u{2007} ", "\u{1680}"] {
            assert_eq!(line(text, 9), Err(InvalidLine::Blank), "{text:?}");
        }
    }

    #[test]
    fn joiners_and_selectors_stay_where_a_script_or_emoji_requires_them() {
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
            "🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}",
        ] {
            assert_eq!(line(text, 20).as_deref(), Ok(text), "{text:?}");
        }
        for text in [
            "می\u{200c}\u{200c}خ",
            "a\u{200d}م",
            "م\u{200d}",
            "👩\u{200d}",
            "1\u{200d}2",
            "#\u{fe0f}",
            "1\u{fe0f}2",
            "a\u{fe0f}\u{20e3}",
            "葛\u{e0100}\u{e0101}",
            "🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}",
            "🏴\u{e0067}\u{e007f}\u{e0062}\u{e007f}",
            "🏴\u{e0072}\u{e0075}\u{e006e}\u{e0020}\u{e0072}\u{e006d}\u{e007f}",
            "a\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}",
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
