//! Spans of time on the command line: `90d`, `12h`, `30m`.

/// The text is not a span of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidDuration {
    #[error("write a whole number and a unit (s, m, h, d, w), as in 90d, 12h or 30m")]
    Syntax,
    #[error("that is longer than 9999 years")]
    TooLong,
}

/// The whole of the years that a timestamp can have.
const MAX_SECONDS: i64 = 9_999 * 366 * 86_400;

/// Seconds of a whole number with one unit: `s`, `m`, `h`, `d` or `w`.
pub(crate) fn parse_seconds(text: &str) -> Result<i64, InvalidDuration> {
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
    // `parse` would also take a sign.
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
    fn a_number_and_a_unit_make_seconds() {
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
    fn anything_else_is_refused() {
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
    fn what_no_calendar_holds_is_refused() {
        for text in ["9223372036854775807w", "99999999999999999999d", "600000w"] {
            assert_eq!(parse_seconds(text), Err(InvalidDuration::TooLong), "{text}");
        }
    }
}
