//! Probes for whoever runs the server.

use axum::Json;
use axum::extract::State;

use crate::server::api::Shared;
use crate::server::{Problem, Public, outage};
use crate::wire::Health;

/// Is the process alive?
///
/// Asks nothing of the store: a restart would not bring a database back.
#[utoipa::path(get, path = "/health", tag = "instance", operation_id = "health",
    responses((status = 200, description = "It is", body = Health)))]
pub(super) async fn alive(_: Public) -> Json<Health> {
    ok()
}

/// Can requests be served?
///
/// The store can be reached and its schema is the one that this version needs. After a failure of the
/// store, a small change must have succeeded again, too.
#[utoipa::path(get, path = "/ready", tag = "instance", operation_id = "ready",
    responses(
        (status = 200, description = "They can", body = Health),
    ))]
pub(super) async fn ready(_: Public, State(state): State<Shared>) -> Result<Json<Health>, Problem> {
    match outage::check(&*state.health).await {
        Ok(()) => Ok(ok()),
        Err(error) => Err(Problem::not_ready(&error)),
    }
}

fn ok() -> Json<Health> {
    Json(Health {
        status: "ok".to_owned(),
    })
}
