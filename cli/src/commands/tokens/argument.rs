//! Tokens and their expiry on the command line.

use clap::builder::ValueParser;
use openindex_adapters_http::client::{PageQuery, PatQuery};
use openindex_adapters_http::wire::{Pat, Status};
use openindex_domain::token::{self, Expiry, Lifetime, TokenId, TokenKind, TokenName};

use crate::commands::prelude::*;
use crate::duration::positive_span;
use crate::field::Given;
use crate::render::shown;

/// The maximum number of tokens of one name to choose from.
pub(super) const MAX_NAMED: u32 = 20;
pub(super) const LIST: &str = "oi settings personal tokens list";

/// The expiry of a new token.
#[derive(Debug, clap::Args)]
#[group(multiple = false)]
pub(super) struct ExpiryArgs {
    /// Last valid day (UTC), such as 2026-12-31, or an RFC 3339 date-time
    #[arg(long, value_name = "DATE", visible_alias = "expires-at")]
    pub(super) expires: Option<String>,
    /// Lifetime, such as 90d, 12h, 30m or 1w
    #[arg(long, value_name = "SPAN")]
    pub(super) expires_in: Option<String>,
    /// Create a token that never expires
    #[arg(long)]
    pub(super) never_expires: bool,
}

impl ExpiryArgs {
    /// Parses the date; `None` if neither it nor `--never-expires` was passed.
    pub(super) fn at(&self) -> Result<Option<Expiry>, Failure> {
        if self.never_expires {
            return Ok(Some(Expiry::Never));
        }
        for (flag, value) in [
            ("--expires", &self.expires),
            ("--expires-in", &self.expires_in),
        ] {
            if value.as_deref().is_some_and(|it| it.trim() == "never") {
                let message = format!("{flag} cannot be never; use --never-expires instead");
                return Err(Failure::usage(message));
            }
        }
        match self.expires.as_deref().map(Expiry::parse).transpose() {
            // An empty variable in a script must not create a token that never expires.
            Ok(Some(Expiry::Never)) => Err(Failure::usage("--expires must not be blank")),
            at => at.named("--expires"),
        }
    }

    /// Parses the lifetime, which counts from the server's time; `None` if it was not passed.
    pub(super) fn span(&self) -> Result<Option<Lifetime>, Failure> {
        let seconds = positive_span("--expires-in", self.expires_in.as_ref())?;
        let span = seconds.map(Lifetime::from_seconds).transpose();
        span.named("--expires-in")
    }
}

/// A token on the command line: by ID or by name.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Named {
    Id(TokenId),
    Name(String),
}

/// The format of a token ID.
pub(super) const ID_FORM: &str = "pat_ and 32 hexadecimal digits";

/// A token, parsed later because a secret gets a specific error.
pub(crate) struct TokenField;

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
pub(super) fn parse_named(given: &Given) -> Result<Named, Failure> {
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

pub(super) fn parse_name(name: &str) -> Result<TokenName, Failure> {
    TokenName::parse(name).named("token name")
}

/// Returns the ID of a token. A name that several of the caller's tokens share means the only active
/// one that is not yet rotated; otherwise it is an error, since a guess could revoke the wrong token.
pub(super) fn resolve(named: Named, session: &Session) -> Result<TokenId, Failure> {
    let name = match named {
        Named::Id(id) => return Ok(id),
        Named::Name(name) => name,
    };
    // No token can have an invalid name.
    let pats = match TokenName::parse(&name) {
        Ok(parsed) => with_name(session, &parsed)?,
        Err(_) => Vec::new(),
    };
    find(&name, &pats)
}

/// Returns the newest tokens with this name, at most [`MAX_NAMED`]. If there are more, returns only
/// active ones: a token that is rotated daily leaves many expired ones.
pub(super) fn with_name(session: &Session, name: &TokenName) -> Result<Vec<Pat>, Failure> {
    let query = PageQuery {
        limit: Some(MAX_NAMED),
        cursor: None,
    };
    let fetch = |status| {
        let name = Some(name.clone());
        let filter = PatQuery {
            name,
            status,
            ..PatQuery::default()
        };
        let page = session.call(|client| client.pats_list(&filter, &query));
        page.map(|page| page.items)
    };
    let newest = fetch(None)?;
    if newest.len() < MAX_NAMED as usize {
        return Ok(newest);
    }
    let live = fetch(Some(token::Status::Live))?;
    Ok(if live.is_empty() { newest } else { live })
}

pub(super) fn find(name: &str, pats: &[Pat]) -> Result<TokenId, Failure> {
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
        [] => {
            let message = if name.starts_with("pat_") {
                format!("you have no token named {shown}; a token ID is {ID_FORM}")
            } else {
                format!("you have no token with the ID or name {shown}")
            };
            Err(Failure::of("not_found", message).next(LIST))
        }
        [id] => id.parse().map_err(|_| {
            let message = format!("the server returned an invalid ID for token {shown}");
            Failure::unexpected(message)
        }),
        several => {
            let is_all = several.len() < MAX_NAMED as usize;
            let at_least = if is_all { "" } else { "at least " };
            let (count, ids) = (several.len(), several.join(", "));
            let message =
                format!("{at_least}{count} tokens are named {shown}; pass the ID of one: {ids}");
            Err(Failure::usage(message).next(LIST))
        }
    }
}
