use std::collections::HashMap;
use std::ops::ControlFlow;
use std::str::FromStr;

use openindex_adapters_http::wire::{InviteStatus, Open};
use openindex_domain::invite::InviteId;
use openindex_domain::user::Email;
use serde_json::json;

use crate::app::{App, Session};
use crate::commands::paging::walk;
use crate::commands::{not_confirmed, one_by_one, require_someone_to_ask};
use crate::error::{CliError, Failure};
use crate::exit_code::ExitCode;
use crate::field::{Field, Several};
use crate::prompt;
use crate::render::{plain, redact};
use clap::builder::ValueParser;

use super::{LIST, page};

/// Which invites.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Asks on a terminal; without one, --yes is required. Stops at the first that cannot be withdrawn
and says which were.

Examples:
  oi settings admin invites withdraw grace@example.com
  oi settings admin invites withdraw --yes inv_0199f3a1c6d07c35b2f0e8a4d1c7b9e2")]
pub(crate) struct Args {
    #[command(flatten)]
    invites: Several<InviteRef>,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

/// An invite, by its id or by the address it is for.
#[derive(Debug, Clone)]
enum InviteRef {
    Id(InviteId),
    Email(Email),
}

impl Field for InviteRef {
    type Value = Self;
    const PLACE: &'static str = "ID|EMAIL";
    const FLAGS: &'static [(&'static str, &'static str, &'static str)] = &[
        ("id", "ID", "Invite id (inv_…)"),
        (
            "email",
            "EMAIL",
            "Email address that the open invite is for",
        ),
    ];

    fn parser(flag: Option<&'static str>) -> ValueParser {
        ValueParser::new(move |text: &str| match (text.parse::<Self>(), flag) {
            (Err(_) | Ok(Self::Email(_)), Some("id")) => Err("an invite id starts with inv_"),
            (Err(_) | Ok(Self::Id(_)), Some("email")) => Err("not an email address"),
            (invite, _) => invite,
        })
    }
}

impl FromStr for InviteRef {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(id) = text.parse() {
            return Ok(Self::Id(id));
        }
        Email::parse(text)
            .map(Self::Email)
            .map_err(|_| "name an invite by its id (inv_ and 32 hexadecimal digits) or the address it is for")
    }
}

pub(super) fn run(args: &Args, app: &mut App<'_>) -> Result<(), CliError> {
    require_someone_to_ask(args.yes, "withdrawing")?;
    let session = app.human_session()?;
    let ids = resolve(&args.invites.0, &session)?;
    if !args.yes {
        let shown = ids.iter().map(|id| format!("  {id}\n"));
        let what = match ids.len() {
            1 => "this invite? Its link is".to_owned(),
            count => format!("these {count} invites? Their links are"),
        };
        let shown: String = shown.collect();
        if !prompt::confirm(&format!(
            "{shown}Withdraw {what} worth nothing from then on."
        ))? {
            return Err(not_confirmed("nothing was withdrawn").into());
        }
    }
    let withdrawn = one_by_one(&ids, "withdrawn", LIST, |id| {
        session.call(|client| client.invite_withdraw(*id))
    })?;
    app.out.answer(&json!({ "withdrawn": withdrawn }), |style| {
        let lines = withdrawn
            .iter()
            .map(|id| format!("{} Withdrew {id}\n", style.done()));
        lines.collect()
    })
}

/// The ids of these invites, each once; an address stands for its open invite.
fn resolve(invites: &[InviteRef], session: &Session) -> Result<Vec<InviteId>, Failure> {
    let mut open = HashMap::new();
    if invites.iter().any(|it| matches!(it, InviteRef::Email(_))) {
        walk(
            |query| page(session, query),
            |invite| {
                let email = invite.email.as_deref().map(Email::from_stored);
                if let (Open::Known(InviteStatus::Open), Some(email), Ok(id)) =
                    (&invite.status, email, invite.id.parse::<InviteId>())
                {
                    open.entry(email.key()).or_insert(id);
                }
                ControlFlow::<()>::Continue(())
            },
        )?;
    }
    let mut ids = Vec::new();
    for invite in invites {
        let id = match invite {
            InviteRef::Id(id) => *id,
            InviteRef::Email(email) => *open.get(&email.key()).ok_or_else(|| {
                let shown = redact(&plain(email.as_str()));
                let message = format!("there is no open invite for {shown}");
                Failure::new(ExitCode::Failure, "not_found", message).next(LIST)
            })?,
        };
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    Ok(ids)
}
