//! `oi settings personal tokens`: the caller's own tokens.

mod list;
mod rotate;

pub(crate) use list::named;

use std::fmt::Write as _;

use clap::builder::ValueParser;
use openindex_adapters_http::client::{Client, PageQuery, PatQuery};
use openindex_adapters_http::wire::{CreatePat, CreatedPat, Pat, Status};
use openindex_domain::token::{
    Expiry, Lifetime, ListedStatus, Scope, TokenId, TokenKind, TokenName,
};
use serde::Serialize;
use unicode_width::UnicodeWidthStr as _;

use crate::app::{App, Session};
use crate::commands::once::{self, Shown, Undo, require_writable_stdout};
use crate::commands::{
    Confirmation, Run, one_by_one, print_ended, push_new, question_about, suggest_check,
};
use crate::duration::parse_seconds;
use crate::error::{CliError, Failure, Named as _};
use crate::exit_code::ExitCode;
use crate::field::{Field, Flags, Given, One, Several, one_of};
use crate::render::{Style, done, expiry, last_used, plain, redact, shown, word};
use crate::resolve::TokenSource;
use list::List;
use rotate::Rotate;

commands! {
    /// List your personal access tokens, newest first
    #[command(visible_alias = "ls")]
    List(List) -> "PatList",
    /// Create a token and show it once
    Create(Create) -> "CreatedPat",
    /// Delete tokens; anything using them stops working immediately
    #[command(visible_alias = "rm", alias = "revoke")]
    Delete(Delete) -> "Deleted",
    /// Replace a token with a new one of the same name and scope
    Rotate(Rotate) -> "RotatedPat",
}

/// The maximum number of tokens of one name to choose from.
const MAX_NAMED: u32 = 20;
const LIST: &str = "oi settings personal tokens list";

/// The expiry of a new token.
#[derive(Debug, clap::Args)]
#[group(multiple = false)]
struct ExpiryArgs {
    /// Last valid day (UTC), such as 2026-12-31, or an RFC 3339 date-time
    #[arg(long, value_name = "DATE", visible_alias = "expires-at")]
    expires: Option<String>,
    /// Lifetime, such as 90d, 12h, 30m or 1w
    #[arg(long, value_name = "SPAN")]
    expires_in: Option<String>,
}

impl ExpiryArgs {
    /// Parses the date; `None` if it was not passed.
    fn at(&self) -> Result<Option<Expiry>, Failure> {
        let Some(text) = &self.expires else {
            return Ok(None);
        };
        match Expiry::parse(text) {
            // An empty variable in a script must not create a token that never expires.
            Ok(Expiry::Never) => Err(Failure::usage("--expires must not be blank")),
            Ok(at) => Ok(Some(at)),
            Err(error) => Err(Failure::usage(format!("--expires {error}"))),
        }
    }

    /// Parses the lifetime, which counts from the server's time; `None` if it was not passed.
    fn span(&self) -> Result<Option<Lifetime>, Failure> {
        let Some(text) = &self.expires_in else {
            return Ok(None);
        };
        let seconds = parse_seconds(text)
            .map_err(|error| Failure::usage(format!("--expires-in {text}: {error}")))?;
        if seconds == 0 {
            return Err(Failure::usage("--expires-in must be greater than zero"));
        }
        match Lifetime::from_seconds(seconds) {
            Ok(span) => Ok(Some(span)),
            Err(error) => Err(Failure::usage(format!("--expires-in {error}"))),
        }
    }
}

/// A token on the command line: by ID or by name.
#[derive(Debug, PartialEq, Eq)]
enum Named {
    Id(TokenId),
    Name(String),
}

/// The format of a token ID.
const ID_FORM: &str = "pat_ and 32 hexadecimal digits";

/// A token, parsed later because a secret gets a specific error.
struct TokenField;

impl Field for TokenField {
    type Value = Given;
    const POSITIONAL: &'static str = "ID|NAME";
    const FLAGS: Flags = &[
        ("id", "ID", "Token ID (pat_…), as shown by `list`"),
        (
            "name",
            "NAME",
            "Token name; if several have it, the one that is active and not yet rotated",
        ),
    ];
    const HELP: &'static str = "ID or name of the token";

