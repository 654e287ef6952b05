use openindex_adapters_http::client::Client;

use crate::commands::prelude::*;
use crate::hidden::leave_interrupts;
use crate::parts::once::wait_when_interrupted;
use crate::parts::own_token;
use crate::resolve::TokenSource;

use super::argument::{LIST, TokenField, parse_named, resolve};
use super::created::{show_created, undo};
use super::replacement::{Replaced, Replacement, in_profile, is_immediate, old_token};

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
    #[command(flatten)]
    how: Replacement,
}

pub(super) fn run(args: &Rotate, app: &mut App<'_>) -> Result<(), CliError> {
    let named = parse_named(&args.token.0)?;
    let request = args.how.request()?;
    let session = app.human_session()?;
    let id = resolve(named, &session)?;
    let acting = session.call(Client::me)?.token.id;
    let is_own = acting == id.to_string();
    let to_profile = is_own && matches!(session.credential.source, TokenSource::Profile(_));
    args.how.ask(&request, id, &acting, &session, app)?;
    leave_interrupts();
    if to_profile {
        wait_when_interrupted();
    } else {
        require_writable_stdout()?;
    }
    // Ask before the rotation, so that nothing can fail between the new secret and its output.
    let old_expiry = if is_immediate(&request) {
        None
    } else {
        let old = session.call(|client| client.pat_get(id));
        old.ok().and_then(|pat| pat.expires_at)
    };
    let created = session.change(LIST, |client| client.pat_rotate(id, &request))?;
    // Save the token first, so that a crash leaves the profile with a valid token.
    let saved = if to_profile {
        own_token::replace(app, &session, Some(&created.token))
    } else {
        Ok(None)
    };
    let undo = Undo {
        consequence: Some(old_token(id, &request, is_own)),
        ..undo(&created, &session, app)
    };
    let undo = if let Ok(Some(name)) = &saved {
        app.out.note(&own_token::now_uses(name));
        in_profile(&created, undo)
    } else {
        undo
    };
    let replaced = Replaced::by(&created, id, old_expiry, &request);
    show_created(app, &created, Some(&replaced), args.how.token_only, undo)?;
    if let Err(error) = saved {
        return Err(own_token::unsaved(app, error));
    }
    if is_own && !to_profile {
        app.out.warn(own_token::SET_VARIABLE);
    }
    Ok(())
}
