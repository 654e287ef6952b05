//! `oi settings admin invites`: invites to join the instance.

use std::collections::HashMap;

use openindex_adapters_http::client::Client;
use openindex_adapters_http::wire::{CreateInvite, Invite, InviteStatus, Open};
use openindex_domain::invite::InviteId;
use openindex_domain::page::MAX_PAGE;
use openindex_domain::user::{Email, Role};

use crate::commands::prelude::*;
use crate::parts::paging::first_page;

use super::user_ref::{Ref, Referred, marked};

commands! {
    /// List invites, newest first
    #[command(visible_alias = "ls")]
    #[command(after_help = "\
Links are not listed: each is shown only once, when its invite is created.

Examples:
  oi settings admin invites list
  oi settings admin invites list --all --json |
    jq -r '.items[] | select(.status == \"open\").email'")]
    List(PageArgs) -> "InviteList" = list,
    /// Create an invite and show its link once
    Create(Create) -> "CreatedInvite" = create,
    /// Withdraw invites; their links stop working immediately
    #[command(visible_alias = "rm")]
    #[command(after_help = "\
Asks for confirmation on a terminal; without one, --yes is required. Stops at the first invite that
cannot be withdrawn, and lists those already withdrawn.

Examples:
  oi settings admin invites withdraw grace@example.com
  oi settings admin invites withdraw --yes inv_0199f3a1c6d07c35b2f0e8a4d1c7b9e2")]
    Withdraw(Confirmed<Several<InviteRef>>) -> "Withdrawn" = withdraw,
}

const LIST: &str = "oi settings admin invites list";

fn list(page: &PageArgs, app: &mut App<'_>) -> Result<(), CliError> {
    let session = app.human_session()?;
    paging::list(page, &session, app, Client::invites_list, invites_listing)
}

fn invites_listing(invites: &[Invite], style: &Style) -> String {
    if invites.is_empty() {
        return "No invites. Create one with: oi settings admin invites create EMAIL\n".to_owned();
    }
    let titles = &["role", "status", "expires"];
    listing(Form::Named, titles, invites, style, |invite, style| {
        let open = invite.status == InviteStatus::Open;
        let (status, role) = (word(&invite.status), word(&invite.role));
        let (until, ends) = if open {
            let at = Some(invite.expires_at.as_str());
            (expiry(at, style), ends(at, style))
        } else {
            let at = invite.claimed_at.as_deref();
            let claimed = at.map(|at| format!("claimed {}", moment(Some(at), style)));
            let words = claimed.unwrap_or_else(|| status.clone());
            ("-".to_owned(), words)
        };
        Row {
            name: invite.email.as_deref().map_or_else(
                || "(first administrator)".to_owned(),
                |email| marked(email, &invite.mixed_scripts),
            ),
            summary: format!("{role} · {ends}"),
            cells: vec![role, status, until],
            id: plain(&invite.id),
            inactive: !open,
        }
    })
}

const WARNING: &str = "\
Send this link only to the invited person: anyone who opens it can create the account. It is not
shown again. To claim it from a terminal: oi invite claim URL --name NAME --use";

/// The email address to invite.
struct InviteeEmail;

