use std::fmt;

use askama::filters::HtmlSafe;
use openindex_domain::clock::Timestamp;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
const MONTH: u64 = 30 * DAY;
const YEAR: u64 = 365 * DAY;

/// An instant as a `<time>` element: how long ago, or in how long, with the exact time in UTC on
/// hover.
#[derive(Debug, Clone, Copy)]
pub(in crate::web) struct Moment {
    at: Timestamp,
    now: Timestamp,
}

impl Moment {
    pub(in crate::web) const fn new(at: Timestamp, now: Timestamp) -> Self {
        Self { at, now }
    }

    /// As in `3 hours ago` or `in 2 days`.
    pub(in crate::web) fn relative(self) -> String {
        let seconds = (self.at.unix_millis() - self.now.unix_millis()) / 1000;
        let amount = seconds.unsigned_abs();
        if amount < MINUTE {
            return if seconds > 0 {
                "in a moment"
            } else {
                "just now"
            }
            .to_owned();
        }
        let amount = duration(amount);
        if seconds > 0 {
            format!("in {amount}")
        } else {
            format!("{amount} ago")
        }
    }

    /// As in `24 Nov 2026, 06:00:00 UTC`.
    pub(in crate::web) fn exact(self) -> String {
        let at = self.at.to_datetime();
        let month: String = at.month().to_string().chars().take(3).collect();
        let (hour, minute, second) = (at.hour(), at.minute(), at.second());
        format!(
            "{} {month} {}, {hour:02}:{minute:02}:{second:02} UTC",
            at.day(),
            at.year()
        )
    }

    /// As in `24 Nov 2026`.
    pub(in crate::web) fn day(self) -> String {
        let exact = self.exact();
        exact.split(',').next().unwrap_or_default().to_owned()
    }
}

/// Seconds in their largest unit, rounded down: `1 minute`, `5 days`.
pub(in crate::web) fn duration(seconds: u64) -> String {
    let (amount, unit) = match seconds {
        0..MINUTE => (seconds, "second"),
        MINUTE..HOUR => (seconds / MINUTE, "minute"),
        HOUR..DAY => (seconds / HOUR, "hour"),
        DAY..MONTH => (seconds / DAY, "day"),
        MONTH..YEAR => (seconds / MONTH, "month"),
        YEAR.. => (seconds / YEAR, "year"),
    };
    let plural = if amount == 1 { "" } else { "s" };
    format!("{amount} {unit}{plural}")
}

/// Digits, letters and fixed markup: nothing to escape.
impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (at, exact, relative) = (self.at, self.exact(), self.relative());
        write!(
            f,
            r#"<time datetime="{at}" title="{exact}">{relative}</time>"#
        )
    }
}

impl HtmlSafe for Moment {}

#[cfg(test)]
mod tests {
    use super::*;
    use openindex_domain::testing::fixtures::NOW;

    #[test]
    fn tells_how_long_ago_or_in_how_long() {
        for (seconds, text) in [
            (0, "just now"),
            (-59, "just now"),
            (30, "in a moment"),
            (-60, "1 minute ago"),
            (-3599, "59 minutes ago"),
            (-3600, "1 hour ago"),
            (-86_400, "1 day ago"),
            (-29 * 86_400, "29 days ago"),
            (-45 * 86_400, "1 month ago"),
            (-364 * 86_400, "12 months ago"),
            (-800 * 86_400, "2 years ago"),
            (7 * 86_400, "in 7 days"),
        ] {
            let moment = Moment::new(NOW.saturating_add_seconds(seconds), NOW);
            assert_eq!(moment.relative(), text);
        }
    }

    #[test]
    fn the_exact_time_is_for_machines_and_on_hover() {
        assert_eq!(
            Moment::new(NOW, NOW).to_string(),
            r#"<time datetime="2026-11-24T06:00:00.000Z" title="24 Nov 2026, 06:00:00 UTC">just now</time>"#
        );
        assert_eq!(Moment::new(NOW, NOW).day(), "24 Nov 2026");
    }
}
