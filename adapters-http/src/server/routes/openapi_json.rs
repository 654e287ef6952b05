//! The OpenAPI description of this API.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header;
use utoipa::openapi::Server;

use crate::server::api::Shared;
use crate::server::{Public, openapi};

/// The server is the public URL, because "/" would drop the path prefix of a proxy.
fn json(state: &Shared) -> String {
    let mut document = match state.work_items {
        Some(_) => openapi::document(),
        None => openapi::without_work_items(),
    };
    document.servers = Some(vec![Server::new(&state.settings.public_url)]);
    document.to_json().unwrap_or_else(|_| "{}".to_owned())
}

/// Get the OpenAPI description
///
/// The same document that `oi schema --api` and `oi-server openapi` print. No token is required.
#[utoipa::path(get, path = "/openapi.json", tag = "discovery", operation_id = "getOpenApi",
    responses((status = 200, description = "The OpenAPI 3.1 document", body = Object)))]
pub(super) async fn get(_: Public, State(state): State<Shared>) -> Response {
    let document = state.openapi(|| json(&state));
    let content_type = [(header::CONTENT_TYPE, "application/json")];
    (content_type, document).into_response()
}
