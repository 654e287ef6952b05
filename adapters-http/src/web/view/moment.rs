use std::fmt;

use askama::filters::HtmlSafe;
use openindex_domain::clock::Timestamp;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// A time on a page: the date, the time in UTC, and the relative time. A script converts date and
/// time to the reader's time zone.
#[derive(Debug, Clone, Copy)]
pub(in crate::web) struct Moment {
    at: Timestamp,
    now: Timestamp,
    has_seconds: bool,
}

impl Moment {
    pub(in crate::web) const fn new(at: Timestamp, now: Timestamp) -> Self {
        Self {
            at,
            now,
            has_seconds: false,
        }
    }

    /// Returns the last millisecond before `at`: an expiry at midnight shows the day that ends.
    pub(in crate::web) fn end(at: Timestamp, now: Timestamp) -> Self {
        Self::new(at.saturating_add_millis(-1), now)
    }

    /// Returns the same time, shown to the second.
    pub(in crate::web) const fn to_the_second(self) -> Self {
        Self {
            has_seconds: true,
            ..self
        }
    }

    /// Returns the relative time, such as `3 hours ago` or `in 2 days`, rounded to the nearest
    /// unit.
    pub(in crate::web) fn relative(self) -> String {
        let seconds = (self.at.unix_millis() - self.now.unix_millis()) / 1000;
        let amount = seconds.unsigned_abs();
        if amount < MINUTE {
            let text = if seconds > 0 {
                "in less than a minute"
            } else {
                "just now"
            };
            return text.to_owned();
        }
        let amount = nearest(amount);
        if seconds > 0 {
            format!("in {amount}")
        } else {
            format!("{amount} ago")
        }
    }

    /// Returns the date and time, such as `24 Nov 2026, 06:00 UTC`.
    pub(in crate::web) fn exact(self) -> String {
        format!("{}, {}", self.day(), self.clock())
    }

    /// Returns the date, such as `24 Nov 2026`.
    pub(in crate::web) fn day(self) -> String {
        let at = self.at.to_datetime();
        let month: String = at.month().to_string().chars().take(3).collect();
        format!("{} {month} {}", at.day(), at.year())
    }

    fn clock(self) -> String {
        let at = self.at.to_datetime();
        let (hour, minute, second) = (at.hour(), at.minute(), at.second());
        if self.has_seconds {
            format!("{hour:02}:{minute:02}:{second:02} UTC")
        } else {
            format!("{hour:02}:{minute:02} UTC")
        }
    }
}

/// Returns a duration in seconds, rounded up to a whole unit: `15 minutes` for 899.
pub(in crate::web) fn duration(seconds: u64) -> String {
    let minutes = seconds.div_ceil(MINUTE);
    let hours = seconds.div_ceil(HOUR);
    match seconds {
        0..MINUTE => count(seconds, "second"),
        // Rounding 61 minutes up to 2 hours would be too coarse.
        _ if minutes < 120 && minutes != 60 => count(minutes, "minute"),
        _ if hours < 24 => count(hours, "hour"),
        _ => count(seconds.div_ceil(DAY), "day"),
    }
}

/// Returns a duration of at least a minute in its usual unit, rounded to the nearest.
fn nearest(seconds: u64) -> String {
    let round = |unit: u64| (seconds + unit / 2) / unit;
    // A year has 365.2425 days on average.
    let months = (seconds * 12 + 15_778_476) / 31_556_952;
    match (round(MINUTE), round(HOUR), round(DAY)) {
        (minutes @ 0..60, ..) => count(minutes, "minute"),
        (_, hours @ 0..24, _) => count(hours, "hour"),
        (_, _, days @ 0..60) => count(days, "day"),
        _ if months < 12 => count(months, "month"),
        _ => count((months + 6) / 12, "year"),
    }
}

fn count(amount: u64, unit: &str) -> String {
    let plural = if amount == 1 { "" } else { "s" };
    format!("{amount} {unit}{plural}")
}

/// Contains only digits, letters and fixed markup, so there is nothing to escape.
impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (at, day, clock) = (self.at, self.day(), self.clock());
        let class = if self.has_seconds {
            " class=\"exact\""
        } else {
            ""
        };
        write!(
            f,
            "<time datetime=\"{at}\"{class}><span>{day},</span> <span>{clock}</span></time> \
             <span class=\"ago\">{}</span>",
            self.relative()
        )
    }
}

impl HtmlSafe for Moment {}

#[cfg(test)]
mod tests {
    use super::*;
    use openindex_domain::testing::fixtures::NOW;

    #[test]
    fn relative_times_are_rounded_to_the_nearest_unit() {
        let day = 86_400;
        for (seconds, text) in [
            (0, "just now"),
            (-59, "just now"),
            (30, "in less than a minute"),
            (-60, "1 minute ago"),
            (-89, "1 minute ago"),
            (-90, "2 minutes ago"),
            (-3599, "1 hour ago"),
            (3599, "in 1 hour"),
            (-5400, "2 hours ago"),
            (day - 1, "in 1 day"),
            (7 * day - 1, "in 7 days"),
            (30 * day - 1, "in 30 days"),
            (-45 * day, "45 days ago"),
            (90 * day - 1, "in 3 months"),
            (365 * day - 1, "in 1 year"),
            (-800 * day, "2 years ago"),
            (3650 * day, "in 10 years"),
        ] {
            let moment = Moment::new(NOW.saturating_add_seconds(seconds), NOW);
            assert_eq!(moment.relative(), text, "{seconds}");
        }
    }

    #[test]
    fn durations_are_rounded_up() {
        for (seconds, text) in [
            (0, "0 seconds"),
            (1, "1 second"),
            (59, "59 seconds"),
            (60, "1 minute"),
            (61, "2 minutes"),
            (899, "15 minutes"),
            (3599, "1 hour"),
            (3600, "1 hour"),
            (3601, "61 minutes"),
            (7200, "2 hours"),
            (7201, "3 hours"),
            (12 * 3600, "12 hours"),
            (86_400, "1 day"),
            (86_401, "2 days"),
            (14 * 86_400, "14 days"),
        ] {
            assert_eq!(duration(seconds), text, "{seconds}");
        }
    }

    #[test]
    fn the_markup_has_the_time_in_utc_and_the_timestamp_for_scripts() {
        let moment = Moment::new(NOW, NOW);
        assert_eq!(
            moment.to_string(),
            "<time datetime=\"2026-11-24T06:00:00.000Z\"><span>24 Nov 2026,</span> \
             <span>06:00 UTC</span></time> <span class=\"ago\">just now</span>"
        );
        assert_eq!(moment.exact(), "24 Nov 2026, 06:00 UTC");
        assert_eq!(moment.to_the_second().exact(), "24 Nov 2026, 06:00:00 UTC");
    }
}
