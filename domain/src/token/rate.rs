use crate::clock::Timestamp;

/// The period that a [`CreationRate`] applies to: 24 hours.
const WINDOW_SECONDS: i64 = 24 * 60 * 60;

/// The maximum number of tokens of one kind that can be created for a user within any 24 hours,
/// including those that have ended since. A quota counts live tokens only, so without this limit a
/// loop that creates and deletes would fill the disk with tombstones and audit events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CreationRate(u32);

/// The user has reached the [`CreationRate`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the limit of {limit} within 24 hours is reached; try again after {until}")]
pub struct RateReached {
    /// The maximum number of tokens within 24 hours.
    pub limit: u32,
    /// When the next one can be created.
    pub until: Timestamp,
    /// The number of seconds until then, at least 1.
    pub retry_after_seconds: u32,
}

impl CreationRate {
    /// The default for personal access tokens: 1,000.
    pub const DEFAULT_TOKENS: Self = Self(1_000);
    /// The default for agent runs: 10,000.
    pub const DEFAULT_RUNS: Self = Self(10_000);

    /// Creates a rate of `limit` tokens per 24 hours; 0 counts as 1.
    #[must_use]
    pub const fn new(limit: u32) -> Self {
        Self(if limit == 0 { 1 } else { limit })
    }

    /// Returns the maximum number of tokens per 24 hours, at least 1.
    #[must_use]
    pub const fn limit(self) -> u32 {
        self.0
    }

    /// Checks whether one more can be created at `now`. `nth_newest` is when the user's
    /// [`limit`](Self::limit)-th newest token of that kind was created, including revoked and
    /// expired ones; `None` when there are fewer.
    pub(crate) fn check(
        self,
        nth_newest: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<(), RateReached> {
        let until = nth_newest.map(|at| at.saturating_add_seconds(WINDOW_SECONDS));
        match until {
            Some(until) if until > now => {
                let millis = (until.unix_millis() - now.unix_millis()).unsigned_abs();
                Err(RateReached {
                    limit: self.0,
                    until,
                    retry_after_seconds: u32::try_from(millis.div_ceil(1_000)).unwrap_or(u32::MAX),
                })
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::fixtures::NOW;

    #[test]
    fn a_token_counts_for_24_hours() {
        let rate = CreationRate::new(3);
        assert_eq!(rate.check(None, NOW), Ok(()));
        let day = 24 * 60 * 60;
        assert_eq!(
            rate.check(Some(NOW), NOW)
                .map_err(|reached| reached.retry_after_seconds),
            Err(86_400)
        );
        let last = NOW.saturating_add_seconds(day).saturating_add_millis(-1);
        assert_eq!(
            rate.check(Some(NOW), last)
                .map_err(|reached| reached.retry_after_seconds),
            Err(1)
        );
        assert_eq!(
            rate.check(Some(NOW), NOW.saturating_add_seconds(day)),
            Ok(())
        );
    }

    proptest! {
        /// For any distribution of creations and attempts, no 24 hours have more than the limit,
        /// and a retry after the indicated time succeeds.
        #[test]
        fn no_24_hours_have_more_than_the_limit(
            limit in 1_u32..6,
            gaps in prop::collection::vec(0_i64..40_000, 1..60),
        ) {
            let rate = CreationRate::new(limit);
            let nth = |issued: &[Timestamp]| {
                let nth = issued.len().checked_sub(limit as usize)?;
                issued.get(nth).copied()
            };
            let mut issued: Vec<Timestamp> = Vec::new();
            let mut now = NOW;
            for gap in gaps {
                now = now.saturating_add_seconds(gap);
                if let Err(reached) = rate.check(nth(&issued), now) {
                    let waited = now.saturating_add_seconds(reached.retry_after_seconds.into());
                    prop_assert_eq!(rate.check(nth(&issued), waited), Ok(()));
                    continue;
                }
                issued.push(now);
                let since = now.saturating_add_seconds(-WINDOW_SECONDS);
                let within = issued.iter().filter(|at| **at > since).count();
                prop_assert!(within <= limit as usize);
            }
        }
    }
}
