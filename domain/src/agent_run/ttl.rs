/// The minimum lifetime of a run: 60 seconds.
pub const MIN_RUN_SECONDS: u32 = 60;
/// The maximum lifetime of a run: 24 hours.
pub const MAX_RUN_SECONDS: u32 = 24 * 60 * 60;

/// The lifetime of a run: 60 seconds to 24 hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunTtl(u32);

/// The lifetime is too short or too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be from {MIN_RUN_SECONDS} to {MAX_RUN_SECONDS} seconds (24 hours)")]
pub struct RunTtlError;

impl RunTtl {
    /// Creates a lifetime of `seconds`.
    ///
    /// # Errors
    ///
    /// [`RunTtlError`] outside [`MIN_RUN_SECONDS`] to [`MAX_RUN_SECONDS`].
    pub fn from_seconds(seconds: i64) -> Result<Self, RunTtlError> {
        u32::try_from(seconds)
            .ok()
            .filter(|seconds| (MIN_RUN_SECONDS..=MAX_RUN_SECONDS).contains(seconds))
            .map(Self)
            .ok_or(RunTtlError)
    }

    /// Returns the lifetime in seconds.
    #[must_use]
    pub const fn seconds(self) -> u32 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_lasts_a_minute_to_a_day() {
        for seconds in [60, 86_400] {
            assert!(RunTtl::from_seconds(seconds).is_ok(), "{seconds}");
        }
        for seconds in [59, 86_401, 0, -1, i64::MIN, i64::MAX] {
            assert_eq!(RunTtl::from_seconds(seconds), Err(RunTtlError));
        }
    }
}
