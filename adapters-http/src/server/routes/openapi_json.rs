//! This API's description.

use std::sync::LazyLock;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header;
use utoipa::openapi::OpenApi;

use crate::server::api::Shared;
use crate::server::{Public, openapi};

static DOCUMENT: LazyLock<String> = LazyLock::new(|| json(&openapi::document()));
static WITHOUT_WORK: LazyLock<String> = LazyLock::new(|| json(&openapi::without_work()));

fn json(document: &OpenApi) -> String {
    document.to_json().unwrap_or_else(|_| "{}".to_owned())
}

/// The description of this API (OpenAPI 3.1).
///
/// The same document as `oi schema --api` and `oi-server openapi` print. No token is needed.
#[utoipa::path(get, path = "/openapi.json", tag = "instance", operation_id = "openapi",
    responses((status = 200, description = "This document", body = Object)))]
pub(super) async fn document(_: Public, State(state): State<Shared>) -> Response {
    let document = match state.work {
        Some(_) => &DOCUMENT,
        None => &WITHOUT_WORK,
    };
    let content_type = [(header::CONTENT_TYPE, "application/json")];
    (content_type, document.as_str()).into_response()
}
