//! Timestamps, and the port for the current time.

use std::fmt;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The last millisecond of the year 9999, the latest instant that RFC 3339 §5.6 can express.
const MAX_UNIX_MILLIS: i64 = 253_402_300_799_999;

/// An instant in UTC with millisecond resolution, from 1970 to the end of the year 9999.
///
/// Every store and client represents milliseconds exactly, so an instant that is read back equals
/// the one written. Displays as RFC 3339 with three decimals and `Z`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// 1970-01-01T00:00:00.000Z, the earliest instant.
    pub const MIN: Self = Self(0);
    /// 9999-12-31T23:59:59.999Z, the latest instant.
    pub const MAX: Self = Self(MAX_UNIX_MILLIS);

    /// Returns the instant `millis` milliseconds after the Unix epoch, or `None` outside 1970–9999.
    #[must_use]
    pub const fn from_unix_millis(millis: i64) -> Option<Self> {
        if millis >= 0 && millis <= MAX_UNIX_MILLIS {
            Some(Self(millis))
        } else {
            None
        }
    }

    /// Returns the milliseconds since the Unix epoch, 0 to 253 402 300 799 999.
    #[must_use]
    pub const fn unix_millis(self) -> i64 {
        self.0
    }

    /// Returns the instant of `at`, truncated to the millisecond, or `None` outside 1970–9999.
    ///
    /// Truncating ensures that an expiry is never later than requested.
    #[must_use]
    pub fn from_datetime(at: OffsetDateTime) -> Option<Self> {
        i64::try_from(at.unix_timestamp_nanos().div_euclid(1_000_000))
            .ok()
            .and_then(Self::from_unix_millis)
    }

    /// Returns the same instant as an [`OffsetDateTime`] in UTC.
    #[must_use]
    pub fn to_datetime(self) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000_000)
            .unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }

    /// Parses an RFC 3339 date-time with any offset. Returns `None` when it is invalid or outside
    /// 1970–9999.
    #[must_use]
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        OffsetDateTime::parse(text, &Rfc3339)
            .ok()
            .and_then(Self::from_datetime)
    }

    /// Parses an RFC 3339 date-time or a date, which stands for the start of that day in UTC.
    /// Returns `None` when it is neither or outside 1970–9999.
    #[must_use]
    pub fn parse_since(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.len() == "2026-12-31".len() {
            return Self::parse_rfc3339(&format!("{text}T00:00:00Z"));
        }
        Self::parse_rfc3339(text)
    }

    /// Adds `millis`, which may be negative, and clamps the result to 1970–9999.
    #[must_use]
    pub fn saturating_add_millis(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis).clamp(0, MAX_UNIX_MILLIS))
    }

    /// Adds `seconds`, which may be negative, and clamps the result to 1970–9999.
    #[must_use]
    pub fn saturating_add_seconds(self, seconds: i64) -> Self {
        self.saturating_add_millis(seconds.saturating_mul(1_000))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.to_datetime();
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
            at.year(),
            u8::from(at.month()),
            at.day(),
            at.hour(),
            at.minute(),
            at.second(),
            at.millisecond()
        )
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Port: the current time.
#[cfg_attr(feature = "testing", mockall::automock)]
pub trait Clock: Send + Sync {
    /// Returns the current instant.
    fn now(&self) -> Timestamp;
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn is_written_as_rfc_3339_with_milliseconds_and_z() {
        let at = Timestamp::parse_rfc3339("2026-11-24T07:02:06.1239+01:00").unwrap();
        assert_eq!(at.to_string(), "2026-11-24T06:02:06.123Z");
        assert_eq!(Timestamp::MAX.to_string(), "9999-12-31T23:59:59.999Z");
    }

    #[test]
    fn instants_outside_1970_to_9999_are_rejected() {
        for text in ["1969-12-31T23:59:59Z", "9999-12-31T23:59:59-01:00"] {
            assert_eq!(Timestamp::parse_rfc3339(text), None, "{text}");
        }
        assert_eq!(Timestamp::from_unix_millis(-1), None);
        assert_eq!(Timestamp::from_unix_millis(MAX_UNIX_MILLIS + 1), None);
    }

    #[test]
    fn a_date_means_the_start_of_its_day() {
        let since = |text| Timestamp::parse_since(text).map(|at| at.to_string());
        let midnight = Some("2026-12-31T00:00:00.000Z".to_owned());
        assert_eq!(since("2026-12-31"), midnight);
        assert_eq!(since(" 2026-12-31T01:00:00+01:00 "), midnight);
        for text in ["", "2026-13-01", "tomorrow", "2026-12-31T", "31.12.2026"] {
            assert_eq!(since(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn text_round_trips(millis in 0..=MAX_UNIX_MILLIS) {
            let at = Timestamp::from_unix_millis(millis).unwrap();
            prop_assert_eq!(Timestamp::parse_rfc3339(&at.to_string()), Some(at));
            prop_assert_eq!(Timestamp::from_datetime(at.to_datetime()), Some(at));
        }

        #[test]
        fn arithmetic_never_leaves_the_range(millis in 0..=MAX_UNIX_MILLIS, by in any::<i64>()) {
            let at = Timestamp::from_unix_millis(millis).unwrap().saturating_add_seconds(by);
            prop_assert!(Timestamp::MIN <= at && at <= Timestamp::MAX);
        }
    }
}
