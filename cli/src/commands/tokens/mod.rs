//! `oi settings personal tokens`: the caller's own tokens.

mod argument;
mod created;
mod list;
mod replacement;
mod rotate;

pub(crate) use created::{CreateOutput, created_text, undo};
pub(crate) use list::named;
pub(crate) use replacement::{Replaced, Replacement, in_profile, old_token};

use openindex_adapters_http::client::Client;
use openindex_adapters_http::wire::{CreatePat, Pat};
use openindex_domain::token::Scope;

use crate::commands::prelude::*;
use crate::resolve::TokenSource;
use argument::{ExpiryArgs, LIST, TokenField, parse_name, parse_named, resolve};
use created::show_created;
use list::{List, listed};
use rotate::Rotate;

commands! {
    /// List your personal access tokens, newest first
    #[command(visible_alias = "ls")]
    List(List) -> "PatList" = list::run,
    /// Create a token and show it once
    Create(Create) -> "CreatedPat" = create,
    /// Delete tokens; anything using them stops working immediately
    #[command(visible_alias = "rm", alias = "revoke")]
    #[command(after_help = "\
Asks for confirmation on a terminal; without one, --yes is required. Stops at the first token that
cannot be deleted, and lists those already deleted.

Examples:
  oi settings personal tokens delete ci
  oi settings personal tokens delete --yes pat_0199f3a1c6d07c35b2f0e8a4d1c7b9e2")]
    Delete(Confirmed<Several<TokenField>>) -> "Deleted" = delete,
    /// Replace a token with a new one of the same name and scope
    Rotate(Rotate) -> "RotatedPat" = rotate::run,
}

/// The name of the new token.
struct NewName;

impl Field for NewName {
    type Value = String;
    const POSITIONAL: &'static str = "NAME";
    const FLAGS: Flags = &[("name", "NAME", "Name of the token (1 to 100 characters)")];
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
The token is shown only once. By default, it never expires.

Examples:
  oi settings personal tokens create --name \"local cli\" --scope read_write
  oi settings personal tokens create --name ci --expires-in 90d
  oi settings personal tokens create --name ops --scope admin --expires 2026-12-31
  TOKEN=$(oi settings personal tokens create --name ci --token-only)")]
pub(crate) struct Create {
    #[command(flatten)]
    name: One<NewName>,
    /// Scope of the token
    #[arg(long, default_value = "read_write", value_parser = one_of(Scope::ALL, Scope::as_str))]
    scope: Scope,
    #[command(flatten)]
    expiry: ExpiryArgs,
    /// Print only the token, for a pipe or a variable
    #[arg(long, conflicts_with = "json")]
    token_only: bool,
}

fn create(args: &Create, app: &mut App<'_>) -> Result<(), CliError> {
    let name = parse_name(&args.name.0)?;
    let request = CreatePat {
        name,
        scope: args.scope,
        expires_at: args.expiry.at()?,
        expires_in: args.expiry.span()?,
    };
    require_writable_stdout()?;
    let session = app.human_session()?;
    let created = session.change(LIST, |client| client.pat_create(&request))?;
    let undo = undo(&created, &session, app);
    show_created(app, &created, None, args.token_only, undo)
}

fn delete(args: &Confirmed<Several<TokenField>>, app: &mut App<'_>) -> Result<(), CliError> {
    let named = args.what.0.iter().map(parse_named);
    let named = named.collect::<Result<Vec<_>, _>>()?;
    args.yes.require("deleting")?;
    let session = app.human_session()?;
    let ids = distinct(named, |named| resolve(named, &session))?;
    let acting = session.call(Client::me).ok().map(|me| me.token.id);
    let acting = acting.as_deref();
    args.yes.ask("no token was deleted", || {
        let pats = ids
            .iter()
            .map(|id| session.call(|client| client.pat_get(*id)));
        let pats = pats.collect::<Result<Vec<_>, _>>()?;
        Ok(question(&pats, acting, &app.out.message_style()))
    })?;
    let deleted = one_by_one(&ids, "deleted", LIST, |id| {
        session.call(|client| client.pat_delete(*id))
    })?;
    if deleted.iter().any(|id| Some(id.as_str()) == acting) {
        app.out.warn(&without_token(&session));
    }
    print_ended(app, "deleted", "Deleted", &deleted)
}

/// Returns what to do after the token in use was deleted.
fn without_token(session: &Session) -> String {
    let page = session.server.tokens_page();
    match &session.credential.source {
        TokenSource::Profile(name) => format!(
            "you deleted the token of profile {name}, which can no longer authenticate; create a \
             token at {page}, then run: oi profile set {name} --token -"
        ),
        TokenSource::Environment => format!(
            "you deleted the token in OPENINDEX_TOKEN; create a token at {page}, or unset the \
             variable"
        ),
    }
}

fn question(pats: &[Pat], acting: Option<&str>, style: &Style) -> String {
    let text = listed(pats, acting, style);
    let (one, several) = (
        "token? Anything using it stops",
        "tokens? Anything using them stops",
    );
    question_about(&text, pats.len(), "Delete", one, several)
}

#[cfg(test)]
mod tests;
