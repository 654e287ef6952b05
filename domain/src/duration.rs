//! Durations and relative times as text, the same on pages and in `oi`.

use crate::clock::Timestamp;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// Returns the time from `now` to `at`, such as `3 hours ago` or `in 2 days`, rounded as in
/// [`nearest`]. Anything closer than a minute is `just now` or `in less than a minute`.
#[must_use]
pub fn relative(at: Timestamp, now: Timestamp) -> String {
    let seconds = (at.unix_millis() - now.unix_millis()) / 1000;
    match (seconds.unsigned_abs(), seconds > 0) {
        (0..MINUTE, true) => "in less than a minute".to_owned(),
        (0..MINUTE, false) => "just now".to_owned(),
        (amount, true) => format!("in {}", nearest(amount)),
        (amount, false) => format!("{} ago", nearest(amount)),
    }
}

/// Returns a duration in seconds, rounded to the nearest of its usual unit: `30 days` for a second
/// less.
#[must_use]
pub fn nearest(seconds: u64) -> String {
    let round = |unit: u64| (seconds + unit / 2) / unit;
    // A year has 365.2425 days on average.
    let months = (seconds * 12 + 15_778_476) / 31_556_952;
    match (round(MINUTE), round(HOUR), round(DAY)) {
        _ if seconds < MINUTE => count(seconds, "second"),
        (minutes @ 0..60, ..) => count(minutes, "minute"),
        (_, hours @ 0..24, _) => count(hours, "hour"),
        (_, _, days @ 0..60) => count(days, "day"),
        _ if months < 12 => count(months, "month"),
        _ => count((months + 6) / 12, "year"),
    }
}

/// Returns a duration in seconds, rounded up to a whole unit, so that someone who waits for it does
/// not wait too short: `15 minutes` for 899.
#[must_use]
pub fn at_least(seconds: u64) -> String {
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

fn count(amount: u64, unit: &str) -> String {
    let plural = if amount == 1 { "" } else { "s" };
    format!("{amount} {unit}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::fixtures::NOW;

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
            let at = NOW.saturating_add_seconds(seconds);
            assert_eq!(relative(at, NOW), text, "{seconds}");
        }
        assert_eq!(relative(Timestamp::MIN, Timestamp::MAX), "8030 years ago");
        assert_eq!(nearest(59), "59 seconds");
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
            assert_eq!(at_least(seconds), text, "{seconds}");
        }
    }
}
