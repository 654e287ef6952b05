//! The servers of a URL that lists several, of which one is the primary.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use openindex_domain::StoreError;
use sqlx::postgres::{PgConnectOptions, PgPool};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Row as _};
use tokio::task::JoinSet;

use crate::error::{address, connect_error, no_primary};

/// SQL for the name of the file that the server writes its log to, which begins with its timeline;
/// empty on a standby.
pub(crate) const LOG_FILE: &str =
    "CASE WHEN pg_is_in_recovery() THEN '' ELSE pg_walfile_name(pg_current_wal_lsn()) END";

/// Minimum time between two searches.
const PAUSE: Duration = Duration::from_millis(100);

/// Finds the primary among several servers; does nothing if there is one server. Clones share what
/// they know.
///
/// The pool's connect options are always those of the newest primary so far, which is known by its
/// timeline: each promotion begins the next one. A former primary that is started again as it was
/// stays at the earlier one. It accepts connections like a primary, and has tokens as live that the
/// new one has revoked.
#[derive(Clone, Default)]
pub(crate) struct Hosts(Option<Arc<Several>>);

struct Several {
    servers: Vec<PgConnectOptions>,
    /// How long a server may take before the others are asked too.
    limit: Duration,
    primary: Mutex<Primary>,
    /// When the last search ended, and the error if it found no primary.
    searched: tokio::sync::Mutex<Option<(Instant, Option<String>)>>,
}

/// The newest primary so far.
#[derive(Debug, Clone, Copy, Default)]
struct Primary {
    /// Its position among the servers.
    position: usize,
    /// 0 before the first search.
    timeline: u32,
    /// How often it was replaced, and when for the last time.
    changes: u64,
    changed: Option<Instant>,
}

impl Primary {
    fn reach(&mut self, timeline: u32) {
        if timeline > self.timeline {
            if self.timeline > 0 {
                self.changes += 1;
                self.changed = Some(Instant::now());
            }
            self.timeline = timeline;
        }
    }
}

impl Hosts {
    pub(crate) fn new(servers: Vec<PgConnectOptions>, acquire_timeout: Duration) -> Self {
        let several = (servers.len() > 1).then(|| Several {
            servers,
            limit: acquire_timeout / 3,
            primary: Mutex::default(),
            searched: tokio::sync::Mutex::default(),
        });
        Self(several.map(Arc::new))
    }

    pub(crate) fn are_several(&self) -> bool {
        self.0.is_some()
    }

    /// Makes an attempt with the pool or its connect options. If it fails or takes long, searches
    /// for the primary and makes a second one.
    pub(crate) async fn on_primary<T, A>(
        &self,
        pool: &PgPool,
        attempt: impl Fn() -> A,
    ) -> Result<T, StoreError>
    where
        A: Future<Output = Result<T, StoreError>>,
    {
        let Some(several) = &self.0 else {
            return attempt().await;
        };
        if several.primary().timeline == 0 {
            several.search(pool).await?;
        }
        if let Ok(Ok(done)) = tokio::time::timeout(several.limit, attempt()).await {
            return Ok(done);
        }
        several.search(pool).await?;
        attempt().await
    }

    /// Rejects a session with a former primary, by its [`LOG_FILE`].
    pub(crate) fn check(&self, log_file: &str) -> sqlx::Result<()> {
        let Some(several) = &self.0 else {
            return Ok(());
        };
        let timeline = timeline(log_file)?.unwrap_or_default();
        let mut primary = several.primary();
        if timeline < primary.timeline {
            let message = format!(
                "the database server is a former primary (timeline {timeline}; the primary has \
                 {}); make it a standby",
                primary.timeline
            );
            return Err(sqlx::Error::Configuration(message.into()));
        }
        primary.reach(timeline);
        Ok(())
    }

    /// Returns whether a connection of this age is not to a former primary.
    pub(crate) fn is_current(&self, age: Duration) -> bool {
        let changed = self
            .0
            .as_ref()
            .and_then(|several| several.primary().changed);
        changed.is_none_or(|changed| age < changed.elapsed())
    }

    /// Returns how often the primary was replaced.
    pub(crate) fn changes(&self) -> u64 {
        let several = self.0.as_ref();
        several.map_or(0, |several| several.primary().changes)
    }
}

