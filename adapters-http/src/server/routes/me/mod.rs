//! The caller.

use axum::Json;
use axum::extract::State;

use crate::server::api::Shared;
use crate::server::body::Body;
use crate::server::{AnyToken, Context, Human, Problem, to_wire};
use crate::wire::{Me, PatchMe};

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

/// Change my name.
///
/// The name is shown wherever the caller is, from now on. The email address and the role are changed
/// by an administrator. Sending the present name is not an error.
#[utoipa::path(patch, path = "/me", tag = "me", operation_id = "updateMe",
    request_body = PatchMe,
    responses((status = 200, description = "The token's owner as they are now, and the token", body = Me)))]
pub(in crate::server) async fn patch(
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
