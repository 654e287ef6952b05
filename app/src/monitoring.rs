//! The listener of the monitoring: apart from that of the API, so that who may see how busy an
//! instance is and who may use it are two decisions, and so that it answers while the API is full.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use openindex_adapters_http::server::{ConnectionMetrics, METRICS_CONTENT_TYPE, Metrics, Unserved};
use openindex_adapters_system::SystemEntropy;
use tokio::net::TcpListener;

use crate::connections::{ConnectionLimits, Places};
use crate::serve;

/// A monitoring is a few clients.
const MAX_CONNECTIONS: usize = 32;

/// Answers `GET /metrics`, and nothing else, for ever.
pub(crate) async fn serve(listener: TcpListener, metrics: Arc<Metrics>) {
    if let Ok(address) = listener.local_addr() {
        tracing::info!(%address, "metrics are served");
    }
    let limits = ConnectionLimits {
        max: MAX_CONNECTIONS,
        ..ConnectionLimits::default()
    };
    // Its own connections are not counted among the clients'.
    let places = Places::new(limits, ConnectionMetrics::default());
    let router = Router::new().fallback(answer).with_state(metrics);
    let unserved = Unserved::new(Arc::new(SystemEntropy), None);
    let forever = pending();
    serve::accept(listener, router, places, unserved, forever, Duration::ZERO).await;
}

async fn answer(State(metrics): State<Arc<Metrics>>, request: Request) -> Response {
    if request.method() != Method::GET || request.uri().path() != "/metrics" {
        return StatusCode::NOT_FOUND.into_response();
    }
    let headers = [
        (header::CONTENT_TYPE, METRICS_CONTENT_TYPE),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, metrics.render()).into_response()
}
