//! `/settings/admin/users/{id}`: one user and the changes to their account.

use askama::Template;
use http::StatusCode;
use openindex_domain::access::ActorError;
use openindex_domain::form::FormId;
use openindex_domain::session::{SessionError, SignInLinkUser};
use openindex_domain::user::{Email, Role, User, UserChange, UserError, UserId};

use crate::server::Code;
use crate::web::{
    Administrator, At, DamagedRow, Done, Ending, Form, Invalid, Moment, Page, PageResult, Shown,
    WebError, html, once, paths,
};

use super::Back;
use super::sign_in_link::LinkPage;
use super::users::UserView;

#[derive(Template)]
#[template(path = "admin/user.html")]
struct UserPage {
    page: Page,
    form: FormId,
    user: UserView,
    is_last_admin: bool,
    back: Back,
}

/// Asks before a change to the account.
#[derive(Template)]
#[template(path = "admin/change.html")]
struct ChangePage {
    page: Page,
    user: UserView,
    is_last_admin: bool,
    runs: Option<Ending>,
    back: Back,
    change: Change,
}

/// A change that is to be confirmed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    Suspend,
    Role,
    Delete,
}

#[derive(Template)]
#[template(path = "admin/email.html")]
struct EmailPage<'a> {
    page: Page,
    user: UserView,
    back: Back,
    email: &'a str,
    errors: Invalid,
}

/// An administrator at a user's page.
type AtUser = At<Administrator, UserId>;

async fn find(by: &AtUser) -> Result<User, WebError> {
    match by.users.get(&by.principal, by.id).await {
        Err(UserError::Store(error)) => Err(WebError::of_row(error, DamagedRow::User(by.id))),
        found => Ok(found?),
    }
}

/// Returns whether the user is the last active administrator. That can only be the caller.
async fn is_last_admin(by: &AtUser) -> Result<bool, WebError> {
    let principal = &by.principal;
    Ok(by.id == principal.user_id() && by.admin_tokens.stats(principal).await?.admins_active <= 1)
}

/// Returns the list to go back to.
fn back(next: &str) -> Back {
    Back::to(next, paths::USERS)
}

/// Returns the page to open after a change.
fn after(by: &AtUser, form: &Form) -> String {
    back(form.get("next")).or(format!("{}/{}", paths::USERS, by.id))
}

pub(in crate::web) async fn show(by: AtUser) -> PageResult {
    let user = find(&by).await?;
    let template = UserPage {
        page: by.page("users"),
        form: once::to_show(&by, &Form::default())?,
        is_last_admin: is_last_admin(&by).await?,
        user: UserView::of(&user, &by, by.now()),
        back: back(by.query.get("next")),
    };
    html(StatusCode::OK, &template)
}

async fn confirm(by: AtUser, change: Change) -> PageResult {
    let user = find(&by).await?;
    if change == Change::Delete && by.id == by.principal.user_id() {
        return Err(WebError::of(Code::OwnAccount));
    }
    let template = ChangePage {
        page: by.page("users"),
        is_last_admin: is_last_admin(&by).await?,
        runs: match change {
            Change::Suspend | Change::Delete => Some(Ending::of(&by, by.id, None).await?),
            Change::Role => None,
        },
        user: UserView::of(&user, &by, by.now()),
        back: back(by.query.get("next")),
        change,
    };
    html(StatusCode::OK, &template)
}

pub(in crate::web) async fn confirm_suspend(by: AtUser) -> PageResult {
    confirm(by, Change::Suspend).await
}

pub(in crate::web) async fn confirm_role(by: AtUser) -> PageResult {
    confirm(by, Change::Role).await
}

pub(in crate::web) async fn confirm_delete(by: AtUser) -> PageResult {
    confirm(by, Change::Delete).await
}

pub(in crate::web) async fn suspend(by: AtUser, form: Form) -> PageResult {
    change(&by, UserChange::Suspend, &form, Done::UserSuspended).await
}

pub(in crate::web) async fn unsuspend(by: AtUser, form: Form) -> PageResult {
    change(&by, UserChange::Unsuspend, &form, Done::UserUnsuspended).await
}

