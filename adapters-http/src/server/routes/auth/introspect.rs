//! Token introspection (RFC 7662), of one token or of many.

use axum::Json;
use axum::extract::{FromRef as _, State};
use futures_util::future::try_join_all;
use openindex_domain::token::VerifyError;

use crate::guard::Guard;
use crate::server::body::IntrospectionBody;
use crate::server::limits::INTROSPECTED_AT_ONCE;
use crate::server::state::Shared;
use crate::server::{AnyToken, Problem, to_wire};
use crate::wire::{
    IntrospectToken, IntrospectTokens, Introspected, Introspection, Introspections, PlainSecret,
};

/// Introspect tokens
///
/// For a service that gets tokens from its callers and authenticates here with a token of its own,
/// of any kind. Send one token as a form (RFC 7662), or up to 1,000 as JSON, which are verified
/// together. Of a token that is not accepted, the response says only that it is not active. Each
/// introspection counts as a use of the token.
#[utoipa::path(post, path = "/auth/introspect", tag = "verification",
    operation_id = "introspectTokens",
    request_body(content(
        (IntrospectToken = "application/x-www-form-urlencoded"),
        (IntrospectTokens = "application/json"),
    )),
    responses((status = 200, description = "What the tokens are", body = Introspected)))]
pub(in crate::server) async fn introspect(
    _: AnyToken,
    State(state): State<Shared>,
    body: IntrospectionBody,
) -> Result<Json<Introspected>, Problem> {
    let guard = Guard::from_ref(&state);
    Ok(Json(match body {
        IntrospectionBody::One(token) => Introspected::One(Box::new(look(&guard, &token).await?)),
        IntrospectionBody::Many(tokens) => {
            let mut found = Vec::with_capacity(tokens.len());
            for part in tokens.chunks(INTROSPECTED_AT_ONCE) {
                let _turn = state.begin_introspection().await;
                let part = part.iter().map(|token| look(&guard, token));
                found.extend(try_join_all(part).await?);
            }
            Introspected::Many(Introspections { tokens: found })
        }
    }))
}

/// Returns what a token is. The client address is that of the service, so it is not recorded.
async fn look(guard: &Guard, token: &PlainSecret) -> Result<Introspection, Problem> {
    match guard.verify(token.expose(), None).await {
        Ok(principal) => Ok(to_wire::introspection(&principal)),
        Err(VerifyError::Rejected(_)) => Ok(Introspection::default()),
        Err(VerifyError::Store(error)) => Err(error.into()),
    }
}
