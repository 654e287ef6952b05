//! Leaked secrets.

use axum::extract::State;
use http::StatusCode;

use crate::server::api::Shared;
use crate::server::body::Reported;
use crate::server::{Context, Problem, Public};
use crate::wire::{CredentialReport, PlainSecret};

/// Report leaked secrets, so that they are revoked.
///
/// For whoever finds them, a secret scanner for one. Those that are live are revoked at once and
/// their owners told; the answer says nothing about which. Limited to 60 calls from one address in
/// 15 minutes.
///
/// Also takes the array that GitHub sends to the partners of its secret scanning. Of each entry the
/// `token` is read; `type`, `url` and `source` are ignored and not stored.
#[utoipa::path(post, path = "/credentials/revoke", tag = "instance",
    operation_id = "reportLeakedTokens",
    request_body = CredentialReport,
    responses(
        (status = 202, description = "Thank you"),
    ))]
pub(super) async fn report_leaked(
    _: Public,
    State(state): State<Shared>,
    context: Context,
    Reported(tokens): Reported,
) -> Result<StatusCode, Problem> {
    let texts: Vec<&str> = tokens.iter().map(PlainSecret::expose).collect();
    state.admin_tokens.report_leaked(&texts, &context).await?;
    Ok(StatusCode::ACCEPTED)
}