    fn parser(flag: Option<&'static str>) -> ValueParser {
        Given::parser(flag)
    }
}

/// Parses a token's ID or name. A secret and an agent run's ID get specific errors, which do not
/// repeat the secret.
fn parse_named(given: &Given) -> Result<Named, Failure> {
    let text = given.text.as_str();
    let invalid = |message: String| Err(Failure::usage(message).next(LIST));
    match text.parse::<TokenId>() {
        _ if given.flag == Some("name") && !text.starts_with("oi_") => {
            Ok(Named::Name(text.to_owned()))
        }
        Ok(id) if id.kind() == TokenKind::Personal => Ok(Named::Id(id)),
        Ok(id) => invalid(format!(
            "{id} is an agent run, not a personal access token (pat_…)"
        )),
        Err(_) if text.starts_with("oi_") => {
            invalid("this is a token's secret; pass the token's ID (pat_…) or name".to_owned())
        }
        Err(_) if given.flag == Some("id") => invalid(format!(
            "invalid token ID '{}': must be {ID_FORM}; to pass a name, use --name",
            shown(text)
        )),
        Err(_) => Ok(Named::Name(text.to_owned())),
    }
}

fn parse_name(name: &str) -> Result<TokenName, Failure> {
    TokenName::parse(name).named("token name")
}

/// Returns the IDs of the tokens without duplicates. A name that several of the caller's tokens
/// share means the only active one that is not yet rotated; otherwise it is an error, since a guess
/// could revoke the wrong token.
fn resolve(named: Vec<Named>, session: &Session) -> Result<Vec<TokenId>, Failure> {
    let mut ids = Vec::new();
    for named in named {
        let id = match named {
            Named::Id(id) => id,
            Named::Name(name) => {
                // No token can have an invalid name.
                let pats = match TokenName::parse(&name) {
                    Ok(parsed) => with_name(session, parsed)?,
                    Err(_) => Vec::new(),
                };
                find(&name, &pats)?
            }
        };
        push_new(&mut ids, id);
    }
    Ok(ids)
}

/// Returns the newest tokens with this name, at most [`MAX_NAMED`]. If there are more, returns only
/// active ones: a token that is rotated daily leaves many expired ones.
fn with_name(session: &Session, name: TokenName) -> Result<Vec<Pat>, Failure> {
    let query = PageQuery {
        limit: Some(MAX_NAMED),
        cursor: None,
    };
    let mut filter = PatQuery {
        name: Some(name),
        ..PatQuery::default()
    };
    let newest = session
        .call(|client| client.pats_list(&filter, &query))?
        .items;
    if newest.len() < MAX_NAMED as usize {
        return Ok(newest);
    }
    filter.status = Some(ListedStatus::Live);
    let live = session
        .call(|client| client.pats_list(&filter, &query))?
        .items;
    Ok(if live.is_empty() { newest } else { live })
}

fn find(name: &str, pats: &[Pat]) -> Result<TokenId, Failure> {
    let shown = redact(&plain(name));
    let found: Vec<&Pat> = pats.iter().filter(|pat| pat.name == name).collect();
    let is_current = |pat: &&Pat| pat.status == Status::Live && pat.replaced_by.is_none();
    let current: Vec<&Pat> = found.iter().copied().filter(is_current).collect();
    // If the page is full, there may be more tokens of this name.
    let candidates = if current.len() == 1 && found.len() < MAX_NAMED as usize {
        current
    } else {
        found
    };
    let ids: Vec<&str> = candidates.iter().map(|pat| pat.id.as_str()).collect();
    match ids.as_slice() {
        [] => Err(Failure::new(
            ExitCode::Failure,
            "not_found",
            if name.starts_with("pat_") {
                format!("you have no token named {shown}; a token ID is {ID_FORM}")
            } else {
                format!("you have no token with the ID or name {shown}")
            },
        )
        .next(LIST)),
        [id] => id.parse().map_err(|_| {
            let message = format!("the server returned an invalid ID for token {shown}");
            Failure::new(ExitCode::Failure, "unexpected_response", message)
        }),
        several => Err(Failure::usage(format!(
            "{}{} tokens are named {shown}; pass the ID of one: {}",
            if several.len() < MAX_NAMED as usize {
                ""
            } else {
                "at least "
            },
            several.len(),
            several.join(", ")
        ))
        .next(LIST)),
    }
}

