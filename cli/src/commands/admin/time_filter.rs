//! Dates and durations as filters.

use openindex_domain::clock::Timestamp;

use crate::duration::positive_span;
use crate::error::Failure;

/// Parses a date or a date-time, as the API accepts it.
pub(super) fn date(flag: &str, text: Option<&String>) -> Result<Option<Timestamp>, Failure> {
    let Some(text) = text else {
        return Ok(None);
    };
    // An empty variable in a script must not disable a filter.
    if text.trim().is_empty() {
        return Err(Failure::usage(format!("{flag} must not be blank")));
    }
    Timestamp::parse_since(text).map(Some).ok_or_else(|| {
        Failure::usage(format!(
            "{flag} must be a date such as 2026-12-31, or an RFC 3339 date-time"
        ))
    })
}

/// Parses a duration, and returns the time that long before now.
pub(super) fn ago(
    flag: &str,
    text: Option<&String>,
    now: Timestamp,
) -> Result<Option<Timestamp>, Failure> {
    let seconds = positive_span(flag, text)?;
    Ok(seconds.map(|seconds| now.saturating_add_seconds(-seconds)))
}

/// Parses a duration, and returns the time that long after now.
pub(super) fn ahead(
    flag: &str,
    text: Option<&String>,
    now: Timestamp,
) -> Result<Option<Timestamp>, Failure> {
    let seconds = positive_span(flag, text)?;
    Ok(seconds.map(|seconds| now.saturating_add_seconds(seconds)))
}

#[cfg(test)]
mod tests {
    use openindex_domain::testing::fixtures::NOW;

    use super::*;
    use crate::exit_code::ExitCode;

    #[test]
    fn dates_are_absolute_and_durations_count_from_now() {
        let some = |text: &str| Some(text.to_owned());
        let at = |text: &str| Timestamp::parse_rfc3339(text);
        assert_eq!(
            date("--since", some(" 2026-01-01 ").as_ref()).unwrap(),
            at("2026-01-01T00:00:00Z")
        );
        assert_eq!(
            ago("--last", some("1d").as_ref(), NOW).unwrap(),
            at("2026-11-23T06:00:00Z")
        );
        assert_eq!(
            ahead("--expiring-within", some("1d").as_ref(), NOW).unwrap(),
            at("2026-11-25T06:00:00Z")
        );
        assert_eq!(date("--since", None).unwrap(), None);
    }

    #[test]
    fn anything_else_is_a_usage_error() {
        for text in ["", " ", "yesterday", "90d"] {
            let failure = date("--since", Some(&text.to_owned())).unwrap_err();
            assert_eq!(failure.exit, ExitCode::Usage, "{text}");
            assert!(failure.message.starts_with("--since "), "{text}");
        }
        for text in ["", "0d", "2026-01-01"] {
            let failure = ago("--last", Some(&text.to_owned()), NOW).unwrap_err();
            assert_eq!(failure.exit, ExitCode::Usage, "{text}");
        }
    }
}
