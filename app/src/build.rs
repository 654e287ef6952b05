use std::future::{Future, pending};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use openindex_adapters_argon2::{Argon2Hasher, Limits};
use openindex_adapters_http::server::{ApiSettings, ApiState, LayerSettings, Unserved, outage};
use openindex_adapters_system::{Maintenance, SystemClock, SystemEntropy};
use openindex_domain::token::Tokens;
use openindex_domain::use_cases::UseCases;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use crate::config::Config;
use crate::connections::Slots;
use crate::error::AppError;
use crate::listen::{ListenAddress, Listener};
use crate::metrics::Metrics;
use crate::metrics_listener;
use crate::serve;
use crate::store::{Store, System};
use crate::tls::Tls;

const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Interval at which an outage of the store is checked for recovery.
const WATCH_EVERY: Duration = Duration::from_secs(5);
/// Interval at which tokens are counted for metrics.
const COUNT_EVERY: Duration = Duration::from_mins(1);
/// Pause after counting tokens, as a multiple of the time that it took.
const COUNT_PAUSE: u32 = 50;
/// Interval at which the certificate for TLS is checked for a change.
const CERTIFICATE_EVERY: Duration = Duration::from_secs(10);

/// A server that is ready to serve: its store is open and migrated.
pub struct App {
    /// All use cases.
    pub use_cases: UseCases,
    metrics: Arc<Metrics>,
    config: Config,
    reloader: Reloader,
    /// From before the [`Reloader`] is handed out: a change before the server listens counts, too.
    reloaded: watch::Receiver<Config>,
    store: Store,
}

/// Changes the settings of an [`App`] while it serves.
#[derive(Clone)]
pub struct Reloader {
    config: watch::Sender<Config>,
    /// Notifies of each change of `config` that is in use.
    used: watch::Sender<()>,
    tls: Option<Arc<Tls>>,
}

impl Reloader {
    /// Uses these settings from the next request on: the public URL, trusted proxies, CORS origins
    /// and the limit on requests in progress. Others are fixed when a server is built. A changed
    /// certificate for TLS is loaded from its files. Waits until the server does, so do not call
    /// this without one.
    pub async fn reload(&self, config: Config) {
        if let Some(tls) = &self.tls {
            tls.clone().reload().await;
        }
        let mut used = self.used.subscribe();
        self.config.send_replace(config);
        // An error means that the server has ended.
        let _ = used.changed().await;
    }
}

/// Opens and migrates the store, and builds the use cases on it.
///
/// # Errors
///
/// [`AppError::Store`] if the store cannot be opened or migrated; [`AppError::Tls`] if the
/// certificate cannot be used; [`AppError::Entropy`] if the system has no entropy.
pub async fn build(config: Config) -> Result<App, AppError> {
    let metrics = Arc::new(Metrics::new(VERSION));
    let (clock, entropy) = (Arc::new(SystemClock), Arc::new(SystemEntropy));
    let hasher = Arc::new(Argon2Hasher::new(entropy.clone(), Limits::default())?);
    let system = System {
        hasher,
        clock,
        entropy,
    };
    let tls = config.tls.clone().map(Tls::load).transpose()?;
    if let Some(tls) = &tls {
        tls.report("TLS certificate loaded");
    }
    let (store, ports) = Store::open(&config, system, &metrics).await?;
    store.migrate().await?;
    let use_cases = UseCases::new(ports, config.quotas);
    let tls = tls.map(Arc::new);
    add_gauges(&metrics, &use_cases.tokens, tls.clone());
    let (reloads, reloaded) = watch::channel(config.clone());
    Ok(App {
        use_cases,
        metrics,
        reloaded,
        reloader: Reloader {
            config: reloads,
            used: watch::Sender::new(()),
            tls,
        },
        config,
        store,
    })
}