impl Field for InviteeEmail {
    type Value = String;
    const POSITIONAL: &'static str = "EMAIL";
    const FLAGS: Flags = &[("email", "EMAIL", "Email address to invite")];
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
No email is sent: share the link yourself. It is shown only once and works once. An earlier open
invite for the same address is replaced.

Examples:
  oi settings admin invites create grace@example.com
  oi settings admin invites create grace@example.com --role admin --url-only | wl-copy")]
pub(crate) struct Create {
    #[command(flatten)]
    email: One<InviteeEmail>,
    /// Role of the new user
    #[arg(long, default_value = "member", value_parser = one_of(Role::ALL, Role::as_str))]
    role: Role,
    /// Print only the link, for a pipe
    #[arg(long, conflicts_with = "json")]
    url_only: bool,
}

fn create(args: &Create, app: &mut App<'_>) -> Result<(), CliError> {
    let email = Email::parse(&args.email.0).named("address")?;
    let request = CreateInvite {
        email,
        role: Some(args.role),
    };
    require_writable_stdout()?;
    let session = app.human_session()?;
    let created = session
        .call(|client| client.invite_create(&request))
        .map_err(|failure| for_existing_user(failure, &request.email).or_check(LIST))?;
    let id = plain(&created.invite.id);
    let act = || {
        let id = once::parse_id(&id)?;
        session.call(|client| client.invite_withdraw(id))
    };
    let undo = Undo {
        created: format!("invite {id}"),
        undone: "withdrawn because its link was not shown",
        act: Box::new(act),
        command: format!("oi settings admin invites withdraw {id}"),
        consequence: Some(
            "an earlier open invite for this address was replaced and no longer works".to_owned(),
        ),
    };
    let introduction = |style: &Style| introduction(&created.invite, style);
    let secret = (&created.url, args.url_only, WARNING);
    once::show(app, &created, secret, introduction, undo)
}

/// Adds what to do if the email address already has an account.
fn for_existing_user(failure: Failure, email: &Email) -> Failure {
    if failure.code != "email_taken" {
        return failure;
    }
    failure
        .hint(format!(
            "to let this user set a new password, run: oi settings admin users sign-in-link {email}"
        ))
        .next(format!("oi settings admin users get {email}"))
}

fn introduction(invite: &Invite, style: &Style) -> String {
    let rows = [
        ("id", plain(&invite.id)),
        ("role", word(&invite.role)),
        ("expires", expiry(Some(&invite.expires_at), style)),
    ];
    let email = invite.email.as_deref().unwrap_or_default();
    let email = marked(email, &invite.mixed_scripts);
    done("Invited", &email, &rows, style)
}

/// An invite by ID or by the invited email address.
type InviteRef = Ref<InviteId>;

impl Referred for InviteId {
    const ID_HELP: &'static str = "Invite ID (inv_…)";
    const EMAIL_HELP: &'static str = "Email address of the open invite";
    const HELP: &'static str = "ID of the invite, or the invited email address";
    const INVALID_ID: &'static str = "must be an invite ID: inv_ and 32 hexadecimal digits";
    const INVALID: &'static str =
        "must be an invite ID (inv_ and 32 hexadecimal digits) or the invited email address";
}

fn withdraw(args: &Confirmed<Several<InviteRef>>, app: &mut App<'_>) -> Result<(), CliError> {
    args.yes.require("withdrawing")?;
    let session = app.human_session()?;
    let ids = resolve(&args.what.0, &session)?;
    args.yes.ask("no invite was withdrawn", || {
        // Only for the email addresses: without them, the IDs are shown.
        let newest = session.call(|client| client.invites_list(&first_page()));
        let newest = newest.map_or_else(|_| Vec::new(), |page| page.items);
        Ok(question(&ids, &newest))
    })?;
    let withdrawn = one_by_one(&ids, "withdrawn", LIST, |id| {
        session.call(|client| client.invite_withdraw(*id))
    })?;
    print_ended(app, "withdrawn", "Withdrew", &withdrawn)
}

fn question(ids: &[InviteId], invites: &[Invite]) -> String {
    let lines = ids.iter().map(|id| {
        let id = id.to_string();
        let invite = invites.iter().find(|invite| invite.id == id);
        let email = invite.and_then(|it| Some(marked(it.email.as_deref()?, &it.mixed_scripts)));
        let parts: Vec<String> = [id].into_iter().chain(email).collect();
        format!("  {}\n", parts.join("  "))
    });
    let lines: String = lines.collect();
    let (one, several) = ("invite? Its link stops", "invites? Their links stop");
    question_about(&lines, ids.len(), "Withdraw", one, several)
}

/// Returns the IDs of the invites without duplicates; an email address means its open invite.
fn resolve(invites: &[InviteRef], session: &Session) -> Result<Vec<InviteId>, Failure> {
    let mut open = HashMap::new();
    if invites.iter().any(|it| matches!(it, InviteRef::Email(_))) {
        let fetch = |query: &_| session.call(|client| client.invites_list(query));
        for invite in paging::all(MAX_PAGE, fetch)?.items {
            let email = invite.email.as_deref().map(Email::from_stored);
            if let (Open::Known(InviteStatus::Open), Some(email), Ok(id)) =
                (&invite.status, email, invite.id.parse::<InviteId>())
            {
                open.entry(email.key()).or_insert(id);
            }
        }
    }
    distinct(invites, |invite| match invite {
        InviteRef::Id(id) => Ok(*id),
        InviteRef::Email(email) => open.get(&email.key()).copied().ok_or_else(|| {
            let shown = redact(&plain(email.as_str()));
            let message = format!("no open invite for {shown}");
            Failure::of("not_found", message).next(LIST)
        }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::admin::tests::invites;
    use crate::commands::tests::{STYLE, WIDE};

    #[test]
    fn shows_invites_as_a_table_and_as_a_list() {
        insta::assert_snapshot!("invites_wide", invites_listing(&invites(), &WIDE));
        insta::assert_snapshot!("invites_narrow", invites_listing(&invites(), &STYLE));
        insta::assert_snapshot!("invites_none", invites_listing(&[], &STYLE));
    }

    #[test]
    fn a_new_invite_is_introduced() {
        insta::assert_snapshot!(introduction(&invites()[0], &STYLE));
    }

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
