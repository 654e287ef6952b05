use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use openindex_adapters_argon2::{Argon2Hasher, Limits};
use openindex_adapters_http::server::{ApiSettings, ApiState, LayerSettings, Unserved, outage};
use openindex_adapters_system::{Maintenance, SystemClock, SystemEntropy};
use openindex_domain::use_cases::UseCases;
use tokio::net::TcpListener;

use crate::config::Config;
use crate::connections::Slots;
use crate::error::AppError;
use crate::metrics::Metrics;
use crate::metrics_listener;
use crate::serve;
use crate::store::{Store, System};

const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Interval at which an outage of the store is checked for recovery.
const WATCH_EVERY: Duration = Duration::from_secs(5);

/// A server that is ready to serve: its store is open and migrated.
pub struct App {
    /// All use cases.
    pub use_cases: UseCases,
    metrics: Arc<Metrics>,
    config: Config,
    store: Store,
}

/// Opens and migrates the store, and builds the use cases on it.
///
/// # Errors
///
/// [`AppError::Store`] if the store cannot be opened or migrated; [`AppError::Entropy`] if the
/// system has no entropy.
pub async fn build(config: Config) -> Result<App, AppError> {
    let metrics = Arc::new(Metrics::new(VERSION));
    let (clock, entropy) = (Arc::new(SystemClock), Arc::new(SystemEntropy));
    let hasher = Arc::new(Argon2Hasher::new(entropy.clone(), Limits::default())?);
    let system = System {
        hasher,
        clock,
        entropy,
    };
    let (store, ports) = Store::open(&config, system, &metrics).await?;
    store.migrate().await?;
    Ok(App {
        use_cases: UseCases::new(ports, config.quotas),
        metrics,
        config,
        store,
    })
}

impl App {
    /// Logs the reason if requests would fail, such as a missing privilege: otherwise only a
    /// request for `/ready` would show it.
    pub async fn report_readiness(&self) {
        if let Err(error) = self.store.health.ready().await {
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
            use_cases: self.use_cases.clone(),
            health: self.store.health.clone(),
            entropy: Arc::new(SystemEntropy),
            metrics: self.metrics.http.clone(),
            settings: Arc::new(settings),
        });
        let metrics = metrics
            .map(|listener| tokio::spawn(metrics_listener::serve(listener, self.metrics.clone())));
        let slots = Slots::new(self.config.connections, self.metrics.connections.clone());
        let unserved = Unserved::new(Arc::new(SystemEntropy), Some(self.metrics.http.clone()));
        let drain_for = self.config.drain_for;
        let accept = serve::accept(listener, router, slots, unserved, stop, drain_for);
        // A task of its own, so that a panic in it does not end the server.
        let (stop_maintenance, stopped) = tokio::sync::oneshot::channel::<()>();
        let maintenance = tokio::spawn(self.maintenance().run(stopped));
        accept.await;
        drop(stop_maintenance);
        let _ = maintenance.await;
        self.close().await;
        if let Some(metrics) = metrics {
            metrics.abort();
        }
        tracing::info!("stopped");
    }

    fn maintenance(&self) -> Maintenance {
        let health = self.store.health.clone();
        Maintenance::new(self.use_cases.tokens.clone())
            .with_sessions(self.use_cases.sessions.clone())
            .with_rate_limits(self.use_cases.rate_limits.clone())
            .on_flush_failure(|error| outage::report(error, "last-used times"))
            .with_task(WATCH_EVERY, move || {
                let health = health.clone();
                async move { outage::watch(&*health).await }
            })
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
        self.store.close().await;
    }
}
