use std::fmt::Write as _;

use openindex_domain::token::TokenKind;

/// `text` as it can be shown on a terminal: one line, no character that moves the cursor, changes
/// a mode, turns the direction of writing or hides. Such a character becomes `�`.
pub(crate) fn plain(text: &str) -> String {
    text.chars()
        .map(|c| if is_unsafe(c) { '\u{fffd}' } else { c })
        .collect()
}

/// Text of several lines as it can be shown on a terminal: as [`plain`], with its line breaks.
pub(crate) fn for_terminal(text: &str) -> String {
    text.chars()
        .filter(|c| *c != '\r')
        .map(|c| {
            if is_unsafe(c) && c != '\n' {
                '\u{fffd}'
            } else {
                c
            }
        })
        .collect()
}

/// JSON in which those characters are written as `\u` escapes: the same document, safe to show.
pub(crate) fn escape_json(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for c in json.chars() {
        // Line breaks are between values here: inside of strings, serde has escaped them.
        if is_unsafe(c) && c != '\n' {
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

/// Control characters (C0, DEL, C1), line and paragraph separators, and what is invisible:
/// bidirectional controls (UAX #9 §2), zero-width and other format characters, tags.
pub(crate) fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

/// A secret as it may be shown: what it begins with and its last four characters, which leave
/// 208 bits unknown. Anything that is not long enough to be a secret is not shown at all.
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
    fn nothing_reaches_the_terminal_that_acts_on_it() {
        assert_eq!(plain("a\x1b[31mb\u{9b}c\r\nd\te"), "a�[31mb�c��d�e");
        assert_eq!(
            plain("\u{202e}abc\u{2066}\u{200b}\u{feff}\u{2028}"),
            "�abc����"
        );
        assert_eq!(plain("Zoë 界 ❤"), "Zoë 界 ❤");
    }

    #[test]
    fn escaped_json_is_the_same_document() {
        let value = serde_json::json!({"name": "a\u{9b}\u{202e}\u{e0041}\"\\\n界"});
        let escaped = escape_json(&serde_json::to_string_pretty(&value).unwrap());
        assert!(escaped.chars().all(|c| c == '\n' || !is_unsafe(c)));
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
