//! Leak reports.

use axum::extract::State;
use http::StatusCode;

use crate::server::body::LeakReportBody;
use crate::server::state::Shared;
use crate::server::{Context, Problem, Public};
use crate::wire::{LeakReport, PlainSecret};

/// Report leaked tokens
///
/// For anyone who finds leaked tokens, such as a secret scanner. Active tokens among them are
/// revoked immediately and their owners notified; the response does not say which. Limited to 60
/// calls per client address in 15 minutes.
///
/// Also accepts an array of secrets, and the array that GitHub sends to its secret scanning
/// partners. Only the `token` of each entry is read; `type`, `url` and `source` are ignored and not
/// stored.
#[utoipa::path(post, path = "/credentials/revoke", tag = "account",
    operation_id = "reportLeakedTokens",
    request_body = LeakReport,
    responses(
        (status = 202, description = "Report accepted"),
    ))]
pub(super) async fn report_leaked(
    _: Public,
    State(state): State<Shared>,
    context: Context,
    LeakReportBody(tokens): LeakReportBody,
) -> Result<StatusCode, Problem> {
    let texts: Vec<&str> = tokens.iter().map(PlainSecret::expose).collect();
    state.admin_tokens.report_leaked(&texts, &context).await?;
    Ok(StatusCode::ACCEPTED)
}
