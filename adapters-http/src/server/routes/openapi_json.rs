//! The OpenAPI description of this API.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header;

use crate::server::Public;
use crate::server::state::Shared;

/// Get the OpenAPI description
///
/// The same document that `oi schema --api` and `oi-server openapi` print. No token is required.
#[utoipa::path(get, path = "/openapi.json", tag = "discovery", operation_id = "getOpenApi",
    responses((status = 200, description = "The OpenAPI 3.1 document", body = Object)))]
pub(super) async fn get(_: Public, State(state): State<Shared>) -> Response {
    let content_type = [(header::CONTENT_TYPE, "application/json")];
    (content_type, state.openapi()).into_response()
}
