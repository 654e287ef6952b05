//! Personal access tokens of the caller.

use axum::Json;
use axum::extract::State;
use http::{HeaderName, StatusCode, header};
use openindex_domain::access::Principal;
use openindex_domain::audit::RequestContext;
use openindex_domain::token::{ListFilter, Seek, TokenId, TokenWithSecret};

use crate::server::body::Body;
use crate::server::path::PathId;
use crate::server::query::{PatPage, Query};
use crate::server::state::Shared;
use crate::server::{ApiState, Context, Human, Problem, to_wire};
use crate::wire::{CreatePat, CreatedPat, Pat, PatList, PatPageQuery, PatQuery, RotatePat};

pub(super) type Created = (StatusCode, [(HeaderName, String); 1], Json<CreatedPat>);

/// List your tokens
///
/// Lists active and expired tokens, newest first, one page at a time. Revoked tokens are
/// listed only with `status=revoked`, and secrets are never returned. Expired and revoked tokens
/// are purged after 30 days.
#[utoipa::path(get, path = "/me/pats", tag = "account", operation_id = "listPats",
    params(PatQuery, PatPageQuery),
    responses((status = 200, description = "The tokens, without secrets", body = PatList)))]
pub(in crate::server) async fn list(
    Human(principal): Human,
    State(state): State<Shared>,
    Query(query, PatPage(page)): Query<PatQuery, PatPage>,
) -> Result<Json<PatList>, Problem> {
    let tokens = &state.tokens;
    let filter = ListFilter::from(query);
    if page
        .after
        .as_ref()
        .is_some_and(|after| after.sort() != filter.sort)
    {
        return Err(Problem::invalid_field(
            "cursor",
            &"must be the nextCursor of a page with the same sort",
        ));
    }
    let after = page.after.map(Seek::After);
    let found = tokens.list(&principal, &filter, after, page.limit);
    let page = found.await?;
    Ok(Json(PatList {
        damaged: to_wire::damaged(&page.tokens),
        ..PatList::new(&page, tokens.now())
    }))
}

/// Create a token
///
/// The effective scope of the token that makes this request must include the new token's scope.
#[utoipa::path(post, path = "/me/pats", tag = "account", operation_id = "createPat",
    request_body = CreatePat,
    responses(
        (status = 201, description = "The token with its secret, which is shown only once",
            body = CreatedPat, headers(("Location" = String, description = "Path of the token"))),
    ))]
pub(in crate::server) async fn create(
    Human(principal): Human,
    State(state): State<Shared>,
    context: Context,
    Body(body): Body<CreatePat>,
) -> Result<Created, Problem> {
    let wanted = body.try_into()?;
    let issued = state.tokens.create(&principal, wanted, &context).await?;
    Ok(created(&state, &issued))
}

/// Get one of your tokens
///
/// Returns 404 for a token that is unknown, revoked or owned by another user.
#[utoipa::path(get, path = "/me/pats/{id}", tag = "account", operation_id = "getPat",
    params(("id" = String, Path, description = "Token id (`pat_…`)")),
    responses(
        (status = 200, description = "The token, without its secret", body = Pat),
    ))]
pub(in crate::server) async fn get(
    Human(principal): Human,
    State(state): State<Shared>,
    PathId(id): PathId<TokenId>,
) -> Result<Json<Pat>, Problem> {
    let token = state.tokens.get(&principal, id).await?;
    Ok(Json(Pat::new(&token, state.tokens.now())))
}

/// Delete a token
///
/// Requests that start after the response are rejected if they use the token or an agent run
/// started with it.
#[utoipa::path(delete, path = "/me/pats/{id}", tag = "account", operation_id = "deletePat",
    params(("id" = String, Path, description = "Token id (`pat_…`)")),
    responses(
        (status = 204, description = "Deleted"),
    ))]
pub(in crate::server) async fn delete(
    Human(principal): Human,
    State(state): State<Shared>,
    context: Context,
    PathId(id): PathId<TokenId>,
) -> Result<StatusCode, Problem> {
    state.tokens.revoke(&principal, id, &context).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Rotate a token
///
/// Creates a token with the same name and scope and a new secret. The old token and the agent runs
/// started with it stop working in the same step, or after an overlap of at most 24 hours. A token
/// can be rotated once. The effective scope of the token that makes this request must include the
/// scope of the rotated token.
#[utoipa::path(post, path = "/me/pats/{id}/rotate", tag = "account", operation_id = "rotatePat",
    params(("id" = String, Path, description = "Token id (`pat_…`)")),
    request_body(content = Option<RotatePat>),
    responses(
        (status = 201, description = "The new token with its secret, which is shown only once",
            body = CreatedPat, headers(("Location" = String, description = "Path of the token"))),
    ))]
pub(in crate::server) async fn rotate(
    Human(principal): Human,
    State(state): State<Shared>,
    context: Context,
    PathId(id): PathId<TokenId>,
    Body(body): Body<RotatePat>,
) -> Result<Created, Problem> {
    replace(&state, &principal, id, body, &context).await
}

/// Rotates a token of the caller.
pub(super) async fn replace(
    state: &ApiState,
    principal: &Principal,
    id: TokenId,
    body: RotatePat,
    context: &RequestContext,
) -> Result<Created, Problem> {
    let rotated = state
        .tokens
        .rotate(principal, id, body.try_into()?, context);
    Ok(created(state, &rotated.await?))
}

fn created(state: &ApiState, issued: &TokenWithSecret) -> Created {
    let location = format!("/me/pats/{}", issued.token.id);
    (
        StatusCode::CREATED,
        [(header::LOCATION, location)],
        Json(CreatedPat::new(issued, state.tokens.now())),
    )
}
