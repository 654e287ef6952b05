use openindex_adapters_http::client::Client;
use openindex_adapters_http::wire::{CreatedPat, PlainSecret, RotatePat};
use openindex_domain::duration::at_least;
use openindex_domain::token::TokenId;
use openindex_domain::token::{Expiry, Overlap};

use crate::commands::prelude::*;
use crate::duration::span;
use crate::hidden::leave_interrupts;
use crate::parts::once::wait_when_interrupted;
use crate::render::parse;
use crate::resolve::{TokenSource, profile_changed};

use super::argument::{ExpiryArgs, LIST, TokenField, parse_named, resolve};
use super::created::{Replaced, show_created, undo};
use super::list::listed;

const QUESTION: &str = "\
Rotate this token? The old token and the agent runs started with it stop working immediately. This
cannot be undone; to keep the old token working for a while, use --overlap.";

#[derive(Debug, clap::Args)]
#[command(after_help = "\
The old token stops working immediately unless you pass an overlap, during which both tokens work.
Without an option, the new token expires when the old one would have. If the profile uses the
rotated token, the new token is saved in the profile. Asks for confirmation on a terminal if the old
token stops working immediately; never in a script.

Examples:
  oi settings personal tokens rotate ci
  oi settings personal tokens rotate pat_0199f3a1c6d07c35b2f0e8a4d1c7b9e2 --overlap 1h")]
pub(crate) struct Rotate {
    #[command(flatten)]
    token: One<TokenField>,
    /// How long the old token keeps working, such as 1h (at most 24h) [default: 0s]
    #[arg(long, value_name = "SPAN")]
    overlap: Option<String>,
    /// How long the old token keeps working, in seconds (0 to 86400)
    #[arg(long, value_name = "N", conflicts_with = "overlap")]
    overlap_seconds: Option<i64>,
    #[command(flatten)]
    expiry: ExpiryArgs,
    /// Create a new token that never expires
    #[arg(long, conflicts_with = "ExpiryArgs")]
    never_expires: bool,
    /// Print only the new token, for a pipe or a variable
    #[arg(long, conflicts_with = "json")]
    token_only: bool,
    #[command(flatten)]
    yes: Confirmation,
}

pub(super) fn run(args: &Rotate, app: &mut App<'_>) -> Result<(), CliError> {
    let named = parse_named(&args.token.0)?;
    let request = RotatePat {
        expires_at: if args.never_expires {
            Some(Expiry::Never)
        } else {
            args.expiry.at()?
        },
        expires_in: args.expiry.span()?,
        overlap_seconds: match args.overlap_seconds {
            Some(seconds) => Some(parse_overlap("--overlap-seconds", seconds)?),
            None => args.overlap.as_deref().map(overlap).transpose()?,
        },
    };
    let session = app.human_session()?;
    let id = resolve(named, &session)?;
    let acting = session.call(Client::me)?.token.id;
    let is_own = acting == id.to_string();
    let to_profile = is_own && matches!(session.credential.source, TokenSource::Profile(_));
    let is_immediate = matches!(request.overlap_seconds, None | Some(Overlap::NONE));
    if is_immediate && !args.yes.given() && app.out.is_conversation() {
        let pat = session.call(|client| client.pat_get(id))?;
        let style = app.out.message_style();
        let shown = listed(&[pat], Some(&acting), &style);
        confirm(&format!("{shown}{QUESTION}"), "the token was not rotated")?;
    }
    leave_interrupts();
    if to_profile {
        wait_when_interrupted();
    } else {
        require_writable_stdout()?;
    }
    // Ask before the rotation, so that nothing can fail between the new secret and its output.
    let old_expiry = if is_immediate {
        None
    } else {
        let old = session.call(|client| client.pat_get(id));
        old.ok().and_then(|pat| pat.expires_at)
    };
    let created = session.change(LIST, |client| client.pat_rotate(id, &request))?;
    // Save the token first, so that a crash leaves the profile with a valid token.
    let saved = if is_own {
        save_to_profile(app, &session, &created)
    } else {
        Ok(())
    };
    let undo = Undo {
        consequence: Some(old_token(id, request.overlap_seconds, is_own)),
        ..undo(&created, &session, app)
    };
    let undo = if to_profile && saved.is_ok() {
        in_profile(&created, undo)
    } else {
        undo
    };
    let replaced = replaced(id, old_expiry, request.overlap_seconds, &created);
    show_created(app, &created, Some(&replaced), args.token_only, undo)?;
    if let Err(error) = saved {
        let what = "the profile still has the old token";
        return Err(once::unsaved(app, error, what, "the new one"));
    }
    if is_own && !to_profile {
        app.out
            .warn("you rotated the token in OPENINDEX_TOKEN; set the variable to the new one");
    }
    Ok(())
}

/// Returns the old token with its new expiry; a rotation never extends it.
fn replaced(
    id: TokenId,
    old_expiry: Option<String>,
    overlap: Option<Overlap>,
    created: &CreatedPat,
) -> Replaced {
    let rotated_at = &created.pat.created_at;
    let seconds = overlap.map_or(0, Overlap::seconds).into();
    let overlap_end = parse(rotated_at).map_or_else(
        || rotated_at.clone(),
        |at| at.saturating_add_seconds(seconds).to_string(),
    );
    Replaced {
        id: id.to_string(),
        expires_at: old_expiry.into_iter().fold(overlap_end, Ord::min),
    }
}

/// Describes the state of the old token, for when the new one was not delivered.
fn old_token(id: TokenId, overlap: Option<Overlap>, is_own: bool) -> String {
    match overlap.map_or(0, Overlap::seconds) {
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
fn in_profile<'a>(created: &CreatedPat, undo: Undo<'a>) -> Undo<'a> {
    Undo {
        created: format!("token {}", plain(&created.pat.id)),
        undone: "not shown, but saved in the profile, which now uses it",
        act: Box::new(|| Ok(())),
        consequence: None,
        ..undo
    }
}

/// Saves the new token in the profile that has the old one.
fn save_to_profile(
    app: &mut App<'_>,
    session: &Session,
    created: &CreatedPat,
) -> Result<(), CliError> {
    let name = match &session.credential.source {
        TokenSource::Profile(name) => name,
        TokenSource::Environment => return Ok(()),
    };
    let old = session.credential.secret.expose();
    app.store.update(|config| {
        let profile = config.profiles.get_mut(name);
        // Do not overwrite a token that another process has saved since.
        let is_old = |token: &PlainSecret| token.expose().trim() == old;
        let profile = profile.filter(|profile| profile.token.as_ref().is_some_and(is_old));
        let profile = profile.ok_or_else(|| profile_changed(name))?;
        profile.token = Some(PlainSecret::new(created.token.expose()));
        Ok(())
    })?;
    app.out
        .note(&format!("profile {name} now uses the new token"));
    Ok(())
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
