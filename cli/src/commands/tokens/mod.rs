//! `oi settings personal tokens`: the caller's own tokens.

mod create;
mod delete;
mod list;
mod rotate;

pub(crate) use list::named;

use clap::Subcommand;
use openindex_adapters_http::client::{PageQuery, PatQuery};
use openindex_adapters_http::wire::{CreatedPat, Pat, Status};
use openindex_domain::token::{Expiry, Lifetime, ListedStatus, TokenId, TokenKind, TokenName};

use crate::app::{App, Session};
use crate::commands::once::{self, Shown, Undo};
use crate::commands::paging::Page;
use crate::duration::parse_seconds;
use crate::error::{CliError, Failure};
use crate::exit_code::ExitCode;
use crate::field::{Field, Given};
use crate::render::{Style, expiry, fields, plain, redact, word};
use clap::builder::ValueParser;
use serde::Serialize;

/// How many tokens of one name are shown at most, to choose one of.
const MAX_NAMED: u32 = 20;
const LIST: &str = "oi settings personal tokens list";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List your tokens, the newest first
    #[command(visible_alias = "ls")]
    List(list::Args),
    /// Issue a token and show its secret, once
    Create(create::Args),
    /// Revoke tokens: whatever uses them stops working at once
    #[command(visible_alias = "rm", alias = "revoke")]
    Delete(delete::Args),
    /// Replace a token by a new one with the same name and scope
    Rotate(rotate::Args),
}

pub(crate) fn run(command: &Command, app: &mut App<'_>) -> Result<(), CliError> {
    match command {
        Command::List(args) => list::run(args, app),
        Command::Create(args) => create::run(args, app),
        Command::Delete(args) => delete::run(args, app),
        Command::Rotate(args) => rotate::run(args, app),
    }
}

/// When a new token ends.
#[derive(Debug, clap::Args)]
#[group(multiple = false)]
struct ExpiryArgs {
    /// The last day it is accepted (UTC), or an RFC 3339 date-time
    #[arg(long, value_name = "DATE", visible_alias = "expires-at")]
    expires: Option<String>,
    /// For how long it is accepted: 90d, 12h, 30m, 1w
    #[arg(long, value_name = "SPAN")]
    expires_in: Option<String>,
}

impl ExpiryArgs {
    /// The last instant; `None` when it was not given.
    fn at(&self) -> Result<Option<Expiry>, Failure> {
        let Some(text) = &self.expires else {
            return Ok(None);
        };
        match Expiry::parse(text) {
            // An empty variable in a script must not make a token that never expires.
            Ok(Expiry::Never) => Err(Failure::usage("--expires must not be blank")),
            Ok(at) => Ok(Some(at)),
            Err(error) => Err(Failure::usage(format!("--expires {error}"))),
        }
    }

    /// The span, which the server counts by its own clock; `None` when it was not given.
    fn span(&self) -> Result<Option<Lifetime>, Failure> {
        let Some(text) = &self.expires_in else {
            return Ok(None);
        };
        let seconds = parse_seconds(text)
            .map_err(|error| Failure::usage(format!("--expires-in {text}: {error}")))?;
        if seconds == 0 {
            return Err(Failure::usage("--expires-in must be longer than nothing"));
        }
        match Lifetime::from_seconds(seconds) {
            Ok(span) => Ok(Some(span)),
            Err(error) => Err(Failure::usage(format!("--expires-in {error}"))),
        }
    }
}

/// How a token is named on the command line: by its id, or by the name that its owner gave it.
#[derive(Debug, PartialEq, Eq)]
enum Named {
    Id(TokenId),
    Name(String),
}

/// What a token id looks like, for who copied a part of one.
const ID_FORM: &str = "pat_ and 32 hexadecimal digits";

/// Which token; read later, since a secret gets an error of its own.
struct TokenField;

impl Field for TokenField {
    type Value = Given;
    const PLACE: &'static str = "ID|NAME";
    const FLAGS: &'static [(&'static str, &'static str, &'static str)] = &[
        ("id", "ID", "Token id (pat_…), as shown by `list`"),
        (
            "name",
            "NAME",
            "Token name; of several, the only one live and not replaced",
        ),
    ];

    fn parser(flag: Option<&'static str>) -> ValueParser {
        Given::parser(flag)
    }
}

/// Reads it. A secret and an agent run get an answer of their own; a secret is not repeated.
fn parse_named(given: &Given) -> Result<Named, Failure> {
    let text = given.text.as_str();
    let wrong = |message: String| Err(Failure::usage(message).next(LIST));
    match text.parse::<TokenId>() {
        _ if given.flag == Some("name") && !text.starts_with("oi_") => {
            Ok(Named::Name(text.to_owned()))
        }
        Ok(id) if id.kind() == TokenKind::Personal => Ok(Named::Id(id)),
        Ok(id) => wrong(format!(
            "{id} is an agent run, not a personal access token (pat_…)"
        )),
        Err(_) if text.starts_with("oi_") => wrong(
            "that is a token's secret; a token is named by its id (pat_…) or its name".to_owned(),
        ),
        Err(_) if given.flag == Some("id") => wrong(format!(
            "that is not a token id, which is {ID_FORM}; pass a name with --name"
        )),
        Err(_) => Ok(Named::Name(text.to_owned())),
    }
}

