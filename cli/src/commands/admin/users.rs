//! `oi settings admin users`: the users of the instance.

use clap::builder::ValueParser;
use openindex_adapters_http::client::{Client, ClientError};
use openindex_adapters_http::wire::{SignInLink, User, UserQuery};
use openindex_domain::user::{Email, Role, UserId, UserSearch, UserSort};

use crate::commands::prelude::*;

use super::user_ref::{self, UserRef};

commands! {
    /// List users, in the order in which they joined
    #[command(visible_alias = "ls")]
    List(List) -> "UserList" = list,
    /// Show a user
    #[command(alias = "show")]
    #[command(after_help = "\
Examples:
  oi settings admin users get ada@example.com
  oi settings admin users get usr_0199f3a1c6d07c35b2f0e8a4d1c7b9e2 --json | jq -r .role")]
    Get(One<UserRef>) -> "User" = get,
    /// Suspend a user; their tokens and sessions stop working immediately
    #[command(after_help = "\
Nothing is deleted: after `unsuspend`, the account and its tokens work again. Browser sessions end.
The last active administrator cannot be suspended.
Asks for confirmation on a terminal; without one, --yes is required.

Examples:
  oi settings admin users suspend ada@example.com
  oi settings admin users suspend --yes usr_0199f3a1c6d07c35b2f0e8a4d1c7b9e2")]
    Suspend(Confirmed<One<UserRef>>) -> "User" = suspend,
    /// Unsuspend a user
    #[command(after_help = "\
The user can sign in again, and their tokens work again.

Examples:
  oi settings admin users unsuspend ada@example.com")]
    Unsuspend(One<UserRef>) -> "User" = unsuspend,
    /// Change a user's role
    SetRole(SetRole) -> "User" = set_role,
    /// Change a user's email address
    Update(Update) -> "User" = update,
    /// Delete a user permanently
    #[command(visible_alias = "rm")]
    #[command(after_help = "\
Revokes the user's tokens, ends their agent runs and browser sessions, withdraws the open invites
they created, cancels their sign-in links, and releases their work item claims. Erases their
password, name and email address. The address can be invited again; the audit log retains the user
ID. This cannot be undone; to block a user temporarily, use `suspend`.
You cannot delete the last active administrator or your own account.
Asks for confirmation on a terminal; without one, --yes is required.

Examples:
  oi settings admin users delete ada@example.com
  oi settings admin users delete --yes usr_0199f3a1c6d07c35b2f0e8a4d1c7b9e2")]
    Delete(Confirmed<One<UserRef>>) -> "Deleted" = delete,
    /// Create a one-time sign-in link for a user
    SignInLink(CreateSignInLink) -> "SignInLink" = sign_in_link,
}

/// Asks for confirmation unless `--yes`, and sends a request that changes a user. Returns the
/// user's ID and the response. `declined` says what was not done.
fn change<T>(
    app: &mut App<'_>,
    (user, yes): (&UserRef, &Confirmation),
    (question, declined): (&str, &str),
    request: impl FnOnce(&Client, UserId) -> Result<T, ClientError>,
) -> Result<(UserId, T), CliError> {
    let session = app.human_session()?;
    let id = if yes.given() {
        user_ref::id_of(user, &session)?
    } else {
        let user = user_ref::find(user, &session)?;
        let own = session.call(Client::me)?.user.id == user.id;
        let style = app.out.message_style();
        confirm(&asked(&user, own, question, &style), declined)?;
        user_ref::parse_id(&user)?
    };
    Ok((id, send(id, &session, request)?))
}

/// Sends a request that changes a user.
fn send<T>(
    id: UserId,
    session: &Session,
    request: impl FnOnce(&Client, UserId) -> Result<T, ClientError>,
) -> Result<T, Failure> {
    let check = format!("oi settings admin users get {id}");
    session.change(&check, |client| request(client, id))
}

