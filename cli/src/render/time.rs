use openindex_domain::clock::Timestamp;
use openindex_domain::duration::relative;

use super::{Style, plain};

const DAY: i64 = 24 * 60 * 60 * 1_000;

/// Parses a time in the server's format.
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    Timestamp::parse_rfc3339(text)
}

/// Formats an expiry: `2026-12-31 (in 37 days)`, `never` or `expired 2026-11-01 (23 days ago)`.
///
/// An expiry at midnight UTC is shown as the day before, its last valid day.
pub(crate) fn expiry(at: Option<&str>, style: &Style) -> String {
    let Some(text) = at else {
        return "never".to_owned();
    };
    let Some(at) = parse(text) else {
        return plain(text);
    };
    let day = if at.unix_millis() % DAY == 0 {
        date(at.saturating_add_millis(-1))
    } else {
        format!("{} {} UTC", date(at), clock(at))
    };
    let relative = relative(at, style.now);
    if at <= style.now {
        style.red(&format!("expired {day} ({relative})"))
    } else if at.unix_millis() - style.now.unix_millis() < 14 * DAY {
        style.yellow(&format!("{day} ({relative})"))
    } else {
        format!("{day} ({relative})")
    }
}

/// Formats an expiry as a phrase: `never expires` or `expires 2026-12-31 (in 37 days)`.
pub(crate) fn ends(at: Option<&str>, style: &Style) -> String {
    let expiry = expiry(at, style);
    match at.and_then(parse) {
        None if at.is_none() => "never expires".to_owned(),
        Some(at) if at <= style.now => expiry,
        _ => format!("expires {expiry}"),
    }
}

/// Formats a past time: `2 minutes ago`, the date if it is more than 30 days ago, or `never`.
pub(crate) fn moment(at: Option<&str>, style: &Style) -> String {
    let Some(text) = at else {
        return "never".to_owned();
    };
    match parse(text) {
        None => plain(text),
        Some(at) if style.now.unix_millis() - at.unix_millis() > 30 * DAY => date(at),
        Some(at) => relative(at, style.now),
    }
}

/// Formats when a token was last used: as a cell, and as a phrase.
pub(crate) fn last_used(at: Option<&str>, style: &Style) -> (String, String) {
    let used = moment(at, style);
    let phrase = match at {
        None => "never used".to_owned(),
        Some(_) => format!("last used {used}"),
    };
    (used, phrase)
}

/// Formats a time to the second: `2026-11-24 05:58:12 UTC`.
pub(crate) fn instant(text: &str) -> String {
    match parse(text) {
        None => plain(text),
        Some(at) => format!("{} {} UTC", date(at), &at.to_string()[11..19]),
    }
}

/// Formats the day in UTC: `2026-12-31`.
fn date(at: Timestamp) -> String {
    at.to_string()[..10].to_owned()
}

fn clock(at: Timestamp) -> String {
    at.to_string()[11..16].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const STYLE: Style = Style {
        width: 80,
        color: false,
        now: openindex_domain::testing::fixtures::NOW,
    };

    #[test]
    fn an_expiry_at_midnight_is_shown_as_the_day_before() {
        for (at, shown) in [
            (Some("2027-01-01T00:00:00.000Z"), "2026-12-31 (in 38 days)"),
            (
                Some("2026-12-31T12:00:00.000Z"),
                "2026-12-31 12:00 UTC (in 37 days)",
            ),
            (Some("2026-11-25T00:00:00Z"), "2026-11-24 (in 18 hours)"),
            (
                Some("2026-11-24T06:00:00Z"),
                "expired 2026-11-24 06:00 UTC (just now)",
            ),
            (
                Some("2026-11-02T00:00:00Z"),
                "expired 2026-11-01 (22 days ago)",
            ),
            (
                Some("9999-12-31T23:59:59.999Z"),
                "9999-12-31 23:59 UTC (in 7973 years)",
            ),
            (None, "never"),
            (Some("soon\x1b"), "soon�"),
        ] {
            assert_eq!(expiry(at, &STYLE), shown, "{at:?}");
        }
    }

    #[test]
    fn a_recent_time_is_shown_relative_to_now() {
        for (at, shown) in [
            (Some("2026-11-24T05:59:59.500Z"), "just now"),
            (Some("2026-11-24T05:58:00Z"), "2 minutes ago"),
            (Some("2026-11-24T05:00:00Z"), "1 hour ago"),
            (Some("2026-11-22T05:00:00Z"), "2 days ago"),
            (Some("2025-11-22T05:00:00Z"), "2025-11-22"),
            (Some("2026-11-24T06:00:05Z"), "in less than a minute"),
            (None, "never"),
        ] {
            assert_eq!(moment(at, &STYLE), shown, "{at:?}");
        }
    }
}
