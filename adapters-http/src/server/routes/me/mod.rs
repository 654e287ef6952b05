//! The caller.

use axum::Json;

use crate::server::{AnyToken, Problem, to_wire};
use crate::wire::Me;

pub(super) mod pats;

/// Who am I, and with which token?
///
/// Returns the caller, their token, and the effective scope: the lesser of the token's scope and what
/// the owner's role allows now.
#[utoipa::path(get, path = "/me", tag = "me", operation_id = "me",
    responses((status = 200, description = "The token's owner and the token", body = Me)))]
pub(super) async fn show(AnyToken(principal): AnyToken) -> Result<Json<Me>, Problem> {
    to_wire::me(&principal)
        .map(Json)
        .ok_or_else(Problem::authentication_required)
}
