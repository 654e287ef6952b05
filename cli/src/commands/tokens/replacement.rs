//! The replacement of a token: its options, and what becomes of the old token.

use openindex_adapters_http::wire::{CreatedPat, RotatePat};
use openindex_domain::duration::at_least;
use openindex_domain::token::{Overlap, TokenId};
use serde::Serialize;

use crate::commands::prelude::*;
use crate::duration::span;
use crate::render::parse;

use super::argument::ExpiryArgs;
use super::list::listed;

const QUESTION: &str = "\
Rotate this token? The old token and the agent runs started with it stop working immediately. This
cannot be undone; to keep the old token working for a while, use --overlap.";

/// How to replace a token.
#[derive(Debug, clap::Args)]
pub(crate) struct Replacement {
    /// How long the old token keeps working, such as 1h (at most 24h) [default: 0s]
    #[arg(long, value_name = "SPAN")]
    overlap: Option<String>,
    /// How long the old token keeps working, in seconds (0 to 86400)
    #[arg(long, value_name = "N", conflicts_with = "overlap")]
    overlap_seconds: Option<i64>,
    #[command(flatten)]
    expiry: ExpiryArgs,
    /// Print only the new token, for a pipe or a variable
    #[arg(long, conflicts_with = "json")]
    pub(crate) token_only: bool,
    #[command(flatten)]
    yes: Confirmation,
}

impl Replacement {
    /// Parses the options.
    pub(crate) fn request(&self) -> Result<RotatePat, Failure> {
        Ok(RotatePat {
            expires_at: self.expiry.at()?,
            expires_in: self.expiry.span()?,
            overlap_seconds: match self.overlap_seconds {
                Some(seconds) => Some(parse_overlap("--overlap-seconds", seconds)?),
                None => self.overlap.as_deref().map(overlap).transpose()?,
            },
        })
    }

    /// Asks on a terminal whether to rotate the token, if it stops working immediately.
    pub(crate) fn ask(
        &self,
        request: &RotatePat,
        id: TokenId,
        acting: &str,
        session: &Session,
        app: &App<'_>,
    ) -> Result<(), CliError> {
        if !is_immediate(request) || self.yes.given() || !app.out.is_conversation() {
            return Ok(());
        }
        let pat = session.call(|client| client.pat_get(id))?;
        let style = app.out.message_style();
        let shown = listed(&[pat], Some(acting), &style);
        confirm(&format!("{shown}{QUESTION}"), "the token was not rotated")
    }
}

/// Returns whether the old token stops working immediately.
pub(crate) const fn is_immediate(request: &RotatePat) -> bool {
    matches!(request.overlap_seconds, None | Some(Overlap::NONE))
}

/// The token that a rotation replaced.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Replaced {
    pub(crate) id: String,
    /// The time until which it is accepted.
    pub(crate) expires_at: String,
}

impl Replaced {
    /// Returns the old token with its new expiry; a rotation never extends it.
    pub(crate) fn by(
        created: &CreatedPat,
        id: TokenId,
        old_expiry: Option<String>,
        request: &RotatePat,
    ) -> Self {
        let rotated_at = &created.pat.created_at;
        let seconds = seconds(request).into();
        let overlap_end = parse(rotated_at).map_or_else(
            || rotated_at.clone(),
            |at| at.saturating_add_seconds(seconds).to_string(),
        );
        Self {
            id: id.to_string(),
            expires_at: old_expiry.into_iter().fold(overlap_end, Ord::min),
        }
    }
}

/// Describes the state of the old token, for when the new one was not delivered.
pub(crate) fn old_token(id: TokenId, request: &RotatePat, is_own: bool) -> String {
    match seconds(request) {
        0 if is_own => format!(
            "the old token {id}, which you're using, was revoked by the rotation; create another \
             one in the web interface or with another token"
        ),
        0 => format!("the old token {id} was revoked by the rotation; create another one"),
        seconds => format!(
            "the old token {id} keeps working for up to {}; create another one before then",
            at_least(seconds.into())
        ),
    }
}

/// Returns an undo that keeps the token, which is saved in the profile and not lost.
pub(crate) fn in_profile<'a>(created: &CreatedPat, undo: Undo<'a>) -> Undo<'a> {
    Undo {
        created: format!("token {}", plain(&created.pat.id)),
        undone: "not shown, but saved in the profile, which now uses it",
        act: Box::new(|| Ok(())),
        consequence: None,
        ..undo
    }
}

fn seconds(request: &RotatePat) -> u32 {
    request.overlap_seconds.map_or(0, Overlap::seconds)
}

fn overlap(text: &str) -> Result<Overlap, Failure> {
    let seconds = span("--overlap", text)?;
    parse_overlap("--overlap", seconds)
}

fn parse_overlap(flag: &str, seconds: i64) -> Result<Overlap, Failure> {
    Overlap::from_seconds(seconds).named(flag)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit_code::ExitCode;

    #[test]
    fn an_overlap_is_at_most_a_day() {
        assert_eq!(overlap("24h").ok().map(Overlap::seconds), Some(86_400));
        assert_eq!(overlap("0s").ok(), Some(Overlap::NONE));
        for text in ["25h", "2d", "soon", ""] {
            assert_eq!(overlap(text).unwrap_err().exit, ExitCode::Usage, "{text}");
        }
    }
}
