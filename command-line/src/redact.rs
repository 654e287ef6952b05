//! Removes what looks like a secret from messages. This is a second line of defense: messages are
//! written so that they do not quote secrets.

/// The prefixes of tokens.
const PREFIXES: [&str; 2] = ["oi_pat_", "oi_run_"];
/// The minimum number of characters after a prefix; fewer are a mention of tokens, not a token.
const MIN_SECRET_CHARS: usize = 8;
/// The minimum length of a random word: half of a token, and less than an invite code. IDs, hashes
/// and words do not mix upper case, lower case and digits.
const MIN_RANDOM_CHARS: usize = 20;
const MIN_OF_EACH_CLASS: usize = 2;
pub(crate) const REDACTED: char = '…';

/// The maximum length of a value to show: longer than any ID or time.
const MAX_SHOWN_CHARS: usize = 64;
/// The minimum length of a word that is concealed because it mixes upper and lower case, as codes
/// and tokens do.
const MIN_CODE_CHARS: usize = 16;
/// The minimum length of a word that is concealed because it mixes upper case, lower case and
/// digits, as passwords and parts of tokens do.
const MIN_PASSWORD_CHARS: usize = 8;

/// Returns an invalid value if it can be shown in an error, and otherwise `…`.
///
/// The value must come from an argument that is not for secrets. It is concealed if it still looks
/// like a token, a code, a password or a URL with credentials or a query, if it is long, or if it
/// contains anything but ASCII letters, digits and common punctuation.
#[must_use]
pub fn shown(value: &str) -> &str {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-.,:+@/[]*".contains(c);
    let mentions_token = PREFIXES.iter().any(|prefix| value.contains(prefix));
    let mut codes = value.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '-');
    let has_code = codes.any(|code| code.len() >= MIN_CODE_CHARS && mixes(code, false));
    let mut words = value.split(|c: char| !c.is_ascii_alphanumeric());
    let has_password = words.any(|word| word.len() >= MIN_PASSWORD_CHARS && mixes(word, true));
    if value.len() > MAX_SHOWN_CHARS
        || !value.chars().all(is_plain)
        || mentions_token
        || has_code
        || has_password
        || redact(value) != value
    {
        return "…";
    }
    value
}

/// Returns whether the text contains upper case and lower case and, if required, digits.
fn mixes(text: &str, digits: bool) -> bool {
    let has = |class: fn(&u8) -> bool| text.bytes().any(|byte| class(&byte));
    has(u8::is_ascii_uppercase)
        && has(u8::is_ascii_lowercase)
        && (!digits || has(u8::is_ascii_digit))
}

/// Returns `text` with `…` in place of anything that looks like a secret: tokens and parts of them,
/// user names and passwords in URLs, and long random words.
#[must_use]
pub fn redact(text: &str) -> String {
    let mut redacted = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(ends_word).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        redact_word(word, &mut redacted);
        let separator = after.chars().next();
        redacted.extend(separator);
        rest = &after[separator.map_or(0, char::len_utf8)..];
    }
    redacted
}

fn ends_word(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\'' | '"' | '`' | '<' | '>')
}

/// Redacts a word, which may be or contain a URL.
fn redact_word(word: &str, redacted: &mut String) {
    let (before, rest) = match word.find("://") {
        Some(at) => word.split_at(at + 3),
        None => ("", word),
    };
    redacted.push_str(before);
    // A password may contain an unencoded `@`, so look for the last one.
    let user_info = rest
        .rfind('@')
        .filter(|at| !before.is_empty() || rest[..*at].contains(':'));
    let rest = match user_info {
        Some(at) => {
            redacted.push(REDACTED);
            &rest[at..]
        }
        None => rest,
    };
    redact_runs(rest, redacted);
}

fn redact_runs(text: &str, redacted: &mut String) {
    let mut rest = text;
    while !rest.is_empty() {
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let start = rest.find(is_word).unwrap_or(rest.len());
        redacted.push_str(&rest[..start]);
        rest = &rest[start..];
        let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        redact_run(&rest[..end], redacted);
        rest = &rest[end..];
    }
}

