use std::fmt;

use time::format_description::FormatItem;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Date, OffsetDateTime, Time};

use crate::clock::Timestamp;

const DATE: &[FormatItem<'_>] = format_description!("[year]-[month]-[day]");

/// When a token expires. A token is live while `now < expires_at`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    /// The token does not expire.
    Never,
    /// At this instant: the token is live before it.
    At(Timestamp),
    /// At the end of this day.
    EndOf(Day),
}

/// A calendar day in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Day(Date);

impl Day {
    /// Returns the following midnight, because an expiry is exclusive. A day before 1970 yields the
    /// start of 1970, which is equally in the past; the last day of 9999 yields the last
    /// millisecond.
    fn end(self) -> Timestamp {
        match self.0.next_day() {
            Some(next) => Timestamp::from_datetime(next.with_time(Time::MIDNIGHT).assume_utc())
                .unwrap_or(Timestamp::MIN),
            None => Timestamp::MAX,
        }
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A token's lifetime in whole seconds, at least one, measured by the server's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetime(i64);

impl Lifetime {
    /// Creates a lifetime of `seconds`.
    ///
    /// # Errors
    ///
    /// [`ExpiryError::Lifetime`] when it is shorter than one second or longer than the range of
    /// [`Timestamp`].
    pub fn from_seconds(seconds: i64) -> Result<Self, ExpiryError> {
        if (1..=Timestamp::MAX.unix_millis() / 1_000).contains(&seconds) {
            Ok(Self(seconds))
        } else {
            Err(ExpiryError::Lifetime)
        }
    }

    /// Returns the lifetime in seconds.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.0
    }
}

/// An expiry as requested: absolute or relative. It is resolved to an [`Expiry`] with the same
/// clock reading that is used for the rest of the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestedExpiry {
    /// At this expiry.
    At(Expiry),
    /// After this lifetime.
    In(Lifetime),
}

impl RequestedExpiry {
    /// Returns the expiry of a token created at `now`.
    pub(super) fn resolve(self, now: Timestamp) -> Result<Expiry, ExpiryError> {
        match self {
            Self::At(expiry) => expiry.check_future(now),
            Self::In(Lifetime(seconds)) => seconds
                .checked_mul(1_000)
                .and_then(|millis| now.unix_millis().checked_add(millis))
                .and_then(Timestamp::from_unix_millis)
                .map(Expiry::At)
                .ok_or(ExpiryError::Lifetime),
        }
    }
}

impl From<Expiry> for RequestedExpiry {
    fn from(expiry: Expiry) -> Self {
        Self::At(expiry)
    }
}

impl From<Lifetime> for RequestedExpiry {
    fn from(lifetime: Lifetime) -> Self {
        Self::In(lifetime)
    }
}

/// The text or instant is not a valid expiry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ExpiryError {
    /// Neither an RFC 3339 date-time nor a date, or after the year 9999.
    #[error(
        "must be an RFC 3339 date-time such as 2026-12-31T12:00:00Z, or a date such as 2026-12-31, \
         up to the year 9999"
    )]
    Unparsable,
    /// Not after the current time. The error includes the server's time, so that a client whose
    /// clock is wrong can tell.
    #[error("must be in the future (server time: {now})")]
    NotInFuture {
        /// The server's time.
        now: Timestamp,
    },
    /// A day that has ended in UTC. It may not be over yet in the user's time zone, so the error
    /// shows the time in UTC.
    #[error(
        "must be in the future: {day} has already ended in UTC; choose {today} or later \
         (server time: {now})", today = Day(.now.to_datetime().date())
    )]
    DayEnded {
        /// The requested day.
        day: Day,
        /// The server's time.
        now: Timestamp,
    },
    /// Shorter than one second, or ending after the year 9999.
    #[error("must be at least 1 second, and must not end after the year 9999")]
    Lifetime,
}

