//! Claiming an invite without a browser.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use openindex_domain::invite::Claim;
use openindex_domain::token::TokenName;
use openindex_domain::user::{Email, Password, PersonName};

use crate::server::api::Shared;
use crate::server::body::JsonFields;
use crate::server::{Context, Problem, Public, to_wire};
use crate::wire::{ClaimInvite, ClaimedInvite, PlainSecret};

/// Claim an invite.
///
/// Its bearer becomes a user, with a password to sign in to the web interface, a first token, or
/// both. Limited to 60 calls from one address in 15 minutes.
#[utoipa::path(post, path = "/auth/invites/claim", tag = "instance", operation_id = "claimInvite",
    request_body = ClaimInvite,
    responses(
        (status = 201, description = "Welcome", body = ClaimedInvite),
    ))]
pub(in crate::server) async fn claim(
    _: Public,
    State(state): State<Shared>,
    context: Context,
    JsonFields(mut fields): JsonFields,
) -> Result<(StatusCode, Json<ClaimedInvite>), Problem> {
    let code = fields.text("code", |text| Ok::<_, &str>(PlainSecret::new(text)));
    let code = fields.require("code", code);
    let name = fields.text("name", PersonName::parse);
    let name = fields.require("name", name);
    let email = fields.text("email", Email::parse);
    let password = fields.text("password", Password::parse);
    let token = fields.text("tokenName", TokenName::parse);
    fields.finish()?;
    let (Some(code), Some(name)) = (code, name) else {
        return Err(Problem::internal());
    };
    let claim = Claim {
        email,
        name,
        password,
        token,
        session: None,
    };
    let claimed = state.invites.claim(code.expose(), claim, &context).await?;
    let issued = claimed
        .issued
        .map(|issued| to_wire::created(&issued, state.tokens.now()));
    let (pat, token) = match issued {
        Some(created) => (Some(created.pat), Some(created.token)),
        None => (None, None),
    };
    let answer = ClaimedInvite {
        user: to_wire::user(&claimed.user),
        pat,
        token,
    };
    Ok((StatusCode::CREATED, Json(answer)))
}
