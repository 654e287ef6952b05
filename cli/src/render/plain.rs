use std::fmt::Write as _;

use openindex_domain::text::marked_hidden;
use openindex_domain::token::TokenKind;

/// Makes text safe to display on one line of a terminal. Characters that move the cursor, change a
/// mode, change the writing direction or are invisible become `�`. Joiners stay where an emoji or a
/// script requires them.
pub(crate) fn plain(text: &str) -> String {
    marked_unsafe(text)
        .map(|(c, is_unsafe)| if is_unsafe { '\u{fffd}' } else { c })
        .collect()
}

/// Makes text safe to display as [`plain`] does, but preserves its line breaks.
pub(crate) fn for_terminal(text: &str) -> String {
    marked_unsafe(text)
        .filter(|(c, _)| *c != '\r')
        .map(|(c, is_unsafe)| match c {
            '\n' => c,
            _ if is_unsafe => '\u{fffd}',
            c => c,
        })
        .collect()
}

/// Writes unsafe characters in JSON as `\u` escapes: the same document, safe to display.
pub(crate) fn escape_json(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for (c, is_unsafe) in marked_unsafe(json) {
        // serde has escaped line breaks inside strings: these are between values.
        if is_unsafe && c != '\n' {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a String cannot fail.
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        } else {
            escaped.push(c);
        }
    }
    escaped
}

/// Returns each character, and whether it is unsafe to display: a control character (C0, DEL, C1),
/// or hidden according to [`marked_hidden`].
fn marked_unsafe(text: &str) -> impl Iterator<Item = (char, bool)> {
    marked_hidden(text).map(|(c, is_hidden)| (c, is_hidden || c.is_control()))
}

/// Returns the characters that are safe to display.
pub(crate) fn visible(text: &str) -> impl Iterator<Item = char> {
    marked_unsafe(text).filter_map(|(c, is_unsafe)| (!is_unsafe).then_some(c))
}

/// Masks a secret: shows its prefix and its last four characters, which leaves 208 bits unknown.
/// Text that is too short to be a secret is hidden completely.
pub(crate) fn masked(secret: &str) -> String {
    let last = secret.len().checked_sub(4).filter(|at| *at >= 40);
    let prefix = TokenKind::ALL
        .map(TokenKind::secret_prefix)
        .into_iter()
        .find(|prefix| secret.starts_with(prefix));
    match (prefix, last.and_then(|at| secret.get(at..))) {
        (Some(prefix), Some(last)) => format!("{prefix}…{}", plain(last)),
        _ => "…".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "oi_pat_jZHvxRBv86PcflRJxLvgWo9a_8nw9xGsKx80URWSUagWwm0h";

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        assert_eq!(plain("a\x1b[31mb\u{9b}c\r\nd\te"), "a�[31mb�c��d�e");
        assert_eq!(
            plain("\u{202e}abc\u{2066}\u{200b}\u{feff}\u{2028}"),
            "�abc����"
        );
        assert_eq!(plain("Zoë 界 ❤"), "Zoë 界 ❤");
    }

    #[test]
    fn joiners_of_emoji_and_scripts_are_preserved() {
        for text in [
            "👩\u{200d}💻 👨🏽\u{200d}🚀",
            "🏳\u{fe0f}\u{200d}🌈 ❤\u{fe0f} 1\u{fe0f}\u{20e3}",
            "🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}",
            "می\u{200c}خواهم क्\u{200d}ष ශ්\u{200d}රී",
            "Jose\u{301} Z\u{351}\u{36b}\u{343}",
            "\u{1112}\u{1161}\u{11ab}",
        ] {
            assert_eq!(plain(text), text);
            assert_eq!(for_terminal(text), text);
            assert_eq!(escape_json(text), text);
        }
        assert_eq!(plain("a\u{200d}b 👩\u{200d}"), "a�b 👩�");
        assert_eq!(for_terminal("a\u{200e}\r\nb\u{2069}"), "a�\nb�");
    }

    #[test]
    fn escaped_json_is_the_same_document() {
        let value = serde_json::json!({"name": "a\u{9b}\u{202e}\u{e0041}\"\\\n界"});
        let escaped = escape_json(&serde_json::to_string_pretty(&value).unwrap());
        assert!(marked_unsafe(&escaped).all(|(c, is_unsafe)| c == '\n' || !is_unsafe));
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&escaped).unwrap(),
            value
        );
    }

    #[test]
    fn a_mask_shows_the_kind_and_four_characters() {
        assert_eq!(masked(SECRET), "oi_pat_…wm0h");
        for text in [
            "",
            "oi_pat_",
            "oi_pat_abcd",
            "hunter2",
            "oi_pat_1234567890123456789012345ééé",
        ] {
            assert_eq!(masked(text), "…", "{text}");
        }
    }
}
