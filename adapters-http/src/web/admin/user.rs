//! `/settings/admin/users/{id}`: one user and the changes to their account.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use openindex_domain::access::ActorError;
use openindex_domain::form::FormId;
use openindex_domain::session::{SessionError, SignInLinkUser};
use openindex_domain::user::{Email, Role, User, UserChange, UserError, UserId};

use crate::server::Code;
use crate::web::access::Administrator;
use crate::web::done::Done;
use crate::web::error::{DamagedRow, WebError};
use crate::web::form::{Form, Sent};
use crate::web::invalid::Invalid;
use crate::web::once;
use crate::web::page::{Page, html};
use crate::web::path::IdPath;
use crate::web::paths;
use crate::web::query::Query;
use crate::web::runs::Ending;
use crate::web::site::Web;
use crate::web::view::{Moment, Shown};

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

async fn find(web: &Web, by: &Administrator, id: UserId) -> Result<User, WebError> {
    match web.api.users.get(&by.0.principal, id).await {
        Err(UserError::Store(error)) => Err(WebError::of_row(error, DamagedRow::User(id))),
        found => Ok(found?),
    }
}

/// Returns whether the user is the last active administrator. That can only be the caller.
async fn is_last_admin(web: &Web, by: &Administrator, id: UserId) -> Result<bool, WebError> {
    let principal = &by.0.principal;
    Ok(
        id == principal.user_id()
            && web.api.admin_tokens.stats(principal).await?.admins_active <= 1,
    )
}

pub(in crate::web) async fn show(
    by: Administrator,
    State(web): State<Web>,
    IdPath(id): IdPath<UserId>,
    query: Query,
) -> Result<Response, WebError> {
    let user = find(&web, &by, id).await?;
    let template = UserPage {
        page: Page::of(&web, &by.0, "users"),
        form: once::to_show(&web, &Form::default())?,
        is_last_admin: is_last_admin(&web, &by, id).await?,
        user: UserView::of(&user, &by, web.api.tokens.now()),
        back: Back::to(query.get("next"), paths::USERS),
    };
    html(StatusCode::OK, &template)
}

pub(in crate::web) async fn confirm_suspend(
    by: Administrator,
    State(web): State<Web>,
    IdPath(id): IdPath<UserId>,
    query: Query,
) -> Result<Response, WebError> {
    let user = find(&web, &by, id).await?;
    let template = SuspendPage {
        page: Page::of(&web, &by.0, "users"),
        is_last_admin: is_last_admin(&web, &by, id).await?,
        runs: Ending::of(&web, &by.0, id, None).await?,
        user: UserView::of(&user, &by, web.api.tokens.now()),
        back: Back::to(query.get("next"), paths::USERS),
    };
    html(StatusCode::OK, &template)
}

pub(in crate::web) async fn suspend(
    by: Administrator,
    State(web): State<Web>,
    IdPath(id): IdPath<UserId>,
    sent: Sent,
) -> Result<Response, WebError> {
    let (to, done) = (UserChange::Suspend, Done::UserSuspended);
    change(&web, &by, id, to, &sent, done).await
}

pub(in crate::web) async fn unsuspend(
    by: Administrator,
    State(web): State<Web>,
    IdPath(id): IdPath<UserId>,
    sent: Sent,
) -> Result<Response, WebError> {
    let (to, done) = (UserChange::Unsuspend, Done::UserUnsuspended);
    change(&web, &by, id, to, &sent, done).await
}

pub(in crate::web) async fn confirm_role(
    by: Administrator,
    State(web): State<Web>,
    IdPath(id): IdPath<UserId>,
    query: Query,
) -> Result<Response, WebError> {
    let user = find(&web, &by, id).await?;
    let template = RolePage {
        page: Page::of(&web, &by.0, "users"),
        is_last_admin: is_last_admin(&web, &by, id).await?,
        user: UserView::of(&user, &by, web.api.tokens.now()),
        back: Back::to(query.get("next"), paths::USERS),
    };
    html(StatusCode::OK, &template)
}

pub(in crate::web) async fn set_role(
    by: Administrator,
    State(web): State<Web>,
    IdPath(id): IdPath<UserId>,
    sent: Sent,
) -> Result<Response, WebError> {
    let role = Role::parse(sent.form.get("role")).ok_or(WebError::of(Code::InvalidField))?;
    let (to, done) = (UserChange::SetRole(role), Done::RoleChanged);
    change(&web, &by, id, to, &sent, done).await
}

pub(in crate::web) async fn show_email_form(
    by: Administrator,
    State(web): State<Web>,
    IdPath(id): IdPath<UserId>,
    query: Query,
) -> Result<Response, WebError> {
    let user = find(&web, &by, id).await?;
    let back = Back::to(query.get("next"), paths::USERS);
    let email = match by.0.entries().shown("email") {
        "" => user.email.as_str(),
        entered => entered,
    };
    email_form(
        &web,
        &by,
        &user,
        back,
        email,
        StatusCode::OK,
        Invalid::default(),
    )
}

