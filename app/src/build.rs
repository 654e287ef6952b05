use std::future::Future;
use std::sync::Arc;

use openindex_adapters_http::server::{self, ApiSettings, ApiState, LayerSettings};
use openindex_adapters_system::{SystemClock, SystemEntropy};
use openindex_domain::token::Tokens;
use openindex_domain::user::Users;
use tokio::net::TcpListener;

use crate::config::Config;
use crate::error::AppError;
use crate::serve;
use crate::store::Stores;

/// A server that is put together: its store is open and migrated.
pub struct App {
    /// The use cases of tokens.
    pub tokens: Tokens,
    /// The use cases of users.
    pub users: Users,
    config: Config,
    stores: Stores,
}

/// Opens and migrates the store and puts the use cases on it.
///
/// # Errors
///
/// [`AppError::Store`] when the store cannot be opened or migrated.
pub async fn build(config: Config) -> Result<App, AppError> {
    let stores = Stores::open(&config.database).await?;
    stores.migrate().await?;
    let (clock, entropy) = (Arc::new(SystemClock), Arc::new(SystemEntropy));
    Ok(App {
        tokens: Tokens::new(stores.tokens.clone(), clock.clone(), entropy.clone())
            .with_quota(config.token_quota),
        users: Users::new(stores.users.clone(), clock, entropy),
        config,
        stores,
    })
}

impl App {
    /// Takes the configured address.
    ///
    /// # Errors
    ///
    /// [`AppError::Listen`] when it cannot be had.
    pub async fn listen(&self) -> Result<TcpListener, AppError> {
        let address = self.config.listen;
        TcpListener::bind(address)
            .await
            .map_err(|source| AppError::Listen { address, source })
    }

    /// Serves until `stop` resolves; then lets the requests in progress finish, writes the
    /// last-used times that are still in memory, and closes the store.
    pub async fn serve(self, listener: TcpListener, stop: impl Future<Output = ()> + Send) {
        let public_url = self.config.public_url.clone().unwrap_or_else(|| {
            let address = listener.local_addr().unwrap_or(self.config.listen);
            format!("http://{address}")
        });
        tracing::info!(url = public_url, "listening");
        let router = server::router(ApiState {
            tokens: self.tokens.clone(),
            users: self.users.clone(),
            health: self.stores.health.clone(),
            entropy: Arc::new(SystemEntropy),
            settings: Arc::new(ApiSettings {
                public_url,
                version: env!("CARGO_PKG_VERSION"),
                layers: LayerSettings::default(),
            }),
        });
        let upkeep = tokio::spawn(serve::upkeep(self.tokens.clone(), self.config.flush_every));
        serve::accept(listener, router, stop, self.config.drain_for).await;
        upkeep.abort();
        serve::flush(&self.tokens).await;
        self.close().await;
        tracing::info!("stopped");
    }

    /// Closes the store, for a process that does not serve.
    pub async fn close(&self) {
        self.stores.close().await;
    }
}
