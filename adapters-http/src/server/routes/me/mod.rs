//! The caller.

use axum::Json;
use axum::extract::State;

use crate::server::body::Body;
use crate::server::state::Shared;
use crate::server::{AnyToken, Context, Human, Problem, to_wire};
use crate::wire::{Me, PatchMe};

pub(super) mod pats;
pub(super) mod token;

/// Get your user and token
///
/// Returns the owner of the token, the token, and its effective scope: the token's scope, limited
/// to what the owner's role currently allows.
#[utoipa::path(get, path = "/me", tag = "account", operation_id = "getMe",
    responses((status = 200, description = "The token's owner and the token", body = Me)))]
pub(super) async fn get(AnyToken(principal): AnyToken) -> Result<Json<Me>, Problem> {
    to_wire::me(&principal)
        .map(Json)
        .ok_or_else(Problem::authentication_required)
}

/// Update your name
///
/// The new name is shown everywhere from now on. Only an administrator can change your email
/// address or role. Sending the current name is not an error.
#[utoipa::path(patch, path = "/me", tag = "account", operation_id = "updateMe",
    request_body = PatchMe,
    responses((status = 200, description = "Your updated user and the token", body = Me)))]
pub(in crate::server) async fn update(
    Human(principal): Human,
    State(state): State<Shared>,
    context: Context,
    Body(PatchMe { name }): Body<PatchMe>,
) -> Result<Json<Me>, Problem> {
    let user = state.users.rename_self(&principal, name, &context).await?;
    let mut me = to_wire::me(&principal).ok_or_else(Problem::authentication_required)?;
    me.user.name = Some(user.name.as_str().to_owned());
    Ok(Json(me))
}
