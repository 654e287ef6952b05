use std::collections::HashMap;
use std::ops::ControlFlow;
use std::str::FromStr;

use openindex_adapters_http::client::PageQuery;
use openindex_adapters_http::wire::{Invite, InviteStatus, Open};
use openindex_domain::invite::InviteId;
use openindex_domain::user::Email;
use serde_json::json;

use crate::app::{App, Session};
use crate::commands::admin::user_ref::marked;
use crate::commands::paging::{MAX_PAGE, walk};
use crate::commands::{not_confirmed, one_by_one, require_terminal_or_yes};
use crate::error::{CliError, Failure};
use crate::exit_code::ExitCode;
use crate::field::{Field, Several};
use crate::prompt;
use crate::render::{plain, redact};
use clap::builder::ValueParser;

use super::{LIST, page};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Asks for confirmation on a terminal; without one, --yes is required. Stops at the first invite that
cannot be withdrawn, and lists those already withdrawn.

Examples:
  oi settings admin invites withdraw grace@example.com
  oi settings admin invites withdraw --yes inv_0199f3a1c6d07c35b2f0e8a4d1c7b9e2")]
pub(crate) struct Args {
    #[command(flatten)]
    invites: Several<InviteRef>,
    /// Skip the confirmation prompt
    #[arg(short, long)]
    yes: bool,
}

/// An invite by ID or by the invited email address.
#[derive(Debug, Clone)]
enum InviteRef {
    Id(InviteId),
    Email(Email),
}

impl Field for InviteRef {
    type Value = Self;
    const POSITIONAL: &'static str = "ID|EMAIL";
    const FLAGS: &'static [(&'static str, &'static str, &'static str)] = &[
        ("id", "ID", "Invite ID (inv_…)"),
        ("email", "EMAIL", "Email address of the open invite"),
    ];
    const HELP: &'static str = "ID of the invite, or the invited email address";

    fn parser(flag: Option<&'static str>) -> ValueParser {
        ValueParser::new(move |text: &str| match (text.parse::<Self>(), flag) {
            (Err(_) | Ok(Self::Email(_)), Some("id")) => {
                Err("must be an invite ID: inv_ and 32 hexadecimal digits")
            }
            (Err(_) | Ok(Self::Id(_)), Some("email")) => Err("must be an email address"),
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
            .map_err(|_| {
                "must be an invite ID (inv_ and 32 hexadecimal digits) or the invited email address"
            })
    }
}

pub(super) fn run(args: &Args, app: &mut App<'_>) -> Result<(), CliError> {
    require_terminal_or_yes(args.yes, "withdrawing")?;
    let session = app.human_session()?;
    let ids = resolve(&args.invites.0, &session)?;
    if !args.yes {
        let newest = PageQuery {
            limit: Some(MAX_PAGE),
            cursor: None,
        };
        // Only for the email addresses: without them, the IDs are shown.
        let newest = page(&session, &newest).map(|page| page.items);
        if !prompt::confirm(&question(&ids, &newest.unwrap_or_default()))? {
            return Err(not_confirmed("no invite was withdrawn").into());
        }
    }
    let withdrawn = one_by_one(&ids, "withdrawn", LIST, |id| {
        session.call(|client| client.invite_withdraw(*id))
    })?;
    app.out.print(&json!({ "withdrawn": withdrawn }), |style| {
        let lines = withdrawn
            .iter()
            .map(|id| format!("{} Withdrew {id}\n", style.done()));
        lines.collect()
    })
}

fn question(ids: &[InviteId], invites: &[Invite]) -> String {
    let shown = ids.iter().map(|id| {
        let id = id.to_string();
        let invite = invites.iter().find(|invite| invite.id == id);
        let email = invite.and_then(|it| Some(marked(it.email.as_deref()?, &it.mixed_scripts)));
        let parts: Vec<String> = [id].into_iter().chain(email).collect();
        format!("  {}\n", parts.join("  "))
    });
    let what = match ids.len() {
        1 => "this invite? Its link stops".to_owned(),
        count => format!("these {count} invites? Their links stop"),
    };
    let shown: String = shown.collect();
    format!("{shown}Withdraw {what} working immediately. This cannot be undone.")
}

/// Returns the IDs of the invites without duplicates; an email address means its open invite.
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
                let message = format!("no open invite for {shown}");
                Failure::new(ExitCode::Failure, "not_found", message).next(LIST)
            })?,
        };
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::admin::tests::invites;

    #[test]
    fn the_prompt_shows_the_invites() {
        let ids = ["1", "3", "9"].map(|digit| {
            format!("inv_0199f3a1c6d07c35b2f0e8a4d1c7b9e{digit}")
                .parse()
                .unwrap()
        });
        insta::assert_snapshot!("withdraw_one", question(&ids[..1], &invites()));
        insta::assert_snapshot!("withdraw_several", question(&ids, &invites()));
    }
}
