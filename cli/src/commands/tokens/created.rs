//! New secrets.

use openindex_adapters_http::wire::CreatedPat;
use serde::Serialize;

use crate::commands::prelude::*;

use super::replacement::Replaced;

/// The output with a new secret, and the token that it replaces.
#[derive(Serialize)]
pub(crate) struct CreateOutput<'a> {
    #[serde(flatten)]
    pub(crate) created: &'a CreatedPat,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) replaced: Option<&'a Replaced>,
}

/// Prints a new secret.
pub(super) fn show_created(
    app: &mut App<'_>,
    created: &CreatedPat,
    replaced: Option<&Replaced>,
    token_only: bool,
    undo: Undo<'_>,
) -> Result<(), CliError> {
    let output = CreateOutput { created, replaced };
    let secret = (&created.token, token_only, once::WARNING);
    let text = |style: &Style| created_text(&output, style);
    once::show(app, &output, secret, text, undo)
}

/// Returns how to revoke a new token that was not shown.
pub(crate) fn undo<'a>(created: &'a CreatedPat, session: &'a Session, app: &App<'_>) -> Undo<'a> {
    let api_url = &session.server.api_url;
    Undo::revoke_token(&created.pat.id, &created.token, api_url, app)
}

pub(crate) fn created_text(output: &CreateOutput<'_>, style: &Style) -> String {
    let pat = &output.created.pat;
    let mut rows = vec![
        ("id", plain(&pat.id)),
        ("scope", word(&pat.scope)),
        ("expires", expiry(pat.expires_at.as_deref(), style)),
    ];
    let verb = match output.replaced {
        None => "Created token",
        Some(old) => {
            let end = if old.expires_at > pat.created_at {
                format!("valid until {}", expiry(Some(&old.expires_at), style))
            } else {
                "revoked".to_owned()
            };
            rows.push(("replaces", format!("{}, {end}", plain(&old.id))));
            "Rotated token"
        }
    };
    done(verb, &plain(&pat.name), &rows, style)
}
