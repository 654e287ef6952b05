//! This API's description.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header;
use utoipa::openapi::Server;

use crate::server::api::Shared;
use crate::server::{Public, openapi};

/// With the public URL as its server: "/" would leave the prefix under which a proxy serves it.
fn json(state: &Shared) -> String {
    let mut document = match state.work_items {
        Some(_) => openapi::document(),
        None => openapi::without_work(),
    };
    document.servers = Some(vec![Server::new(&state.settings.public_url)]);
    document.to_json().unwrap_or_else(|_| "{}".to_owned())
}

/// The description of this API (OpenAPI 3.1).
///
/// The same document as `oi schema --api` and `oi-server openapi` print. No token is needed.
#[utoipa::path(get, path = "/openapi.json", tag = "instance", operation_id = "openapi",
    responses((status = 200, description = "This document", body = Object)))]
pub(super) async fn document(_: Public, State(state): State<Shared>) -> Response {
    let document = state.openapi(|| json(&state));
    let content_type = [(header::CONTENT_TYPE, "application/json")];
    (content_type, document).into_response()
}
