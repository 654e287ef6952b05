//! `oi auth rotate`: replaces the token in use.

use openindex_adapters_http::client::Client;
use openindex_adapters_http::wire::{Pat, PlainSecret};
use serde::Serialize;

use crate::commands::prelude::*;
use crate::commands::tokens::{
    CreateOutput, Replaced, Replacement, created_text, in_profile, old_token, undo,
};
use crate::hidden::leave_interrupts;
use crate::parts::once::parse_id;
use crate::parts::own_token;

#[derive(Serialize)]
struct RotateOutput<'a> {
    #[serde(flatten)]
    pat: &'a Pat,
    /// `None` if it was saved in the profile, unless `--token-only` was passed.
    token: Option<&'a PlainSecret>,
    /// The profile that the token was saved in.
    profile: Option<&'a str>,
    replaced: &'a Replaced,
}

pub(super) fn run(how: &Replacement, app: &mut App<'_>) -> Result<(), CliError> {
    let request = how.request()?;
    let session = app.human_session()?;
    let old = session.call(Client::me)?.token;
    let id = parse_id(&old.id)?;
    how.ask(&request, id, &old.id, &session, app)?;
    leave_interrupts();
    // The secret is shown if it cannot be saved. If it could be neither, do not rotate.
    require_writable_stdout()?;
    own_token::require_replaceable(app, &session)?;
    let created = session.change("oi auth check", |client| client.own_token_rotate(&request))?;
    // Save the token first, so that a crash leaves the profile with a valid token.
    let saved = own_token::replace(app, &session, Some(&created.token));
    let profile = saved.as_ref().ok().and_then(Option::as_deref);
    let replaced = Replaced::by(&created, id, old.expires_at, &request);
    let output = RotateOutput {
        pat: &created.pat,
        token: (profile.is_none() || how.token_only).then_some(&created.token),
        profile,
        replaced: &replaced,
    };
    let text = |style: &Style| {
        let (created, replaced) = (&created, Some(&replaced));
        created_text(&CreateOutput { created, replaced }, style)
    };
    if let Some(name) = profile {
        app.out.note(&own_token::now_uses(name));
    }
    if let Some(token) = output.token {
        let undo = undo(&created, &session, app);
        let undo = match profile {
            Some(_) => in_profile(&created, undo),
            None => Undo {
                consequence: Some(old_token(id, &request, true)),
                ..undo
            },
        };
        let secret = (token, how.token_only, once::WARNING);
        once::show(app, &output, secret, text, undo)?;
    } else {
        app.out.print(&output, text)?;
    }
    match saved {
        Err(error) => Err(own_token::unsaved(app, error)),
        Ok(None) => {
            app.out.warn(own_token::SET_VARIABLE);
            Ok(())
        }
        Ok(Some(_)) => Ok(()),
    }
}
