//! A service that has no database of tokens: it asks an OpenIndex server about each request, in
//! batches and without a cache, so that a revoked token is rejected by the next request.
//!
//! ```sh
//! OPENINDEX_URL=http://127.0.0.1:8080 OPENINDEX_TOKEN=oi_pat_… cargo run -p verify-only
//! curl -H "Authorization: Bearer $TOKEN" localhost:8091/reports
//! ```

use std::env;

use axum::Router;
use axum::routing::get;
use openindex_adapters_http::guard::{AnyToken, Guard, HumanAdmin};
use openindex_adapters_http::remote::{RemoteSettings, RemoteVerifier};
use openindex_domain::token::Secret;

async fn reports(AnyToken(caller): AnyToken) -> String {
    format!("reports for {}\n", caller.user_id())
}

async fn settings(HumanAdmin(caller): HumanAdmin) -> String {
    format!("settings, for {}\n", caller.user_id())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // The token with which this service authenticates; any live one.
    let token = Secret::parse(&env::var("OPENINDEX_TOKEN")?)?;
    let server = RemoteSettings::new(env::var("OPENINDEX_URL")?.parse()?, token);
    let guard = Guard::new(RemoteVerifier::new(server)?);
    let app = Router::new()
        .route("/reports", get(reports))
        .route("/settings", get(settings))
        .with_state(guard);
    let address = env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:8091".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    let server = axum::serve(listener, app).with_graceful_shutdown(async {
        let _ = tokio::signal::ctrl_c().await;
    });
    Ok(server.await?)
}
