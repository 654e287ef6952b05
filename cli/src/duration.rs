//! Durations on the command line, such as `90d`, `12h` or `30m`.

use crate::error::Failure;

/// The text is not a valid duration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum InvalidDuration {
    #[error("must be a whole number and a unit (s, m, h, d or w), such as 90d, 12h or 30m")]
    Syntax,
    #[error("must be at most 9999 years")]
    TooLong,
}

/// The number of seconds in all years that a timestamp can represent.
const MAX_SECONDS: i64 = 9_999 * 366 * 86_400;

/// Parses the duration that was passed with a flag, and returns the seconds.
pub(crate) fn span(flag: &str, text: &str) -> Result<i64, Failure> {
    parse_seconds(text).map_err(|error| Failure::usage(format!("{flag} {text}: {error}")))
}

/// Parses the duration that was passed with a flag, if any; zero is invalid.
pub(crate) fn positive_span(flag: &str, text: Option<&String>) -> Result<Option<i64>, Failure> {
    match text.map(|text| span(flag, text)).transpose()? {
        Some(0) => Err(Failure::usage(format!("{flag} must be greater than zero"))),
        seconds => Ok(seconds),
    }
}

/// Parses a whole number with one unit (`s`, `m`, `h`, `d` or `w`) and returns the seconds.
fn parse_seconds(text: &str) -> Result<i64, InvalidDuration> {
    let text = text.trim();
    let unit = match text.chars().next_back() {
        Some('s') => 1,
        Some('m') => 60,
        Some('h') => 3_600,
        Some('d') => 86_400,
        Some('w') => 7 * 86_400,
        _ => return Err(InvalidDuration::Syntax),
    };
    let digits = &text[..text.len() - 1];
    // `parse` would also accept a sign.
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(InvalidDuration::Syntax);
    }
    digits
        .parse::<i64>()
        .ok()
        .and_then(|number| number.checked_mul(unit))
        .filter(|seconds| *seconds <= MAX_SECONDS)
        .ok_or(InvalidDuration::TooLong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_with_a_unit_is_converted_to_seconds() {
        for (text, seconds) in [
            ("45s", 45),
            ("30m", 1_800),
            ("12h", 43_200),
            ("90d", 7_776_000),
            ("1w", 604_800),
            (" 007d ", 604_800),
            ("0s", 0),
        ] {
            assert_eq!(parse_seconds(text), Ok(seconds), "{text}");
        }
    }

    #[test]
    fn anything_else_is_a_syntax_error() {
        for text in [
            "", "d", "90", "90 d", "-1d", "+1d", "1.5h", "1y", "1D", "1d12h", "٣d", "90ď",
        ] {
            assert_eq!(
                parse_seconds(text),
                Err(InvalidDuration::Syntax),
                "{text:?}"
            );
        }
    }

    #[test]
    fn more_than_9999_years_is_an_error() {
        for text in ["9223372036854775807w", "99999999999999999999d", "600000w"] {
            assert_eq!(parse_seconds(text), Err(InvalidDuration::TooLong), "{text}");
        }
    }
}