pub(in crate::web) async fn set_email(
    by: Administrator,
    State(web): State<Web>,
    IdPath(id): IdPath<UserId>,
    Sent { context, form }: Sent,
) -> Result<Response, WebError> {
    let user = find(&web, &by, id).await?;
    let typed = form.shown("email");
    let back = Back::to(form.get("next"), paths::USERS);
    let to = back.or(format!("{}/{id}", paths::USERS));
    let reject = |status, error: String| {
        let errors = Invalid::field("email", format!("The address {error}."));
        email_form(&web, &by, &user, back, typed, status, errors)
    };
    let email = match Email::parse(form.get("email")) {
        Ok(email) => email,
        Err(error) => return reject(StatusCode::UNPROCESSABLE_ENTITY, error.to_string()),
    };
    let change_to = UserChange::SetEmail(email);
    match web
        .api
        .users
        .change(&by.0.principal, id, change_to, &context)
        .await
    {
        Ok(changed) => {
            let done = if changed.email == user.email {
                Done::EmailUnchanged
            } else {
                Done::EmailChanged
            };
            Ok(done.to(&web.site, &to, changed.name.as_str()))
        }
        Err(UserError::EmailTaken) => {
            let error = "belongs to another user";
            reject(StatusCode::CONFLICT, error.to_owned())
        }
        Err(error) => Err(error.into()),
    }
}

fn email_form(
    web: &Web,
    by: &Administrator,
    user: &User,
    back: Back,
    email: &str,
    status: StatusCode,
    errors: Invalid,
) -> Result<Response, WebError> {
    let template = EmailPage {
        page: Page::of(web, &by.0, "users"),
        user: UserView::of(user, by, web.api.tokens.now()),
        back,
        email,
        errors,
    };
    html(status, &template)
}

pub(in crate::web) async fn confirm_delete(
    by: Administrator,
    State(web): State<Web>,
    IdPath(id): IdPath<UserId>,
    query: Query,
) -> Result<Response, WebError> {
    let user = find(&web, &by, id).await?;
    if id == by.0.principal.user_id() {
        return Err(WebError::of(Code::OwnAccount));
    }
    let template = DeletePage {
        page: Page::of(&web, &by.0, "users"),
        runs: Ending::of(&web, &by.0, id, None).await?,
        user: UserView::of(&user, &by, web.api.tokens.now()),
        back: Back::to(query.get("next"), paths::USERS),
    };
    html(StatusCode::OK, &template)
}

pub(in crate::web) async fn delete(
    by: Administrator,
    State(web): State<Web>,
    IdPath(id): IdPath<UserId>,
    Sent { context, form }: Sent,
) -> Result<Response, WebError> {
    let principal = &by.0.principal;
    // A damaged user can still be deleted.
    let user = web.api.users.get(principal, id).await.ok();
    let about = user.map_or_else(|| id.to_string(), |user| user.name.as_str().to_owned());
    web.api.users.delete(principal, id, &context).await?;
    let back = Back::to(form.get("next"), paths::USERS);
    Ok(Done::UserDeleted.to(&web.site, &back.path, &about))
}

async fn change(
    web: &Web,
    by: &Administrator,
    id: UserId,
    change: UserChange,
    Sent { context, form }: &Sent,
    done: Done,
) -> Result<Response, WebError> {
    let (users, principal) = (&web.api.users, &by.0.principal);
    let user = users.change(principal, id, change, context).await?;
    // Administrators who suspended or demoted themselves can no longer open the user's page.
    let still_administers = user.id != principal.user_id() || user.is_active_admin();
    let path = if still_administers {
        Back::to(form.get("next"), paths::USERS).or(format!("{}/{id}", paths::USERS))
    } else {
        "/".to_owned()
    };
    Ok(done.to(&web.site, &path, user.name.as_str()))
}

pub(in crate::web) async fn sign_in_link(
    by: Administrator,
    State(web): State<Web>,
    IdPath(id): IdPath<UserId>,
    Sent { context, form }: Sent,
) -> Result<Response, WebError> {
    let context = once::context(&web, context, &form)?;
    let user = find(&web, &by, id).await?;
    let subject = SignInLinkUser::ByAdmin(&by.0.principal, id);
    let new = match web
        .api
        .sessions
        .create_sign_in_link(subject, &context)
        .await
    {
        Err(SessionError::NotAuthorized(ActorError::FormUsed(created))) => {
            return once::already(&web, &by.0, created).await;
        }
        created => created?,
    };
    LinkPage {
        page: Page::of(&web, &by.0, "users"),
        title: "Sign-in link created",
        email: Shown::of(user.email.as_str()),
        mixed: user.email.mixed_scripts().join(", "),
        role: None,
        is_dotless: false,
        purpose: "Anyone who opens it can set a new password and sign in to the account. It works \
                  once.",
        expires: Moment::new(new.link.expires_at, web.api.tokens.now()),
        again: "If you create another link for this user, this one stops working.",
        url: &web.api.settings.sign_in_link(&new.secret),
        back: format!(
            "{}/{id}{}",
            paths::USERS,
            Back::to(form.get("next"), paths::USERS).query
        ),
        back_label: "User",
    }
    .respond()
}
