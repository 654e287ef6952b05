//! What lies between this store and the server: nothing, or a pooler such as `PgBouncer`, and for how
//! long that lends a server session.

use std::sync::Arc;
use std::time::Duration;

use openindex_domain::StoreError;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions as _, Row as _};
use tokio::sync::OnceCell;

use crate::error::{NoAnswer, connect_error};

/// How often [`lends_transactions`] looks. Once is enough unless another client takes part in the
/// very same instant.
const ROUNDS: usize = 3;

/// For how long a session with the server is ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PoolMode {
    /// As long as the connection: there is no pooler, or one with `pool_mode=session`.
    Session,
    /// One transaction (`pool_mode=transaction`). What was set or prepared before it may be
    /// another client's.
    Transaction,
}

impl PoolMode {
    /// Reads the value of the parameter `pool_mode` of a database URL.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text {
            "session" => Some(Self::Session),
            "transaction" => Some(Self::Transaction),
            _ => None,
        }
    }
}

/// The mode, which is found out on first use unless the URL tells it. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Pooling {
    mode: Arc<OnceCell<PoolMode>>,
    connect: PgConnectOptions,
    timeout: Duration,
}

impl Pooling {
    pub(crate) fn new(
        told: Option<PoolMode>,
        connect: PgConnectOptions,
        timeout: Duration,
    ) -> Self {
        Self {
            mode: Arc::new(OnceCell::new_with(told)),
            connect,
            timeout,
        }
    }

    /// The mode.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when the server cannot be asked; the next call asks again.
    pub(crate) async fn mode(&self) -> Result<PoolMode, StoreError> {
        if let Some(mode) = self.mode.get() {
            return Ok(*mode);
        }
        let found = self.mode.get_or_try_init(|| self.find_out());
        match tokio::time::timeout(self.timeout * 2, found).await {
            Ok(mode) => mode.copied(),
            Err(_) => Err(StoreError::unavailable(NoAnswer)),
        }
    }

    /// The mode, or that of a direct connection before anything was asked.
    pub(crate) fn known(&self) -> PoolMode {
        self.mode.get().copied().unwrap_or(PoolMode::Session)
    }

    async fn find_out(&self) -> Result<PoolMode, StoreError> {
        let sorted = |error| connect_error(error, &self.connect);
        let mut first = self.connect.connect().await.map_err(sorted)?;
        let mut second = self.connect.connect().await.map_err(sorted)?;
        for _ in 0..ROUNDS {
            let looked = lends_transactions(&mut first, &mut second).await;
            if looked.map_err(sorted)? {
                tracing::info!(
                    "a pooler in transaction mode is in front of PostgreSQL; statements are \
                     prepared anew in each transaction"
                );
                return Ok(PoolMode::Transaction);
            }
        }
        Ok(PoolMode::Session)
    }
}

/// Whether two connections shared a server session, or one of them changed it. Neither happens where
/// a session is lent for as long as the connection.
async fn lends_transactions(
    first: &mut PgConnection,
    second: &mut PgConnection,
) -> sqlx::Result<bool> {
    let before = server_process(first).await?;
    // The role's own timeout may be shorter than the way back.
    sqlx::raw_sql("BEGIN; SET LOCAL idle_in_transaction_session_timeout = 0")
        .execute(&mut *second)
        .await?;
    let beside = server_process(second).await?;
    let shared = beside == before || server_process(first).await? != before;
    sqlx::raw_sql("ROLLBACK").execute(&mut *second).await?;
    Ok(shared)
}

/// The server process behind the connection. Asked without a prepared statement, which would stay
/// behind in another client's session.
async fn server_process(connection: &mut PgConnection) -> sqlx::Result<i32> {
    sqlx::raw_sql("SELECT pg_backend_pid()")
        .fetch_one(connection)
        .await?
        .try_get(0)
}
