//! Probes for orchestrators and load balancers.

use axum::Json;
use axum::extract::State;

use crate::server::state::Shared;
use crate::server::{Problem, Public, outage};
use crate::wire::Health;

/// Check that the server is alive
///
/// Does not query the database, because a restart would not fix a database outage.
#[utoipa::path(get, path = "/health", tag = "discovery", operation_id = "getHealth",
    responses((status = 200, description = "Alive", body = Health)))]
pub(super) async fn get_health(_: Public) -> Json<Health> {
    ok()
}

/// Check that the server is ready
///
/// Ready means that the database is reachable and its schema matches this version. After a database
/// failure, a small write must also succeed.
#[utoipa::path(get, path = "/ready", tag = "discovery", operation_id = "getReadiness",
    responses(
        (status = 200, description = "Ready", body = Health),
    ))]
pub(super) async fn get_readiness(
    _: Public,
    State(state): State<Shared>,
) -> Result<Json<Health>, Problem> {
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