impl Expiry {
    /// Parses an RFC 3339 date-time or a date, which means the end of that day in UTC. Blank means
    /// never.
    ///
    /// # Errors
    ///
    /// [`ExpiryError::Unparsable`]. Whether it is in the future is checked when a token is created.
    pub fn parse(text: &str) -> Result<Self, ExpiryError> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(Self::Never);
        }
        // RFC 3339 has no signed years, but the date parser accepts them.
        if text.starts_with(['+', '-']) {
            return Err(ExpiryError::Unparsable);
        }
        let at = match Date::parse(text, DATE) {
            Ok(day) => return Ok(Self::EndOf(Day(day))),
            Err(_) => OffsetDateTime::parse(text, &Rfc3339).map_err(|_| ExpiryError::Unparsable)?,
        };
        if at < OffsetDateTime::UNIX_EPOCH {
            return Ok(Self::At(Timestamp::MIN));
        }
        Timestamp::from_datetime(at)
            .map(Self::At)
            .ok_or(ExpiryError::Unparsable)
    }

    /// Returns the instant, or `None` for never.
    #[must_use]
    pub fn instant(self) -> Option<Timestamp> {
        match self {
            Self::Never => None,
            Self::At(at) => Some(at),
            Self::EndOf(day) => Some(day.end()),
        }
    }

    /// Returns the expiry if it is after `now`.
    ///
    /// # Errors
    ///
    /// [`ExpiryError::NotInFuture`] or [`ExpiryError::DayEnded`].
    pub fn check_future(self, now: Timestamp) -> Result<Self, ExpiryError> {
        match self {
            Self::At(at) if at <= now => Err(ExpiryError::NotInFuture { now }),
            Self::EndOf(day) if day.end() <= now => Err(ExpiryError::DayEnded { day, now }),
            _ => Ok(self),
        }
    }
}

impl fmt::Display for Expiry {
    /// Formats the expiry so that [`Expiry::parse`] can read it; never is blank.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Never => Ok(()),
            Self::At(at) => at.fmt(f),
            Self::EndOf(day) => day.fmt(f),
        }
    }
}

