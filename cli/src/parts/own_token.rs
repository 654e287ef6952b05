//! The token in use, in the profile that it came from.

use openindex_adapters_http::wire::PlainSecret;

use crate::app::{App, Session};
use crate::config::Profile;
use crate::error::CliError;
use crate::parts::once;
use crate::resolve::{TokenSource, profile_changed};
use crate::token;

/// Checks that the profile can be written and still has the token, before the token is replaced.
/// There is nothing to check for a token from the environment.
pub(crate) fn require_replaceable(app: &App<'_>, session: &Session) -> Result<(), CliError> {
    update(app, session, |_| {}).map(|_| ()).map_err(|error| {
        if let CliError::Failure(failure) = error {
            let hint = "the new token could not be saved, so nothing was changed";
            return failure.prepend_hint(hint).into();
        }
        error
    })
}

/// Replaces the token in the profile, or removes it (`None`). Returns the name of the profile;
/// `None` if the token is from the environment.
pub(crate) fn replace(
    app: &App<'_>,
    session: &Session,
    new: Option<&PlainSecret>,
) -> Result<Option<String>, CliError> {
    let new = new.map(|token| PlainSecret::new(token.expose()));
    update(app, session, |profile| profile.token = new)
}

fn update(
    app: &App<'_>,
    session: &Session,
    change: impl FnOnce(&mut Profile),
) -> Result<Option<String>, CliError> {
    let name = match &session.credential.source {
        TokenSource::Profile(name) => name,
        TokenSource::Environment => return Ok(None),
    };
    let used = session.credential.secret.expose();
    app.store.update(|config| {
        let profile = config.profiles.get_mut(name);
        // Do not overwrite a token that another process has saved since.
        let is_used = |token: &PlainSecret| token::compact(token.expose()).as_str() == used;
        let profile = profile.filter(|profile| profile.token.as_ref().is_some_and(is_used));
        change(profile.ok_or_else(|| profile_changed(name))?);
        Ok(Some(name.clone()))
    })
}

/// Tells that the profile has the new token.
pub(crate) fn now_uses(profile: &str) -> String {
    format!("profile {profile} now uses the new token")
}

/// Warns that the new token, which was shown, was not saved in the profile.
pub(crate) fn unsaved(app: &mut App<'_>, error: CliError) -> CliError {
    let what = "the profile still has the old token";
    once::unsaved(app, error, what, "the new one")
}

/// The warning after the token in the environment was rotated.
pub(crate) const SET_VARIABLE: &str =
    "you rotated the token in OPENINDEX_TOKEN; set the variable to the new one";
