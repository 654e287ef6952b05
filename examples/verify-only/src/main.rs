//! A service that has no database of tokens: it asks an OpenIndex server about each request, in
//! batches and without a cache, so that a revoked token is rejected by the next request.
//!
//! ```sh
//! export OPENINDEX_URL=http://127.0.0.1:8080 OPENINDEX_TOKEN=oi_pat_…  # any live token, of its own
//! cargo run -p verify-only                                # LISTEN=127.0.0.1:8091 by default
//! curl -H "Authorization: Bearer $TOKEN" localhost:8091/reports
//! ```

use std::{env, error::Error, process::ExitCode};

use axum::Router;
use axum::routing::get;
use openindex_adapters_http::domain::token::Secret;
use openindex_adapters_http::guard::{AnyToken, Guard, GuardSettings, HumanAdmin};
use openindex_adapters_http::remote::{RemoteSettings, RemoteVerifier};
use tokio::signal::unix::{SignalKind, signal};

async fn reports(AnyToken(caller): AnyToken) -> String {
    format!("reports for {}\n", caller.user_id())
}

async fn settings(HumanAdmin(caller): HumanAdmin) -> String {
    format!("settings, for {}\n", caller.user_id())
}

fn variable(name: &str) -> Result<String, String> {
    env::var(name).map_err(|_| format!("set {name}"))
}

async fn serve() -> Result<(), Box<dyn Error>> {
    let url = variable("OPENINDEX_URL")?;
    let url = url
        .parse()
        .map_err(|error| format!("OPENINDEX_URL: {error}"))?;
    let token = Secret::parse(&variable("OPENINDEX_TOKEN")?);
    let token = token.map_err(|error| format!("OPENINDEX_TOKEN: {error}"))?;
    let verifier = RemoteVerifier::new(RemoteSettings::new(url, token))?;
    // In the terms of this service, not of OpenIndex.
    let own = GuardSettings::of_service("reports", "https://reports.example/problems/");
    let app = Router::new()
        .route("/reports", get(reports))
        .route("/settings", get(settings))
        .with_state(Guard::new(verifier).with_settings(own));
    let address = variable("LISTEN").unwrap_or_else(|_| "127.0.0.1:8091".to_owned());
    let listener = tokio::net::TcpListener::bind(&address).await;
    let listener = listener.map_err(|error| format!("{address}: {error}"))?;
    let mut terminated = signal(SignalKind::terminate())?;
    let server = axum::serve(listener, app).with_graceful_shutdown(async move {
        tokio::select! { _ = tokio::signal::ctrl_c() => {}, _ = terminated.recv() => {} }
    });
    Ok(server.await?)
}

#[tokio::main]
async fn main() -> ExitCode {
    // The log says why a verification failed; its client sees only a 503.
    tracing_subscriber::fmt().init();
    match serve().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("cannot serve: {error}");
            ExitCode::FAILURE
        }
    }
}