fn redact_run(run: &str, redacted: &mut String) {
    let prefix = PREFIXES.iter().filter_map(|prefix| run.find(prefix)).min();
    match prefix.map(|at| at + PREFIXES[0].len()) {
        Some(body) if run.len() - body >= MIN_SECRET_CHARS => {
            redacted.push_str(&run[..body]);
            redacted.push(REDACTED);
        }
        None if looks_random(run) => redacted.push(REDACTED),
        _ => redacted.push_str(run),
    }
}

fn looks_random(run: &str) -> bool {
    let count = |class: fn(&u8) -> bool| run.bytes().filter(class).count();
    run.len() >= MIN_RANDOM_CHARS
        && [
            count(u8::is_ascii_uppercase),
            count(u8::is_ascii_lowercase),
            count(u8::is_ascii_digit),
        ]
        .into_iter()
        .all(|count| count >= MIN_OF_EACH_CLASS)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "oi_pat_jZHvxRBv86PcflRJxLvgWo9a_8nw9xGsKx80URWSUagWwm0h";

    #[test]
    fn every_secret_is_removed_from_a_message() {
        assert_eq!(
            redact(&format!("bad '{SECRET}', '{SECRET}x' ")),
            "bad 'oi_pat_…', 'oi_pat_…' "
        );
        assert_eq!(redact("oi_run_abcdefgh-"), "oi_run_…-");
        assert_eq!(redact(&format!("n{SECRET}")), "noi_pat_…");
        let text = "a token begins with oi_pat_ or oi_run_; oi_pat_…";
        assert_eq!(redact(text), text);
    }

    #[test]
    fn parts_of_a_secret_are_removed() {
        for (text, expected) in [
            (&SECRET[7..], "…"),
            (&SECRET[20..], "…"),
            (&SECRET[..40], "oi_pat_…"),
            ("xi_par_jZHvxRBv86PcflRJxLvgWo", "…"),
        ] {
            assert_eq!(
                redact(&format!("no profile {text}\n")),
                format!("no profile {expected}\n")
            );
        }
    }

    #[test]
    fn a_value_is_shown_unless_it_looks_like_a_secret() {
        for value in [
            "foo",
            "web-1",
            "2026-13-01",
            "90",
            "127.0.0.1:80",
            "10.0.0.0/33",
            "usr_123",
            "Ada.Lovelace@example",
            "tokens.created",
            "2026-12-31T00:00:00Z",
            "pat_0199f3a1c6d07c35b2f0e8a4d1c7b9e2",
        ] {
            assert_eq!(shown(value), value);
        }
        for value in [
            SECRET,
            "oi_run_",
            &SECRET[10..25],
            &SECRET[7..],
            "Passw0rd",
            "correct!horse",
            "correct horse",
            "u:hunter2@h",
            "https://u:hunter2@h/",
            "https://h/?token=1",
            "caf\u{e9}",
            "a\u{1b}[2J",
            &"a".repeat(65),
        ] {
            assert_eq!(shown(value), "…", "{value}");
        }
    }

    #[test]
    fn user_names_and_passwords_are_removed_from_urls() {
        for (text, expected) in [
            (
                "http://u:p@proxy:3128 is dead",
                "http://…@proxy:3128 is dead",
            ),
            ("postgres://u:p@ss@h/db", "postgres://…@h/db"),
            ("https://u:p/w#@h, gone", "https://…@h, gone"),
            ("u:hunter2@proxy:3128", "…@proxy:3128"),
            ("https://ghp@x.example", "https://…@x.example"),
        ] {
            assert_eq!(redact(text), expected);
        }
    }

    #[test]
    fn text_without_secrets_is_unchanged() {
        for text in [
            "pat_0199f3a1c6d07c35b2f0e8a4d1c7b9e2",
            "ada@example.com",
            "127.0.0.1:8080: https://openindex.example.com/oi",
            "/home/ada/.config/openindex-agent/config.json",
            "OPENINDEX_ALLOW_INSECURE_HTTP",
            "2026-12-31T00:00:00.000Z",
            "f4d26ce0b7c1f4d26ce0b7c1f4d26ce0b7c1",
            "café — 界",
        ] {
            assert_eq!(redact(text), text);
        }
    }
}