impl Several {
    // The mutex cannot be poisoned: nothing panics while it is locked.
    fn primary(&self) -> MutexGuard<'_, Primary> {
        self.primary.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Points the pool at the primary. Calls at the same time share a search.
    async fn search(&self, pool: &PgPool) -> Result<(), StoreError> {
        let asked = Instant::now();
        let mut searched = self.searched.lock().await;
        if let Some((ended, failure)) = &*searched
            && *ended + PAUSE > asked
        {
            return failure
                .clone()
                .map_or(Ok(()), |failure| Err(no_primary(failure)));
        }
        let found = self.find().await;
        let failure = match found {
            Ok((position, timeline)) => {
                self.follow(pool, position, timeline);
                None
            }
            Err(failure) => Some(failure),
        };
        *searched = Some((Instant::now(), failure.clone()));
        failure.map_or(Ok(()), |failure| Err(no_primary(failure)))
    }

    fn follow(&self, pool: &PgPool, position: usize, timeline: u32) {
        let mut primary = self.primary();
        if position != primary.position || timeline != primary.timeline {
            let server = &self.servers[position];
            tracing::info!(server = address(server), timeline, "primary found");
            pool.set_connect_options(server.clone());
            primary.position = position;
            primary.reach(timeline);
        }
    }

    /// Asks all servers. Returns the position and the timeline of the newest primary, or why there
    /// is none.
    async fn find(&self) -> Result<(usize, u32), String> {
        let known = self.primary().timeline;
        let mut probes = JoinSet::new();
        for (position, server) in self.servers.iter().cloned().enumerate() {
            let limit = self.limit;
            probes.spawn(async move {
                let outcome = tokio::time::timeout(limit, probe(&server)).await;
                let told = match outcome {
                    Ok(Ok(Some(timeline))) if timeline >= known => Ok(timeline),
                    Ok(Ok(Some(_))) => Err(format!("{} is a former primary", address(&server))),
                    Ok(Ok(None)) => Err(format!("{} is a standby", address(&server))),
                    Ok(Err(error)) => Err(described(&connect_error(error, &server))),
                    Err(_) => Err(format!("{} does not respond", address(&server))),
                };
                (position, told)
            });
        }
        let mut newest = None;
        let mut failures = vec![String::new(); self.servers.len()];
        while let Some(Ok((position, told))) = probes.join_next().await {
            match told {
                // Any other one may be newer, so all are waited for.
                Ok(timeline) => newest = newest.max(Some((timeline, position))),
                Err(failure) => failures[position] = failure,
            }
        }
        let (timeline, position) = newest.ok_or_else(|| failures.join("; "))?;
        Ok((position, timeline))
    }
}

fn described(error: &StoreError) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string)
}

/// Returns the timeline of a primary; `None` for a standby.
async fn probe(server: &PgConnectOptions) -> sqlx::Result<Option<u32>> {
    let mut connection = server.connect().await?;
    let asked = sqlx::raw_sql(AssertSqlSafe(format!("SELECT {LOG_FILE}")));
    let row = asked.fetch_one(&mut connection).await?;
    let timeline = timeline(row.try_get(0)?)?;
    // The server notices either way.
    let _ = connection.close().await;
    Ok(timeline)
}

/// Returns the timeline that the name of a log file begins with, as eight hexadecimal digits.
fn timeline(log_file: &str) -> sqlx::Result<Option<u32>> {
    if log_file.is_empty() {
        return Ok(None);
    }
    let digits = log_file.get(..8).unwrap_or_default();
    let timeline = u32::from_str_radix(digits, 16);
    let timeline = timeline.map_err(|error| sqlx::Error::Configuration(error.into()));
    timeline.map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts() -> Hosts {
        let server = PgConnectOptions::new_without_pgpass();
        Hosts::new(vec![server.clone(), server], Duration::from_secs(3))
    }

    #[test]
    fn a_session_with_a_former_primary_is_rejected() {
        let hosts = hosts();
        assert!(hosts.check("000000020000000000000003").is_ok());
        assert_eq!(hosts.changes(), 0);
        assert!(hosts.is_current(Duration::from_hours(1)));
        assert!(hosts.check("0000000A0000000000000003").is_ok());
        assert_eq!(hosts.changes(), 1);
        assert!(!hosts.is_current(Duration::from_hours(1)));
        assert!(hosts.is_current(Duration::ZERO));
        let error = hosts
            .check("000000020000000100000003")
            .unwrap_err()
            .to_string();
        assert!(error.contains("timeline 2; the primary has 10"), "{error}");
        assert!(hosts.check("").is_err());
        assert!(hosts.check("a file").is_err());
    }

    #[test]
    fn one_server_is_never_a_former_primary() {
        let server = PgConnectOptions::new_without_pgpass();
        let hosts = Hosts::new(vec![server], Duration::from_secs(3));
        assert!(!hosts.are_several());
        assert!(hosts.check("").is_ok());
        assert!(hosts.is_current(Duration::from_hours(1)));
    }
}
