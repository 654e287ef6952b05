//! The token of the request: what a program can do with it that knows no id.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use openindex_domain::access::Principal;
use openindex_domain::token::{Token, TokenKind};

use crate::server::body::Body;
use crate::server::state::Shared;
use crate::server::{AnyToken, Context, Human, Problem, to_wire};
use crate::wire::{CreatedPat, MeToken, RotatePat};

use super::pats::{Created, replace};

/// Get the token of the request
///
/// Returns the token that makes this request, of any kind.
#[utoipa::path(get, path = "/me/token", tag = "account", operation_id = "getOwnToken",
    responses((status = 200, description = "The token, without its secret", body = MeToken)))]
pub(in crate::server) async fn get(
    AnyToken(principal): AnyToken,
) -> Result<Json<MeToken>, Problem> {
    to_wire::me_token(&principal)
        .map(Json)
        .ok_or_else(Problem::authentication_required)
}

/// Delete the token of the request
///
/// A personal access token is deleted, with the agent runs started with it; the token of an agent
/// run ends its run. Requests that start after the response are rejected if they use it, so a
/// second call gets a 401.
#[utoipa::path(delete, path = "/me/token", tag = "account", operation_id = "deleteOwnToken",
    responses((status = 204, description = "Deleted")))]
pub(in crate::server) async fn delete(
    AnyToken(principal): AnyToken,
    State(state): State<Shared>,
    context: Context,
) -> Result<StatusCode, Problem> {
    let id = own(&principal)?.id;
    match id.kind() {
        TokenKind::Personal => state.tokens.revoke(&principal, id, &context).await?,
        TokenKind::AgentRun => state.agent_runs.end(&principal, id, &context).await?,
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Rotate the token of the request
///
/// As for `POST /me/pats/{id}/rotate`, for a program that does not know the id of its token. The
/// token of an agent run cannot be rotated.
#[utoipa::path(post, path = "/me/token/rotate", tag = "account", operation_id = "rotateOwnToken",
    request_body(content = Option<RotatePat>),
    responses(
        (status = 201, description = "The new token with its secret, which is shown only once",
            body = CreatedPat, headers(("Location" = String, description = "Path of the token"))),
    ))]
pub(in crate::server) async fn rotate(
    Human(principal): Human,
    State(state): State<Shared>,
    context: Context,
    Body(body): Body<RotatePat>,
) -> Result<Created, Problem> {
    let id = own(&principal)?.id;
    replace(&state, &principal, id, body, &context).await
}

/// Returns the token of a request. The API accepts no browser session.
fn own(principal: &Principal) -> Result<&Token, Problem> {
    principal
        .token()
        .ok_or_else(Problem::authentication_required)
}
