//! Discovery.

use axum::Json;
use axum::extract::State;

use crate::server::Public;
use crate::server::api::Shared;
use crate::wire::Discovery;

/// Where is the API?
///
/// Returns the URL that API paths are appended to, and the server's version. No token is needed.
#[utoipa::path(get, path = "/.well-known/openindex.json", tag = "instance", operation_id = "discover",
    responses((status = 200, description = "Here", body = Discovery)))]
pub(super) async fn discover(_: Public, State(state): State<Shared>) -> Json<Discovery> {
    Json(Discovery {
        api_url: state.settings.public_url.clone(),
        version: state.settings.version.to_owned(),
    })
}