fn parse_name(name: &str) -> Result<TokenName, Failure> {
    TokenName::parse(name).map_err(|error| Failure::usage(format!("the name {error}")))
}

/// Asks for one page of the caller's tokens.
fn page(session: &Session, filter: &PatQuery, page: &PageQuery) -> Result<Page<Pat>, Failure> {
    let list = session.call(|client| client.pats_list(filter, page))?;
    Ok(Page {
        items: list.items,
        damaged: list.damaged,
        next_cursor: list.next_cursor,
    })
}

/// The ids of these tokens, each once. The server looks names up among the caller's tokens; one that
/// several of them share means the only live one that is not replaced, and is refused where there is
/// none or another, since a guess could end the wrong one.
fn resolve(named: Vec<Named>, session: &Session) -> Result<Vec<TokenId>, Failure> {
    let mut ids = Vec::new();
    for named in named {
        let id = match named {
            Named::Id(id) => id,
            Named::Name(name) => {
                // What cannot be a name is none of any token.
                let pats = match TokenName::parse(&name) {
                    Ok(parsed) => with_name(session, parsed)?,
                    Err(_) => Vec::new(),
                };
                find(&name, &pats)?
            }
        };
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    Ok(ids)
}

/// The newest tokens with this name, so many that it is seen when there are several. Where they are
/// more than a page, the live ones are: a token that is rotated daily leaves many expired ones.
fn with_name(session: &Session, name: TokenName) -> Result<Vec<Pat>, Failure> {
    let query = PageQuery {
        limit: Some(MAX_NAMED),
        cursor: None,
    };
    let mut filter = PatQuery {
        name: Some(name),
        ..PatQuery::default()
    };
    let newest = page(session, &filter, &query)?.items;
    if newest.len() < MAX_NAMED as usize {
        return Ok(newest);
    }
    filter.status = Some(ListedStatus::Live);
    let live = page(session, &filter, &query)?.items;
    Ok(if live.is_empty() { newest } else { live })
}

fn find(name: &str, pats: &[Pat]) -> Result<TokenId, Failure> {
    let shown = redact(&plain(name));
    let found: Vec<&Pat> = pats.iter().filter(|pat| pat.name == name).collect();
    let is_current = |pat: &&Pat| pat.status == Status::Live && pat.replaced_by.is_none();
    let current: Vec<&Pat> = found.iter().copied().filter(is_current).collect();
    // In a full page others may be missing.
    let meant = if current.len() == 1 && found.len() < MAX_NAMED as usize {
        current
    } else {
        found
    };
    let ids: Vec<&str> = meant.iter().map(|pat| pat.id.as_str()).collect();
    match ids.as_slice() {
        [] => Err(Failure::new(
            ExitCode::Failure,
            "not_found",
            if name.starts_with("pat_") {
                format!("you have no token named {shown}; a token id is {ID_FORM}")
            } else {
                format!("you have no token with the id or the name {shown}")
            },
        )
        .next(LIST)),
        [id] => id.parse().map_err(|_| {
            let message = format!("the server names the token {shown} by what is not an id");
            Failure::new(ExitCode::Failure, "unexpected_answer", message)
        }),
        several => Err(Failure::usage(format!(
            "{}{} tokens are named {shown}; name one by its id: {}",
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

/// The response with a new secret, and the token that it replaces.
#[derive(Serialize)]
struct Made<'a> {
    #[serde(flatten)]
    created: &'a CreatedPat,
    #[serde(skip_serializing_if = "Option::is_none")]
    replaced: Option<&'a Replaced>,
}

/// The token before a rotation.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Replaced {
    id: String,
    /// It is accepted before this instant.
    expires_at: String,
}

/// Shows a new secret.
fn show_created(
    app: &mut App<'_>,
    created: &CreatedPat,
    replaced: Option<&Replaced>,
    token_only: bool,
    undo: Undo<'_>,
) -> Result<(), CliError> {
    let made = Made { created, replaced };
    let shown = Shown {
        document: &made,
        secret: &created.token,
        secret_only: token_only,
        warning: "Copy it now. It is not shown again, and whoever has it can act as you.",
    };
    once::show(app, &shown, |style| created_text(&made, style), undo)
}

/// Revokes a new token that nobody has seen.
fn undo<'a>(created: &'a CreatedPat, session: &'a Session, app: &App<'_>) -> Undo<'a> {
    let api_url = &session.server.api_url;
    Undo::of_token(&created.pat.id, &created.token, api_url, app)
}

fn created_text(made: &Made<'_>, style: &Style) -> String {
    let pat = &made.created.pat;
    let mut rows = vec![
        ("id", plain(&pat.id)),
        ("scope", word(&pat.scope)),
        ("expires", expiry(pat.expires_at.as_deref(), style)),
    ];
    let verb = match made.replaced {
        None => "Created",
        Some(old) => {
            let accepted = if old.expires_at > pat.created_at {
                format!("accepted until {}", expiry(Some(&old.expires_at), style))
            } else {
                "revoked".to_owned()
            };
            rows.push(("replaces", format!("{}, {accepted}", plain(&old.id))));
            "Rotated"
        }
    };
    format!(
        "{} {verb} the token {}\n{}",
        style.done(),
        style.bold(&plain(&pat.name)),
        fields(&rows, style)
    )
}

#[cfg(test)]
mod tests;
