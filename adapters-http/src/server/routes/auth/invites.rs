//! Claiming an invite without a browser.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use openindex_domain::invite::Claim;

use crate::server::body::Body;
use crate::server::state::Shared;
use crate::server::{Context, Problem, Public, to_wire};
use crate::wire::{ClaimInvite, ClaimedInvite, CreatedPat};

/// Claim an invite
///
/// Creates the invited user with a password for the web interface, a first token, or both. Limited
/// to 60 calls per client address in 15 minutes.
#[utoipa::path(post, path = "/auth/invites/claim", tag = "account", operation_id = "claimInvite",
    request_body = ClaimInvite,
    responses(
        (status = 201, description = "The new user, and their token if one was requested",
            body = ClaimedInvite),
    ))]
pub(in crate::server) async fn claim(
    _: Public,
    State(state): State<Shared>,
    context: Context,
    Body(wanted): Body<ClaimInvite>,
) -> Result<(StatusCode, Json<ClaimedInvite>), Problem> {
    let ClaimInvite {
        code,
        name,
        email,
        password,
        token_name,
    } = wanted;
    let claim = Claim {
        email,
        name,
        password,
        token: token_name,
        session: None,
    };
    let claimed = state.invites.claim(code.expose(), claim, &context).await?;
    let issued = claimed
        .issued
        .map(|issued| CreatedPat::new(&issued, state.tokens.now()));
    let (pat, token) = match issued {
        Some(created) => (Some(created.pat), Some(created.token)),
        None => (None, None),
    };
    let claimed_invite = ClaimedInvite {
        user: to_wire::user(&claimed.user),
        pat,
        token,
    };
    Ok((StatusCode::CREATED, Json(claimed_invite)))
}