pub(in crate::web) async fn set_role(by: AtUser, form: Form) -> PageResult {
    let role = Role::parse(form.get("role")).ok_or(WebError::of(Code::InvalidField))?;
    change(&by, UserChange::SetRole(role), &form, Done::RoleChanged).await
}

async fn change(by: &AtUser, change: UserChange, form: &Form, done: Done) -> PageResult {
    let principal = &by.principal;
    let changed = by.users.change(principal, by.id, change, &by.context);
    let user = changed.await?;
    // Administrators who suspended or demoted themselves can no longer open the user's page.
    let still_administers = user.id != principal.user_id() || user.is_active_admin();
    let path = if still_administers {
        after(by, form)
    } else {
        "/".to_owned()
    };
    Ok(done.to(&by.site, &path, user.name.as_str()))
}

pub(in crate::web) async fn show_email_form(by: AtUser) -> PageResult {
    let user = find(&by).await?;
    let email = match by.entries().shown("email") {
        "" => user.email.as_str(),
        entered => entered,
    };
    let (next, status) = (by.query.get("next"), StatusCode::OK);
    email_form(&by, &user, next, email, status, Invalid::default())
}

pub(in crate::web) async fn set_email(by: AtUser, form: Form) -> PageResult {
    let user = find(&by).await?;
    let reject = |status, error: &str| {
        let errors = Invalid::field("email", format!("The address {error}."));
        let (next, typed) = (form.get("next"), form.shown("email"));
        email_form(&by, &user, next, typed, status, errors)
    };
    let email = match Email::parse(form.get("email")) {
        Ok(email) => email,
        Err(error) => return reject(StatusCode::UNPROCESSABLE_ENTITY, &error.to_string()),
    };
    let change = UserChange::SetEmail(email);
    let changed = by.users.change(&by.principal, by.id, change, &by.context);
    match changed.await {
        Ok(changed) => {
            let done = if changed.email == user.email {
                Done::EmailUnchanged
            } else {
                Done::EmailChanged
            };
            Ok(done.to(&by.site, &after(&by, &form), changed.name.as_str()))
        }
        Err(UserError::EmailTaken) => reject(StatusCode::CONFLICT, "belongs to another user"),
        Err(error) => Err(error.into()),
    }
}

fn email_form(
    by: &AtUser,
    user: &User,
    next: &str,
    email: &str,
    status: StatusCode,
    errors: Invalid,
) -> PageResult {
    let template = EmailPage {
        page: by.page("users"),
        user: UserView::of(user, by, by.now()),
        back: back(next),
        email,
        errors,
    };
    html(status, &template)
}

pub(in crate::web) async fn delete(by: AtUser, form: Form) -> PageResult {
    let (users, principal) = (&by.users, &by.principal);
    // A damaged user can still be deleted.
    let user = users.get(principal, by.id).await.ok();
    let about = user.map_or_else(|| by.id.to_string(), |user| user.name.as_str().to_owned());
    users.delete(principal, by.id, &by.context).await?;
    Ok(Done::UserDeleted.to(&by.site, &back(form.get("next")).path, &about))
}

pub(in crate::web) async fn sign_in_link(by: AtUser, form: Form) -> PageResult {
    let context = once::context(&by, &form)?;
    let user = find(&by).await?;
    let subject = SignInLinkUser::ByAdmin(&by.principal, by.id);
    let new = match by.sessions.create_sign_in_link(subject, &context).await {
        Err(SessionError::NotAuthorized(ActorError::FormUsed(created))) => {
            return once::already(&by, created).await;
        }
        created => created?,
    };
    LinkPage {
        page: by.page("users"),
        title: "Sign-in link created",
        email: Shown::of(user.email.as_str()),
        mixed: user.email.mixed_scripts().join(", "),
        role: None,
        is_dotless: false,
        purpose: "Anyone who opens it can set a new password and sign in to the account. It works \
                  once.",
        expires: Moment::new(new.link.expires_at, by.now()),
        again: "If you create another link for this user, this one stops working.",
        url: &by.settings.sign_in_link(&new.secret),
        back: format!("{}/{}{}", paths::USERS, by.id, back(form.get("next")).query),
        back_label: "User",
    }
    .respond()
}
