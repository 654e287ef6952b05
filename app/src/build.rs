use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use openindex_adapters_argon2::{Argon2Hasher, Limits};
use openindex_adapters_http::server::{ApiSettings, ApiState, LayerSettings, Unserved, outage};
use openindex_adapters_system::{SystemClock, SystemEntropy};
use openindex_domain::admin_tokens::AdminTokens;
use openindex_domain::agent_run::AgentRuns;
use openindex_domain::audit::Audit;
use openindex_domain::invite::Invites;
use openindex_domain::rate_limit::RateLimits;
use openindex_domain::session::Sessions;
use openindex_domain::token::Tokens;
use openindex_domain::user::Users;
use openindex_domain::work_item::WorkItems;
use tokio::net::TcpListener;

use crate::config::Config;
use crate::connections::Slots;
use crate::error::AppError;
use crate::metrics::Metrics;
use crate::metrics_listener;
use crate::serve;
use crate::store::Stores;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A server that is ready to serve: its store is open and migrated.
pub struct App {
    /// Use cases for tokens.
    pub tokens: Tokens,
    /// Use cases for agent runs.
    pub agent_runs: AgentRuns,
    /// Use cases for work items.
    pub work_items: WorkItems,
    /// Use cases for users.
    pub users: Users,
    /// Use cases for browser sessions.
    pub sessions: Sessions,
    /// Use cases for invites.
    pub invites: Invites,
    /// Use cases for administering all tokens.
    pub admin_tokens: AdminTokens,
    /// Use cases for the audit log.
    pub audit: Audit,
    rate_limits: RateLimits,
    metrics: Arc<Metrics>,
    config: Config,
    stores: Stores,
}

/// Opens and migrates the store, and builds the use cases on it.
///
/// # Errors
///
/// [`AppError::Store`] if the store cannot be opened or migrated; [`AppError::Entropy`] if the
/// system has no entropy.
pub async fn build(config: Config) -> Result<App, AppError> {
    let metrics = Arc::new(Metrics::new(VERSION));
    let stores = Stores::open(&config.database, &metrics).await?;
    stores.migrate().await?;
    let (clock, entropy) = (Arc::new(SystemClock), Arc::new(SystemEntropy));
    let hasher = Arc::new(Argon2Hasher::new(entropy.clone(), Limits::default())?);
    let rate_limits = RateLimits::new(stores.rate_limits.clone());
    let sessions = Sessions::new(
        stores.sessions.clone(),
        stores.users.clone(),
        stores.audit.clone(),
        hasher.clone(),
        rate_limits.clone(),
        clock.clone(),
        entropy.clone(),
    );
    Ok(App {
        tokens: Tokens::new(stores.tokens.clone(), clock.clone(), entropy.clone())
            .with_quota(config.token_quota)
            .with_rate(config.token_rate),
        agent_runs: AgentRuns::new(stores.agent_runs.clone(), clock.clone(), entropy.clone())
            .with_quota(config.run_quota)
            .with_rate(config.run_rate),
        work_items: WorkItems::new(stores.work_items.clone(), clock.clone(), entropy.clone()),
        users: Users::new(stores.users.clone(), clock.clone(), entropy.clone()),
        invites: Invites::new(
            stores.invites.clone(),
            sessions.clone(),
            hasher,
            rate_limits.clone(),
            clock.clone(),
            entropy.clone(),
        ),
        sessions,
        admin_tokens: AdminTokens::new(
            stores.admin_tokens.clone(),
            rate_limits.clone(),
            clock.clone(),
            entropy.clone(),
        ),
        audit: Audit::new(stores.audit.clone(), rate_limits.clone(), clock, entropy),
        rate_limits,
        metrics,
        config,
        stores,
    })
}

impl App {
    /// Logs the reason if requests would fail, such as a missing privilege: otherwise only a
    /// request for `/ready` would show it.
    pub async fn report_readiness(&self) {
        if let Err(error) = self.stores.health.ready().await {
            outage::report(&error, "readiness");
        }
    }

    /// Listens on the configured address.
    ///
    /// # Errors
    ///
    /// [`AppError::Listen`] if the address cannot be bound.
    pub fn listen(&self) -> Result<TcpListener, AppError> {
        Self::bind(self.config.listen)
    }

    /// Listens on the address for metrics; returns `None` if none is configured.
    ///
    /// # Errors
    ///
    /// [`AppError::Listen`] if the address cannot be bound.
    pub fn listen_for_metrics(&self) -> Result<Option<TcpListener>, AppError> {
        self.config.metrics_listen.map(Self::bind).transpose()
    }

    fn bind(address: SocketAddr) -> Result<TcpListener, AppError> {
        serve::listen(address).map_err(|source| AppError::Listen { address, source })
    }

    /// Serves until `stop` resolves; then lets requests in progress finish, writes the last-used
    /// times that are still in memory, and closes the store. Metrics are served until the end, on
    /// their own listener.
    pub async fn serve(
        self,
        listener: TcpListener,
        metrics: Option<TcpListener>,
        stop: impl Future<Output = ()> + Send,
    ) {
        let address = listener.local_addr().ok();
        let settings = self.settings(address);
        tracing::info!(
            url = settings.public_url,
            address = address.map(tracing::field::display),
            "listening"
        );
        let router = openindex_adapters_http::router(ApiState {
            tokens: self.tokens.clone(),
            agent_runs: self.agent_runs.clone(),
            work_items: Some(self.work_items.clone()),
            users: self.users.clone(),
            sessions: self.sessions.clone(),
            invites: self.invites.clone(),
            admin_tokens: self.admin_tokens.clone(),
            audit: self.audit.clone(),
            health: self.stores.health.clone(),
            entropy: Arc::new(SystemEntropy),
            metrics: self.metrics.http.clone(),
            settings: Arc::new(settings),
        });
        let metrics = metrics
            .map(|listener| tokio::spawn(metrics_listener::serve(listener, self.metrics.clone())));
        let maintenance = tokio::spawn(serve::maintenance(
            self.tokens.clone(),
            self.sessions.clone(),
            self.rate_limits.clone(),
            self.stores.health.clone(),
            self.config.flush_every,
        ));
        let slots = Slots::new(self.config.connections, self.metrics.connections.clone());
        let unserved = Unserved::new(Arc::new(SystemEntropy), Some(self.metrics.http.clone()));
        let drain_for = self.config.drain_for;
        serve::accept(listener, router, slots, unserved, stop, drain_for).await;
        maintenance.abort();
        serve::flush(&self.tokens).await;
        self.close().await;
        if let Some(metrics) = metrics {
            metrics.abort();
        }
        tracing::info!("stopped");
    }

    /// Returns the API settings of an instance that listens on `address`; `None` means the
    /// configured address.
    #[must_use]
    pub fn settings(&self, address: Option<SocketAddr>) -> ApiSettings {
        let address = address.unwrap_or(self.config.listen);
        let public_url = self.config.public_url.clone();
        ApiSettings {
            public_url: public_url.unwrap_or_else(|| format!("http://{address}")),
            version: VERSION,
            layers: LayerSettings {
                trusted_proxies: self.config.trusted_proxies.clone(),
                cors_origins: self.config.cors_origins.clone(),
                max_requests_in_progress: self.config.max_requests_in_progress,
                ..LayerSettings::default()
            },
        }
    }

    /// Closes the store. For processes that do not call [`App::serve`], which closes it itself.
    pub async fn close(&self) {
        self.stores.close().await;
    }
}
