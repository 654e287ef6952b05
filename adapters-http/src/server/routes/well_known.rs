//! API discovery.

use axum::Json;
use axum::extract::State;

use crate::server::state::Shared;
use crate::server::{ApiState, Public};
use crate::wire::{AuthorizationServer, Discovery};

/// Discover the API
///
/// Returns the base URL of the API, where tokens are introspected, and the server version. No token
/// is required.
#[utoipa::path(get, path = "/.well-known/openindex.json", tag = "discovery",
    operation_id = "getDiscovery",
    responses((status = 200, description = "API base URL and server version", body = Discovery)))]
pub(super) async fn get(_: Public, State(state): State<Shared>) -> Json<Discovery> {
    Json(Discovery {
        api_url: state.settings.public_url.clone(),
        introspection_url: introspection_url(&state),
        version: state.settings.version.to_owned(),
    })
}

/// Discover token introspection
///
/// Metadata for OAuth libraries (RFC 8414): only the issuer and the introspection endpoint, because
/// tokens are not issued by an OAuth flow. No token is required.
#[utoipa::path(get, path = "/.well-known/oauth-authorization-server", tag = "discovery",
    operation_id = "getAuthorizationServer",
    responses((status = 200, description = "Issuer and introspection endpoint",
        body = AuthorizationServer)))]
pub(super) async fn authorization_server(
    _: Public,
    State(state): State<Shared>,
) -> Json<AuthorizationServer> {
    Json(AuthorizationServer {
        issuer: state.settings.public_url.clone(),
        introspection_endpoint: introspection_url(&state),
    })
}

fn introspection_url(state: &ApiState) -> String {
    format!("{}/auth/introspect", state.settings.public_url)
}
