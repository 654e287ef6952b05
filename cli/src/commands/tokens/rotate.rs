use openindex_adapters_http::client::Client;
use openindex_adapters_http::wire::{CreatedPat, PlainSecret, RotatePat};
use openindex_domain::token::TokenId;
use openindex_domain::token::{Expiry, Overlap};

use crate::app::{App, Session};
use crate::commands::look_first;
use crate::commands::once::{Undo, require_reader};
use crate::duration::parse_seconds;
use crate::error::{CliError, Failure};
use crate::exit_code::ExitCode;
use crate::field::One;
use crate::render::{parse, plain, span};
use crate::resolve::TokenSource;

use super::{ExpiryArgs, LIST, Replaced, TokenField, parse_named, resolve, show_created, undo};

/// What to replace, and how.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The old token ends at once, or after the overlap. Without an option the new one ends when the old
one would have. Rotating the token that the profile uses puts the new one into the profile.

Examples:
  oi settings personal tokens rotate ci
  oi settings personal tokens rotate pat_0199f3a1c6d07c35b2f0e8a4d1c7b9e2 --overlap 1h")]
pub(crate) struct Args {
    #[command(flatten)]
    token: One<TokenField>,
    /// For how long the old token is accepted beside the new one: 1h, at most 24h
    #[arg(long, value_name = "SPAN")]
    overlap: Option<String>,
    /// The same in seconds: 0 to 86400
    #[arg(long, value_name = "N", conflicts_with = "overlap")]
    overlap_seconds: Option<i64>,
    #[command(flatten)]
    expiry: ExpiryArgs,
    /// The new token is accepted until it is deleted
    #[arg(long, conflicts_with = "ExpiryArgs")]
    never_expires: bool,
    /// Print the new secret and nothing else, for a pipe or a variable
    #[arg(long, conflicts_with = "json")]
    token_only: bool,
}

pub(super) fn run(args: &Args, app: &mut App<'_>) -> Result<(), CliError> {
    let named = parse_named(&args.token.0)?;
    let wanted = RotatePat {
        expires_at: if args.never_expires {
            Some(Expiry::Never)
        } else {
            args.expiry.at()?
        },
        expires_in: args.expiry.span()?,
        overlap_seconds: match args.overlap_seconds {
            Some(seconds) => Some(bounded("--overlap-seconds", seconds)?),
            None => args.overlap.as_deref().map(overlap).transpose()?,
        },
    };
    let session = app.human_session()?;
    let id = match resolve(vec![named], &session)?.as_slice() {
        [id] => *id,
        _ => return Err(Failure::usage("name one token").into()),
    };
    let is_own = session.call(Client::me)?.token.id == id.to_string();
    let to_profile = is_own && matches!(session.credential.source, TokenSource::Profile(_));
    if !to_profile {
        require_reader()?;
    }
    // Before, so that nothing stands between the new secret and its output.
    let old_expiry = match wanted.overlap_seconds {
        None | Some(Overlap::NONE) => None,
        Some(_) => session
            .call(|client| client.pat_get(id))
            .ok()
            .and_then(|pat| pat.expires_at),
    };
    let created = session
        .call(|client| client.pat_rotate(id, &wanted))
        .map_err(|failure| look_first(failure, LIST))?;
    // First, so that a crash in between leaves the profile with a token that works.
    let kept = if is_own {
        keep(app, &session, &created)
    } else {
        Ok(())
    };
    let undo = Undo {
        then: Some(old_token(id, wanted.overlap_seconds, is_own)),
        ..undo(&created, &session, app)
    };
    let undo = if to_profile && kept.is_ok() {
        in_profile(&created, undo)
    } else {
        undo
    };
    let replaced = replaced(id, old_expiry, wanted.overlap_seconds, &created);
    show_created(app, &created, Some(&replaced), args.token_only, undo)?;
    let Err(error) = kept else {
        if is_own && !to_profile {
            app.out
                .warn("this was the token in OPENINDEX_TOKEN; set the variable to the new one");
        }
        return Ok(());
    };
    // The answer is given, and it holds the secret: this must not be a second document.
    if let CliError::Failure(failure) = error {
        app.out.warn(&format!(
            "the profile still has the old token: {}; store the new one with oi profile set --token -",
            failure.message
        ));
    }
    Err(CliError::Reported(ExitCode::Failure))
}

/// Returns the old token with its end, which a rotation brings forward and never puts off.
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

/// What became of the old token, when the new one was not delivered.
fn old_token(id: TokenId, overlap: Option<Overlap>, is_own: bool) -> String {
    match overlap.map_or(0, Overlap::seconds) {
        0 if is_own => format!(
            "the old token {id}, which you acted with, ended with the rotation: create another one \
             in the web interface or with another token"
        ),
        0 => format!("the old token {id} ended with the rotation: create another one"),
        seconds => format!(
            "the old token {id} is accepted for another {}: rotate or replace it before that",
            span(i64::from(seconds).saturating_mul(1_000))
        ),
    }
}

/// A token that the profile has is not lost; there is nothing to undo.
fn in_profile<'a>(created: &CreatedPat, undo: Undo<'a>) -> Undo<'a> {
    Undo {
        made: format!("the token {}", plain(&created.pat.id)),
        undone: "put into the profile, which uses it now; nothing was undone",
        act: Box::new(|| Ok(())),
        then: None,
        ..undo
    }
}

/// Puts the new token where the old one was, so that nobody is locked out by their own rotation.
fn keep(app: &mut App<'_>, session: &Session, created: &CreatedPat) -> Result<(), CliError> {
    let name = match &session.credential.source {
        TokenSource::Profile(name) => name,
        TokenSource::Environment => return Ok(()),
    };
    let old = session.credential.secret.expose();
    app.store.update(|config| {
        match config.profiles.get_mut(name) {
            // Somebody else may have set another token meanwhile: theirs stays.
            Some(profile)
                if profile
                    .token
                    .as_ref()
                    .is_some_and(|token| token.expose().trim() == old) =>
            {
                profile.token = Some(PlainSecret::new(created.token.expose()));
                Ok(())
            }
            _ => Err(Failure::new(
                ExitCode::Failure,
                "profile_changed",
                format!("the profile {name} was changed meanwhile"),
            )
            .into()),
        }
    })?;
    app.out
        .note(&format!("the profile {name} now uses the new token"));
    Ok(())
}

fn overlap(text: &str) -> Result<Overlap, Failure> {
    let seconds = parse_seconds(text)
        .map_err(|error| Failure::usage(format!("--overlap {text}: {error}")))?;
    bounded("--overlap", seconds)
}

fn bounded(flag: &str, seconds: i64) -> Result<Overlap, Failure> {
    Overlap::from_seconds(seconds).map_err(|error| Failure::usage(format!("{flag} {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_overlap_is_at_most_a_day() {
        assert_eq!(overlap("24h").ok().map(Overlap::seconds), Some(86_400));
        assert_eq!(overlap("0s").ok(), Some(Overlap::NONE));
        for text in ["25h", "2d", "soon", ""] {
            assert_eq!(overlap(text).unwrap_err().exit, ExitCode::Usage, "{text}");
        }
    }
}
