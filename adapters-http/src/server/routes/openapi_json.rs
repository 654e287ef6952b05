//! This API's description.

use std::sync::LazyLock;

use axum::response::{IntoResponse, Response};
use http::header;

use crate::server::{Public, openapi};

static DOCUMENT: LazyLock<String> =
    LazyLock::new(|| openapi().to_json().unwrap_or_else(|_| "{}".to_owned()));

/// The description of this API (OpenAPI 3.1).
#[utoipa::path(get, path = "/openapi.json", tag = "instance", operation_id = "openapi",
    responses((status = 200, description = "This document", content_type = "application/json")))]
pub(super) async fn document(_: Public) -> Response {
    let content_type = [(header::CONTENT_TYPE, "application/json")];
    (content_type, DOCUMENT.as_str()).into_response()
}
