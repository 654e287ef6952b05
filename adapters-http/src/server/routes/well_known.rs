//! API discovery.

use axum::Json;
use axum::extract::State;

use crate::server::Public;
use crate::server::state::Shared;
use crate::wire::Discovery;

/// Discover the API
///
/// Returns the base URL of the API and the server version. No token is required.
#[utoipa::path(get, path = "/.well-known/openindex.json", tag = "discovery",
    operation_id = "getDiscovery",
    responses((status = 200, description = "API base URL and server version", body = Discovery)))]
pub(super) async fn get(_: Public, State(state): State<Shared>) -> Json<Discovery> {
    Json(Discovery {
        api_url: state.settings.public_url.clone(),
        version: state.settings.version.to_owned(),
    })
}