/// The output with a new secret, and the token that it replaces.
#[derive(Serialize)]
struct CreateOutput<'a> {
    #[serde(flatten)]
    created: &'a CreatedPat,
    #[serde(skip_serializing_if = "Option::is_none")]
    replaced: Option<&'a Replaced>,
}

/// The token that a rotation replaced.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Replaced {
    id: String,
    /// The time until which it is accepted.
    expires_at: String,
}

/// Prints a new secret.
fn show_created(
    app: &mut App<'_>,
    created: &CreatedPat,
    replaced: Option<&Replaced>,
    token_only: bool,
    undo: Undo<'_>,
) -> Result<(), CliError> {
    let output = CreateOutput { created, replaced };
    let shown = Shown {
        document: &output,
        secret: &created.token,
        secret_only: token_only,
        warning: "Copy it now: it is not shown again. Anyone who has it can act as you.",
    };
    once::show(app, &shown, |style| created_text(&output, style), undo)
}

/// Returns how to revoke a new token that was not shown.
fn undo<'a>(created: &'a CreatedPat, session: &'a Session, app: &App<'_>) -> Undo<'a> {
    let api_url = &session.server.api_url;
    Undo::revoke_token(&created.pat.id, &created.token, api_url, app)
}

fn created_text(output: &CreateOutput<'_>, style: &Style) -> String {
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

/// The name of the new token.
struct NewName;

impl Field for NewName {
    type Value = String;
    const POSITIONAL: &'static str = "NAME";
    const FLAGS: Flags = &[("name", "NAME", "Name of the token (1 to 100 characters)")];
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
The token is shown only once. Without --expires or --expires-in, it does not expire.

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

impl Run for Create {
    fn run(&self, app: &mut App<'_>) -> Result<(), CliError> {
        let name = parse_name(&self.name.0)?;
        let request = CreatePat {
            name,
            scope: self.scope,
            expires_at: self.expiry.at()?,
            expires_in: self.expiry.span()?,
        };
        require_writable_stdout()?;
        let session = app.human_session()?;
        let created = session
            .call(|client| client.pat_create(&request))
            .map_err(|failure| suggest_check(failure, LIST))?;
        let undo = undo(&created, &session, app);
        show_created(app, &created, None, self.token_only, undo)
    }
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Asks for confirmation on a terminal; without one, --yes is required. Stops at the first token that
cannot be deleted, and lists those already deleted.

Examples:
  oi settings personal tokens delete ci
  oi settings personal tokens delete --yes pat_0199f3a1c6d07c35b2f0e8a4d1c7b9e2")]
pub(crate) struct Delete {
    #[command(flatten)]
    tokens: Several<TokenField>,
    #[command(flatten)]
    yes: Confirmation,
}

impl Run for Delete {
    fn run(&self, app: &mut App<'_>) -> Result<(), CliError> {
        let named = self.tokens.0.iter().map(parse_named);
        let named = named.collect::<Result<Vec<_>, _>>()?;
        self.yes.require("deleting")?;
        let session = app.human_session()?;
        let ids = resolve(named, &session)?;
        let acting = session.call(Client::me).ok().map(|me| me.token.id);
        let acting = acting.as_deref();
        self.yes.ask("no token was deleted", || {
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

/// Formats the tokens in a prompt, with when each was last used.
fn listed(pats: &[Pat], acting: Option<&str>, style: &Style) -> String {
    let mut text = String::new();
    let names: Vec<String> = pats.iter().map(|pat| plain(&pat.name)).collect();
    let width = names.iter().map(|name| name.width()).max().unwrap_or(0);
    for (pat, name) in pats.iter().zip(&names) {
        let used = match pat.last_used_at.as_deref() {
            _ if Some(pat.id.as_str()) == acting => style.yellow("the token you're using"),
            at => last_used(at, style).1,
        };
        let gap = " ".repeat(width - name.width());
        let (name, id) = (style.bold(name), plain(&pat.id));
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {name}{gap}  {id}  {used}");
    }
    text
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