impl From<Option<Timestamp>> for Expiry {
    fn from(at: Option<Timestamp>) -> Self {
        at.map_or(Self::Never, Self::At)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parsed(text: &str) -> String {
        match Expiry::parse(text).map(Expiry::instant) {
            Ok(Some(at)) => at.to_string(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn a_date_means_the_end_of_its_day_in_utc() {
        assert_eq!(parsed("2026-12-31"), "2027-01-01T00:00:00.000Z");
        assert_eq!(parsed("2028-02-29"), "2028-03-01T00:00:00.000Z");
        assert_eq!(parsed("9999-12-30"), "9999-12-31T00:00:00.000Z");
        assert_eq!(parsed("9999-12-31"), "9999-12-31T23:59:59.999Z");
    }

    #[test]
    fn a_date_time_means_its_instant() {
        assert_eq!(
            parsed("2026-12-31T12:00:00+02:00"),
            "2026-12-31T10:00:00.000Z"
        );
        assert_eq!(
            parsed(" 2026-12-31T12:00:00.9999Z "),
            "2026-12-31T12:00:00.999Z"
        );
    }

    #[test]
    fn blank_means_never() {
        assert_eq!(Expiry::parse(""), Ok(Expiry::Never));
        assert_eq!(Expiry::parse("  "), Ok(Expiry::Never));
    }

    #[test]
    fn dates_before_1970_are_in_the_past() {
        for text in ["0001-01-01", "1969-12-31T23:59:59Z"] {
            assert_eq!(
                Expiry::parse(text).map(Expiry::instant),
                Ok(Some(Timestamp::MIN)),
                "{text}"
            );
        }
    }

    #[test]
    fn other_text_is_rejected() {
        for text in [
            "tomorrow",
            "90d",
            "2026-13-01",
            "2026-02-30",
            "2026-12-31T12:00:00",
            "31.12.2026",
            "10000-01-01",
            "+10000-01-01",
            "10000-01-01T00:00:00Z",
            "1767225600",
            "2026-12-31T25:00:00Z",
            "9999-12-31T23:59:59-01:00",
            "-0001-01-01",
        ] {
            assert_eq!(Expiry::parse(text), Err(ExpiryError::Unparsable), "{text}");
        }
    }

    #[test]
    fn now_is_not_in_the_future() {
        let now = Timestamp::parse_rfc3339("2026-11-24T06:00:00Z").unwrap();
        assert_eq!(
            Expiry::At(now).check_future(now),
            Err(ExpiryError::NotInFuture { now })
        );
        let later = Expiry::At(now.saturating_add_millis(1));
        assert_eq!(later.check_future(now), Ok(later));
        assert_eq!(Expiry::Never.check_future(now), Ok(Expiry::Never));
    }

    #[test]
    fn a_lifetime_starts_now_and_stays_within_the_calendar() {
        let now = Timestamp::parse_rfc3339("2026-11-24T06:00:00Z").unwrap();
        let after = |seconds| Lifetime::from_seconds(seconds).map(RequestedExpiry::from);
        let in_an_hour = after(3_600).and_then(|expiry| expiry.resolve(now));
        assert_eq!(
            in_an_hour,
            Ok(Expiry::At(now.saturating_add_seconds(3_600)))
        );
        for seconds in [0, -1, i64::MIN, i64::MAX] {
            assert_eq!(after(seconds), Err(ExpiryError::Lifetime), "{seconds}");
        }
        let to_the_end = (Timestamp::MAX.unix_millis() - now.unix_millis()) / 1_000;
        assert!(after(to_the_end).and_then(|e| e.resolve(now)).is_ok());
        assert_eq!(
            after(to_the_end + 1).and_then(|expiry| expiry.resolve(now)),
            Err(ExpiryError::Lifetime)
        );
    }

    #[test]
    fn an_expiry_in_the_past_is_rejected_with_the_servers_time() {
        let now = Timestamp::parse_rfc3339("2026-11-24T06:00:00Z").unwrap();
        let error = RequestedExpiry::from(Expiry::At(now)).resolve(now);
        assert_eq!(
            error.map_err(|error| error.to_string()),
            Err("must be in the future (server time: 2026-11-24T06:00:00.000Z)".to_owned())
        );
    }

    #[test]
    fn a_day_that_has_ended_in_utc_is_rejected_with_the_time_in_utc() {
        let resolve = |day, now| {
            let now = Timestamp::parse_rfc3339(now).unwrap();
            let expiry = RequestedExpiry::from(Expiry::parse(day).unwrap()).resolve(now);
            expiry
                .map(Expiry::instant)
                .map_err(|error| error.to_string())
        };
        // Still the 27th west of Greenwich.
        assert_eq!(
            resolve("2026-11-27", "2026-11-28T01:30:00Z"),
            Err(
                "must be in the future: 2026-11-27 has already ended in UTC; choose 2026-11-28 or \
                 later (server time: 2026-11-28T01:30:00.000Z)"
                    .to_owned()
            )
        );
        assert!(resolve("2026-11-27", "2026-11-28T00:00:00Z").is_err());
        assert!(resolve("2026-11-27", "2026-11-27T23:59:59.999Z").is_ok());
        // Already the 28th east of Greenwich, and in UTC still the 27th.
        assert_eq!(
            resolve("2026-11-27", "2026-11-27T11:00:00Z"),
            Ok(Timestamp::parse_rfc3339("2026-11-28T00:00:00Z"))
        );
        assert!(resolve("2026-02-28", "2026-03-01T00:00:00Z").is_err());
        assert!(resolve("9999-12-31", "9999-12-31T23:00:00Z").is_ok());
    }

    proptest! {
        #[test]
        fn text_round_trips(millis in 0..=253_402_300_799_999_i64) {
            let expiry = Expiry::from(Timestamp::from_unix_millis(millis));
            prop_assert_eq!(Expiry::parse(&expiry.to_string()), Ok(expiry));
            prop_assert_eq!(Expiry::parse(&Expiry::Never.to_string()), Ok(Expiry::Never));
        }

        #[test]
        fn arbitrary_text_never_panics(text in ".{0,40}") {
            let _ = Expiry::parse(&text);
        }

        #[test]
        fn near_dates_never_panic(
            text in "[+-]?[0-9]{1,6}-[0-9]{1,3}-[0-9]{1,3}(T[0-9:.]{0,20}(Z|[+-][0-9:]{0,6})?)?"
        ) {
            if let Ok(expiry) = Expiry::parse(&text) {
                prop_assert!(expiry.instant() <= Some(Timestamp::MAX));
                prop_assert_eq!(Expiry::parse(&expiry.to_string()), Ok(expiry));
            }
        }
    }
}