/// Exports what is known without asking the store.
fn add_gauges(metrics: &Metrics, tokens: &Tokens, tls: Option<Arc<Tls>>) {
    let tokens = tokens.clone();
    metrics.add_gauge(
        "unwritten_use_age_seconds",
        "Time since the oldest use of a token that is not written to the database; 0 if there is \
         none",
        move || {
            let oldest = tokens.oldest_unwritten_use();
            let millis = oldest.map_or(0, |at| tokens.now().unix_millis() - at.unix_millis());
            // A clock that was set back.
            let millis = u64::try_from(millis).unwrap_or(0);
            Some(Duration::from_millis(millis).as_secs_f64())
        },
    );
    if let Some(tls) = tls {
        metrics.add_gauge(
            "tls_certificate_expiry_timestamp_seconds",
            "When the first of the certificates for TLS expires, in seconds since 1970",
            move || Some(Duration::from_secs(tls.expires_at()?.as_secs()).as_secs_f64()),
        );
    }
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
    pub fn listen(&self) -> Result<Listener, AppError> {
        Self::bind(&self.config.listen)
    }

    /// Listens on the address for metrics; returns `None` if none is configured.
    ///
    /// # Errors
    ///
    /// [`AppError::Listen`] if the address cannot be bound.
    pub fn listen_for_metrics(&self) -> Result<Option<Listener>, AppError> {
        let address = self.config.metrics_listen.map(ListenAddress::Tcp);
        address.as_ref().map(Self::bind).transpose()
    }

    fn bind(address: &ListenAddress) -> Result<Listener, AppError> {
        Listener::bind(address).map_err(|source| AppError::Listen {
            address: address.clone(),
            source,
        })
    }

    /// Returns what changes the settings while this serves.
    #[must_use]
    pub fn reloader(&self) -> Reloader {
        self.reloader.clone()
    }

    /// Serves until `stop` resolves; then lets requests in progress finish, writes the last-used
    /// times that are still in memory, and closes the store. Metrics are served until the end, on
    /// their own listener.
    pub async fn serve(
        self,
        listener: Listener,
        metrics: Option<Listener>,
        stop: impl Future<Output = ()> + Send,
    ) {
        let address = listener.address().clone();
        let settings = self.settings(Some(&address));
        tracing::info!(url = settings.public_url, %address, "listening");
        let (set_router, router) = watch::channel(self.router(settings));
        let mut reloaded = self.reloaded.clone();
        let reload = async {
            while reloaded.changed().await.is_ok() {
                let settings = api_settings(&reloaded.borrow_and_update(), &address);
                drop(set_router.send_replace(self.router(settings)));
                self.reloader.used.send_replace(());
            }
            pending::<()>().await;
        };
        let metrics = metrics
            .map(|listener| tokio::spawn(metrics_listener::serve(listener, self.metrics.clone())));
        let slots = Slots::new(self.config.connections, self.metrics.connections.clone());
        let unserved = Unserved::new(Arc::new(SystemEntropy), Some(self.metrics.http.clone()));
        let drain_for = self.config.drain_for;
        let tls = self.reloader.tls.as_ref().map(|tls| tls.acceptors());
        let accept = serve::accept(listener, tls, router, slots, unserved, stop, drain_for);
        // A task of its own, so that a panic in it does not end the server.
        let (stop_maintenance, stopped) = tokio::sync::oneshot::channel::<()>();
        let mut maintenance = self.maintenance();
        if metrics.is_some() {
            maintenance = self.counting_tokens(maintenance);
        }
        let maintenance = tokio::spawn(maintenance.run(stopped));
        tokio::select! {
            () = accept => {}
            () = reload => {}
        }
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
        let maintenance = Maintenance::new(self.use_cases.tokens.clone())
            .with_sessions(self.use_cases.sessions.clone())
            .with_rate_limits(self.use_cases.rate_limits.clone())
            .on_flush_failure(|error| outage::report(error, "last-used times"))
            .with_task(WATCH_EVERY, move || {
                let health = health.clone();
                async move { outage::watch(&*health).await }
            });
        let Some(tls) = self.reloader.tls.clone() else {
            return maintenance;
        };
        maintenance.with_task(CERTIFICATE_EVERY, move || tls.clone().reload())
    }

    /// Also counts the tokens for metrics, for at most a fiftieth of the time.
    fn counting_tokens(&self, maintenance: Maintenance) -> Maintenance {
        let (metrics, admin_tokens) = (self.metrics.clone(), self.use_cases.admin_tokens.clone());
        maintenance.with_task(COUNT_EVERY, move || {
            let (metrics, admin_tokens) = (metrics.clone(), admin_tokens.clone());
            async move {
                let begun = Instant::now();
                match admin_tokens.stats_for_operator().await {
                    Ok(counts) => {
                        metrics.set_token_counts(Some(counts));
                        sleep(begun.elapsed() * COUNT_PAUSE).await;
                    }
                    Err(error) => {
                        outage::report(&error, "counting tokens");
                        metrics.set_token_counts(None);
                    }
                }
            }
        })
    }

    /// Returns the API settings of an instance that listens at `address`; `None` means the
    /// configured address.
    #[must_use]
    pub fn settings(&self, address: Option<&ListenAddress>) -> ApiSettings {
        api_settings(&self.config, address.unwrap_or(&self.config.listen))
    }

    fn router(&self, mut settings: ApiSettings) -> Router {
        // Not of the reloaded configuration.
        settings.layers.spans.clone_from(&self.config.spans);
        openindex_adapters_http::router(ApiState {
            use_cases: self.use_cases.clone(),
            health: self.store.health.clone(),
            entropy: Arc::new(SystemEntropy),
            metrics: self.metrics.http.clone(),
            settings: Arc::new(settings),
        })
    }

    /// Closes the store. For processes that do not call [`App::serve`], which closes it itself.
    pub async fn close(&self) {
        self.store.close().await;
    }
}

fn api_settings(config: &Config, address: &ListenAddress) -> ApiSettings {
    let public_url = config.public_url.clone();
    ApiSettings {
        public_url: public_url.unwrap_or_else(|| match address.on_this_machine() {
            ListenAddress::Tcp(address) => format!("http://{address}"),
            ListenAddress::Unix(_) => "http://localhost".to_owned(),
        }),
        version: VERSION,
        layers: LayerSettings {
            trusted_proxies: config.trusted_proxies.clone(),
            cors_origins: config.cors_origins.clone(),
            max_requests_in_progress: config.max_requests_in_progress,
            ..LayerSettings::default()
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_public_url_links_lead_to_an_address_that_clients_can_connect_to() {
        let database = "sqlite://a.db".parse().expect("a URL");
        let config = Config::on(database);
        for (listen, url) in [
            ("127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("0.0.0.0:8080", "http://127.0.0.1:8080"),
            ("[::]:8080", "http://[::1]:8080"),
            ("unix:/run/oi.sock", "http://localhost"),
        ] {
            let listen = listen.parse().expect("an address");
            assert_eq!(api_settings(&config, &listen).public_url, url);
        }
    }
}
