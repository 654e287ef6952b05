//! `/settings/admin/users/{id}`: one user and the changes to their account.

use askama::Template;
use http::StatusCode;
use openindex_domain::access::ActorError;
use openindex_domain::form::FormId;
use openindex_domain::session::{SessionError, SignInLinkUser};
use openindex_domain::user::{Email, Role, User, UserChange, UserError, UserId};

use crate::server::Code;
use crate::web::{
    Administrator, DamagedRow, Done, Ending, Form, IdPath, Invalid, Moment, Page, PageResult,
    Query, Sent, Shown, WebError, html, once, paths,
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

#[derive(Template)]
#[template(path = "admin/suspend.html")]
struct SuspendPage {
    page: Page,
    user: UserView,
    is_last_admin: bool,
    runs: Ending,
    back: Back,
}

#[derive(Template)]
#[template(path = "admin/role.html")]
struct RolePage {
    page: Page,
    user: UserView,
    is_last_admin: bool,
    back: Back,
}

#[derive(Template)]
#[template(path = "admin/delete.html")]
struct DeletePage {
    page: Page,
    user: UserView,
    runs: Ending,
    back: Back,
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

async fn find(by: &Administrator, id: UserId) -> Result<User, WebError> {
    match by.users.get(&by.principal, id).await {
        Err(UserError::Store(error)) => Err(WebError::of_row(error, DamagedRow::User(id))),
        found => Ok(found?),
    }
}

/// Returns whether the user is the last active administrator. That can only be the caller.
async fn is_last_admin(by: &Administrator, id: UserId) -> Result<bool, WebError> {
    let principal = &by.principal;
    Ok(id == principal.user_id() && by.admin_tokens.stats(principal).await?.admins_active <= 1)
}

pub(in crate::web) async fn show(
    by: Administrator,
    IdPath(id): IdPath<UserId>,
    query: Query,
) -> PageResult {
    let user = find(&by, id).await?;
    let template = UserPage {
        page: by.page("users"),
        form: once::to_show(&by, &Form::default())?,
        is_last_admin: is_last_admin(&by, id).await?,
        user: UserView::of(&user, &by, by.now()),
        back: Back::to(query.get("next"), paths::USERS),
    };
    html(StatusCode::OK, &template)
}

pub(in crate::web) async fn confirm_suspend(
    by: Administrator,
    IdPath(id): IdPath<UserId>,
    query: Query,
) -> PageResult {
    let user = find(&by, id).await?;
    let template = SuspendPage {
        page: by.page("users"),
        is_last_admin: is_last_admin(&by, id).await?,
        runs: Ending::of(&by, id, None).await?,
        user: UserView::of(&user, &by, by.now()),
        back: Back::to(query.get("next"), paths::USERS),
    };
    html(StatusCode::OK, &template)
}

pub(in crate::web) async fn suspend(
    by: Administrator,
    IdPath(id): IdPath<UserId>,
    sent: Sent,
) -> PageResult {
    let (to, done) = (UserChange::Suspend, Done::UserSuspended);
    change(&by, id, to, &sent, done).await
}

pub(in crate::web) async fn unsuspend(
    by: Administrator,
    IdPath(id): IdPath<UserId>,
    sent: Sent,
) -> PageResult {
    let (to, done) = (UserChange::Unsuspend, Done::UserUnsuspended);
    change(&by, id, to, &sent, done).await
}

pub(in crate::web) async fn confirm_role(
    by: Administrator,
    IdPath(id): IdPath<UserId>,
    query: Query,
) -> PageResult {
    let user = find(&by, id).await?;
    let template = RolePage {
        page: by.page("users"),
        is_last_admin: is_last_admin(&by, id).await?,
        user: UserView::of(&user, &by, by.now()),
        back: Back::to(query.get("next"), paths::USERS),
    };
    html(StatusCode::OK, &template)
}

pub(in crate::web) async fn set_role(
    by: Administrator,
    IdPath(id): IdPath<UserId>,
    sent: Sent,
) -> PageResult {
    let role = Role::parse(sent.form.get("role")).ok_or(WebError::of(Code::InvalidField))?;
    let (to, done) = (UserChange::SetRole(role), Done::RoleChanged);
    change(&by, id, to, &sent, done).await
}

pub(in crate::web) async fn show_email_form(
    by: Administrator,
    IdPath(id): IdPath<UserId>,
    query: Query,
) -> PageResult {
    let user = find(&by, id).await?;
    let back = Back::to(query.get("next"), paths::USERS);
    let email = match by.entries().shown("email") {
        "" => user.email.as_str(),
        entered => entered,
    };
    email_form(&by, &user, back, email, StatusCode::OK, Invalid::default())
}

pub(in crate::web) async fn set_email(
    by: Administrator,
    IdPath(id): IdPath<UserId>,
    Sent { context, form }: Sent,
) -> PageResult {
    let user = find(&by, id).await?;
    let typed = form.shown("email");
    let back = Back::to(form.get("next"), paths::USERS);
    let to = back.or(format!("{}/{id}", paths::USERS));
    let reject = |status, error: String| {
        let errors = Invalid::field("email", format!("The address {error}."));
        email_form(&by, &user, back, typed, status, errors)
    };
    let email = match Email::parse(form.get("email")) {
        Ok(email) => email,
        Err(error) => return reject(StatusCode::UNPROCESSABLE_ENTITY, error.to_string()),
    };
    let change_to = UserChange::SetEmail(email);
    match by
        .users
        .change(&by.principal, id, change_to, &context)
        .await
    {
        Ok(changed) => {
            let done = if changed.email == user.email {
                Done::EmailUnchanged
            } else {
                Done::EmailChanged
            };
            Ok(done.to(&by.site, &to, changed.name.as_str()))
        }
        Err(UserError::EmailTaken) => {
            let error = "belongs to another user";
            reject(StatusCode::CONFLICT, error.to_owned())
        }
        Err(error) => Err(error.into()),
    }
}

fn email_form(
    by: &Administrator,
    user: &User,
    back: Back,
    email: &str,
    status: StatusCode,
    errors: Invalid,
) -> PageResult {
    let template = EmailPage {
        page: by.page("users"),
        user: UserView::of(user, by, by.now()),
        back,
        email,
        errors,
    };
    html(status, &template)
}

pub(in crate::web) async fn confirm_delete(
    by: Administrator,
    IdPath(id): IdPath<UserId>,
    query: Query,
) -> PageResult {
    let user = find(&by, id).await?;
    if id == by.principal.user_id() {
        return Err(WebError::of(Code::OwnAccount));
    }
    let template = DeletePage {
        page: by.page("users"),
        runs: Ending::of(&by, id, None).await?,
        user: UserView::of(&user, &by, by.now()),
        back: Back::to(query.get("next"), paths::USERS),
    };
    html(StatusCode::OK, &template)
}

pub(in crate::web) async fn delete(
    by: Administrator,
    IdPath(id): IdPath<UserId>,
    Sent { context, form }: Sent,
) -> PageResult {
    let principal = &by.principal;
    // A damaged user can still be deleted.
    let user = by.users.get(principal, id).await.ok();
    let about = user.map_or_else(|| id.to_string(), |user| user.name.as_str().to_owned());
    by.users.delete(principal, id, &context).await?;
    let back = Back::to(form.get("next"), paths::USERS);
    Ok(Done::UserDeleted.to(&by.site, &back.path, &about))
}

async fn change(
    by: &Administrator,
    id: UserId,
    change: UserChange,
    Sent { context, form }: &Sent,
    done: Done,
) -> PageResult {
    let (users, principal) = (&by.users, &by.principal);
    let user = users.change(principal, id, change, context).await?;
    // Administrators who suspended or demoted themselves can no longer open the user's page.
    let still_administers = user.id != principal.user_id() || user.is_active_admin();
    let path = if still_administers {
        Back::to(form.get("next"), paths::USERS).or(format!("{}/{id}", paths::USERS))
    } else {
        "/".to_owned()
    };
    Ok(done.to(&by.site, &path, user.name.as_str()))
}

pub(in crate::web) async fn sign_in_link(
    by: Administrator,
    IdPath(id): IdPath<UserId>,
    Sent { context, form }: Sent,
) -> PageResult {
    let context = once::context(&by, context, &form)?;
    let user = find(&by, id).await?;
    let subject = SignInLinkUser::ByAdmin(&by.principal, id);
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
        back: format!(
            "{}/{id}{}",
            paths::USERS,
            Back::to(form.get("next"), paths::USERS).query
        ),
        back_label: "User",
    }
    .respond()
}
