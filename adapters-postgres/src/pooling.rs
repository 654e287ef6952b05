//! Detects whether a pooler such as `PgBouncer` sits between this store and the server, and for how
//! long it lends a server session.

use std::sync::Arc;
use std::time::Duration;

use openindex_domain::StoreError;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool};
use sqlx::{ConnectOptions as _, Row as _};
use tokio::sync::OnceCell;

use crate::error::{TimedOut, connect_error};

/// How often [`lends_transactions`] checks. Once is enough, unless another client uses the pooler
/// in the same instant.
const ROUNDS: usize = 3;

/// For how long a client has a server session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PoolMode {
    /// As long as its connection: there is no pooler, or one with `pool_mode=session`.
    Session,
    /// One transaction (`pool_mode=transaction`). Settings and prepared statements from before it
    /// may be another client's.
    Transaction,
}

impl PoolMode {
    /// Parses the value of the URL parameter `pool_mode`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text {
            "session" => Some(Self::Session),
            "transaction" => Some(Self::Transaction),
            _ => None,
        }
    }
}

/// The mode, detected on first use unless the URL specifies it. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Pooling {
    mode: Arc<OnceCell<PoolMode>>,
    timeout: Duration,
}

impl Pooling {
    pub(crate) fn new(pool_mode: Option<PoolMode>, timeout: Duration) -> Self {
        Self {
            mode: Arc::new(OnceCell::new_with(pool_mode)),
            timeout,
        }
    }

    /// Returns the mode; detects it with connections of the pool's current options.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if the server cannot be reached; the next call tries again.
    pub(crate) async fn mode(&self, pool: &PgPool) -> Result<PoolMode, StoreError> {
        if let Some(mode) = self.mode.get() {
            return Ok(*mode);
        }
        let connect = pool.connect_options();
        let found = self.mode.get_or_try_init(|| detect(&connect));
        match tokio::time::timeout(self.timeout * 2, found).await {
            Ok(mode) => mode.copied(),
            Err(_) => Err(StoreError::unavailable(TimedOut)),
        }
    }

    /// Returns the mode, or that of a direct connection if it has not been detected yet.
    pub(crate) fn known(&self) -> PoolMode {
        self.mode.get().copied().unwrap_or(PoolMode::Session)
    }
}

async fn detect(connect: &PgConnectOptions) -> Result<PoolMode, StoreError> {
    let classified = |error| connect_error(error, connect);
    let mut first = connect.connect().await.map_err(classified)?;
    let mut second = connect.connect().await.map_err(classified)?;
    for _ in 0..ROUNDS {
        let lends = lends_transactions(&mut first, &mut second).await;
        if lends.map_err(classified)? {
            tracing::info!(
                "pooler in transaction mode detected; statements are prepared again in each \
                 transaction"
            );
            return Ok(PoolMode::Transaction);
        }
    }
    Ok(PoolMode::Session)
}

/// Returns whether two connections shared a server session, or one of them switched sessions.
/// Neither happens where a session is lent for as long as the connection lasts.
async fn lends_transactions(
    first: &mut PgConnection,
    second: &mut PgConnection,
) -> sqlx::Result<bool> {
    let before = server_process(first).await?;
    // The role's own timeout may be shorter than a round trip.
    sqlx::raw_sql("BEGIN; SET LOCAL idle_in_transaction_session_timeout = 0")
        .execute(&mut *second)
        .await?;
    let beside = server_process(second).await?;
    let shared = beside == before || server_process(first).await? != before;
    sqlx::raw_sql("ROLLBACK").execute(&mut *second).await?;
    Ok(shared)
}

/// Returns the server process behind the connection. Not a prepared statement, which would stay
/// behind in another client's session.
async fn server_process(connection: &mut PgConnection) -> sqlx::Result<i32> {
    sqlx::raw_sql("SELECT pg_backend_pid()")
        .fetch_one(connection)
        .await?
        .try_get(0)
}
