//! The metrics listener. It is separate from the API's, so that access to metrics is granted
//! separately from access to the API, and metrics stay available while the API is overloaded.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use openindex_adapters_http::server::Unserved;
use openindex_adapters_system::SystemEntropy;
use tokio::sync::watch;

use crate::connections::{ConnectionLimits, Slots};
use crate::listen::Listener;
use crate::metrics::{CONTENT_TYPE, ConnectionMetrics, Metrics};
use crate::serve;

/// Enough for a monitoring system, which uses few connections.
const MAX_CONNECTIONS: usize = 32;

/// Serves `GET /metrics`, and nothing else, until aborted.
pub(crate) async fn serve(listener: Listener, metrics: Arc<Metrics>) {
    tracing::info!(address = %listener.address(), "serving metrics");
    let limits = ConnectionLimits {
        max: MAX_CONNECTIONS,
        ..ConnectionLimits::default()
    };
    // Its connections do not count as client connections.
    let slots = Slots::new(limits, ConnectionMetrics::default());
    let router = Router::new().fallback(respond).with_state(metrics);
    let (_fixed, router) = watch::channel(router);
    let unserved = Unserved::new(Arc::new(SystemEntropy), None);
    let never = pending();
    serve::accept(
        listener,
        None,
        router,
        slots,
        unserved,
        never,
        Duration::ZERO,
    )
    .await;
}

async fn respond(State(metrics): State<Arc<Metrics>>, request: Request) -> Response {
    if request.method() != Method::GET || request.uri().path() != "/metrics" {
        return StatusCode::NOT_FOUND.into_response();
    }
    let headers = [
        (header::CONTENT_TYPE, CONTENT_TYPE),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, metrics.render()).into_response()
}