fn asked(user: &User, own: bool, question: &str, style: &Style) -> String {
    let note = style.yellow("This is your own account.");
    let note = if own { note + "\n" } else { String::new() };
    format!("{}{note}{question}", described(user, style))
}

/// Prints the result of a command that changed a user.
fn changed(user: &User, what: &str, app: &mut App<'_>) -> Result<(), CliError> {
    app.out.print(user, |style| {
        format!("{} {what}\n{}", style.done(), described(user, style))
    })
}

fn described(user: &User, style: &Style) -> String {
    let status = match user.suspended_at.as_deref() {
        None => "active".to_owned(),
        at => style.red(&format!("suspended {}", moment(at, style))),
    };
    let mut rows = vec![
        ("id", plain(&user.id)),
        ("role", word(&user.role)),
        ("status", status),
        ("joined", moment(Some(&user.created_at), style)),
    ];
    if !user.mixed_scripts.is_empty() {
        let scripts = plain(&user.mixed_scripts.join(", "));
        rows.push(("mixed scripts", style.red(&scripts)));
    }
    let who = style.bold(&with_email(&user.name, &user.email));
    format!("{who}\n{}", fields(&rows, style))
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Requires an administrator's token with the admin scope.

Examples:
  oi settings admin users list
  oi settings admin users list --search example.com --sort least_seen
  oi settings admin users list --all --json | jq -r '.items[].email'")]
pub(crate) struct List {
    /// Only users whose name or email address contains this text (case-insensitive)
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    /// Sort order [default: joined]
    #[arg(long, value_parser = one_of(UserSort::ALL, UserSort::as_str))]
    sort: Option<UserSort>,
    #[command(flatten)]
    page: PageArgs,
}

fn list(args: &List, app: &mut App<'_>) -> Result<(), CliError> {
    let search = args.search.as_deref().map(UserSearch::parse).transpose();
    let query = UserQuery {
        search: search.named("--search")?,
        sort: args.sort,
    };
    let session = app.human_session()?;
    let request = |client: &Client, page: &_| client.users_list(&query, page);
    paging::list(&args.page, &session, app, request, users_listing)
}

fn users_listing(users: &[User], style: &Style) -> String {
    let titles = &["email", "role", "status", "joined"];
    listing(Form::Named, titles, users, style, |user, style| {
        let inactive = user.suspended_at.is_some();
        let email = user_ref::marked(&user.email, &user.mixed_scripts);
        let role = word(&user.role);
        let status = if inactive { "suspended" } else { "active" };
        let joined = moment(Some(&user.created_at), style);
        Row {
            name: plain(&user.name),
            summary: format!("{email} · {role} · {status} · joined {joined}"),
            cells: vec![email, role, status.to_owned(), joined],
            id: plain(&user.id),
            inactive,
        }
    })
}

fn get(user: &One<UserRef>, app: &mut App<'_>) -> Result<(), CliError> {
    let session = app.human_session()?;
    let user = user_ref::find(&user.0, &session)?;
    app.out.print(&user, |style| described(&user, style))
}

const SUSPEND: &str =
    "Suspend this user? Their tokens and browser sessions stop working immediately.";

fn suspend(args: &Confirmed<One<UserRef>>, app: &mut App<'_>) -> Result<(), CliError> {
    args.yes.require("suspending")?;
    let ends = (SUSPEND, "no user was suspended");
    let (_, user) = change(app, (&args.what.0, &args.yes), ends, Client::user_suspend)?;
    changed(&user, "User suspended", app)
}

fn unsuspend(user: &One<UserRef>, app: &mut App<'_>) -> Result<(), CliError> {
    let session = app.human_session()?;
    let id = user_ref::id_of(&user.0, &session)?;
    let user = send(id, &session, Client::user_unsuspend)?;
    changed(&user, "User unsuspended", app)
}

/// The role to assign.
struct NewRole;

impl Field for NewRole {
    type Value = Role;
    const POSITIONAL: &'static str = "ROLE";
    const FLAGS: Flags = &[("role", "ROLE", "New role")];

    fn parser(_: Option<&'static str>) -> ValueParser {
        one_of(Role::ALL, Role::as_str).into()
    }
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Takes effect immediately. A member's admin tokens are limited to read_write; they regain admin
access if the user becomes an administrator again. The role of the last active administrator cannot
be changed. Asks for confirmation on a terminal; without one, --yes is required.

Examples:
  oi settings admin users set-role ada@example.com admin
  oi settings admin users set-role --yes usr_0199f3a1c6d07c35b2f0e8a4d1c7b9e2 member")]
pub(crate) struct SetRole {
    #[command(flatten)]
    user: One<UserRef>,
    #[command(flatten)]
    role: One<NewRole>,
    #[command(flatten)]
    yes: Confirmation,
}

fn set_role(args: &SetRole, app: &mut App<'_>) -> Result<(), CliError> {
    let role = args.role.0;
    args.yes.require("changing a role")?;
    let (question, done) = match role {
        Role::Admin => (
            "Change this user's role to admin? They will have full administrator access.",
            "Role changed to admin",
        ),
        Role::Member => (
            "Change this user's role to member? Their tokens and sessions lose administrator \
             access immediately.",
            "Role changed to member",
        ),
    };
    let ends = (question, "nothing was changed");
    let (_, user) = change(app, (&args.user.0, &args.yes), ends, |client, id| {
        client.user_set_role(id, role)
    })?;
    changed(&user, done, app)
}

/// The user to change; `--email` is the new address, so it cannot identify the user.
struct Target;

impl Field for Target {
    type Value = UserRef;
    const POSITIONAL: &'static str = UserRef::POSITIONAL;
    const FLAGS: Flags = &[("id", "ID", "User ID (usr_…)")];
    const HELP: &'static str = UserRef::HELP;

    fn parser(flag: Option<&'static str>) -> ValueParser {
        UserRef::parser(flag)
    }
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
The user keeps their ID, tokens, browser sessions and password. The old address can no longer be
used to sign in, and unused sign-in links stop working. Asks for confirmation before it changes your
own address; without a terminal, that requires --yes.

Examples:
  oi settings admin users update ada@example.com --email ada@example.org
  oi settings admin users update usr_0199f3a1c6d07c35b2f0e8a4d1c7b9e2 --email ada@example.org")]
pub(crate) struct Update {
    #[command(flatten)]
    user: One<Target>,
    /// New email address
    #[arg(long, value_name = "EMAIL", value_parser = Email::parse)]
    email: Email,
    #[command(flatten)]
    yes: Confirmation,
}

fn update(args: &Update, app: &mut App<'_>) -> Result<(), CliError> {
    let session = app.human_session()?;
    let before = user_ref::find(&args.user.0, &session)?;
    let id = user_ref::parse_id(&before)?;
    // A typo in their own address would lock the user out.
    if !args.yes.given() && session.call(Client::me)?.user.id == before.id {
        args.yes.require("changing your own email address")?;
        let email = plain(args.email.as_str());
        let question = format!("Change your email address to {email}? You will sign in with it.");
        let question = asked(&before, true, &question, &app.out.message_style());
        confirm(&question, "nothing was changed")?;
    }
    let email = args.email.clone();
    let user = send(id, &session, |client, id| client.user_set_email(id, email))?;
    let done = if user.email == before.email {
        "Email address unchanged"
    } else {
        "Email address changed"
    };
    changed(&user, done, app)
}

const DELETE: &str = "\
Delete this user? Their tokens, agent runs and browser sessions stop working immediately. This \
cannot be undone.";

fn delete(args: &Confirmed<One<UserRef>>, app: &mut App<'_>) -> Result<(), CliError> {
    args.yes.require("deleting")?;
    let ends = (DELETE, "no user was deleted");
    let (id, ()) = change(app, (&args.what.0, &args.yes), ends, Client::user_delete)?;
    print_ended(app, "deleted", "Deleted", &[id.to_string()])
}

const LINK_WARNING: &str = "\
Give this link only to that user: anyone who opens it can set a new password and sign in.
It works once and is not shown again. Earlier sign-in links for this user no longer work.";
#[derive(Debug, clap::Args)]
#[command(after_help = "\
For users who have no password or have forgotten it. The link is shown only once. The user's tokens
keep working.

Examples:
  oi settings admin users sign-in-link ada@example.com
  oi settings admin users sign-in-link ada@example.com --url-only | wl-copy")]
pub(crate) struct CreateSignInLink {
    #[command(flatten)]
    user: One<UserRef>,
    /// Print only the link, for a pipe
    #[arg(long, conflicts_with = "json")]
    url_only: bool,
}

fn sign_in_link(args: &CreateSignInLink, app: &mut App<'_>) -> Result<(), CliError> {
    require_writable_stdout()?;
    let session = app.human_session()?;
    let id = user_ref::id_of(&args.user.0, &session)?;
    let retry = format!("oi settings admin users sign-in-link {id}");
    let created = session.change(&retry, |client| client.user_sign_in_link(id))?;
    let (link, until) = (plain(&created.id), plain(&created.expires_at));
    let undo = Undo {
        created: format!("sign-in link {link}"),
        undone: "withdrawn",
        act: Box::new(|| {
            let message = "it works until it is used, is replaced by a newer link, or expires";
            Err(Failure::of("not_undone", message))
        }),
        command: retry,
        consequence: Some(format!("the link was not shown, and it expires at {until}")),
    };
    let user = match &args.user.0 {
        UserRef::Email(email) => format!("{} ({id})", plain(email.as_str())),
        UserRef::Id(id) => id.to_string(),
    };
    let introduction = |style: &Style| link_introduction(&created, user, style);
    let secret = (&created.url, args.url_only, LINK_WARNING);
    once::show(app, &created, secret, introduction, undo)
}

fn link_introduction(created: &SignInLink, user: String, style: &Style) -> String {
    let rows = [
        ("id", plain(&created.id)),
        ("user", user),
        ("expires", expiry(Some(&created.expires_at), style)),
    ];
    let rows = fields(&rows, style);
    format!("{} Created a sign-in link\n{rows}", style.done())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::admin::tests::users;
    use crate::commands::tests::{STYLE, WIDE};
    use openindex_adapters_http::wire::PlainSecret;

    #[test]
    fn shows_a_user_and_the_prompt() {
        let users = users();
        insta::assert_snapshot!("user", described(&users[1], &STYLE));
        insta::assert_snapshot!("user_hostile", described(&users[2], &STYLE));
        insta::assert_snapshot!("user_question", asked(&users[0], true, SUSPEND, &STYLE));
    }

    #[test]
    fn shows_users_as_a_table_and_as_a_list() {
        insta::assert_snapshot!("users_wide", users_listing(&users(), &WIDE));
        insta::assert_snapshot!("users_narrow", users_listing(&users(), &STYLE));
    }

    #[test]
    fn the_introduction_of_a_link_does_not_contain_its_secret() {
        let created = SignInLink {
            id: "lnk_0199f3a1c6d07c35b2f0e8a4d1c7b9e2".to_owned(),
            user_id: "usr_0199f3a1c6d07c35b2f0e8a4d1c7b9e2".to_owned(),
            expires_at: "2026-11-24T07:00:00.000Z".to_owned(),
            url: PlainSecret::new("the secret"),
        };
        let user = format!("ada@example.com ({})", created.user_id);
        let text = link_introduction(&created, user, &STYLE);
        assert!(!text.contains("the secret"));
        insta::assert_snapshot!(text);
    }
}
