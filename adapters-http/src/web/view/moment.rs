use std::fmt;

use askama::filters::HtmlSafe;
use openindex_domain::clock::Timestamp;
use openindex_domain::duration::relative;

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

    /// Returns the relative time, such as `3 hours ago` or `in 2 days`.
    pub(in crate::web) fn relative(self) -> String {
        relative(self.at, self.now)
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
