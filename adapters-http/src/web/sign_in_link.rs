//! `/sign-in/link/{code}`: sets a new password with a sign-in link.

use askama::Template;
use http::{HeaderMap, StatusCode};
use openindex_domain::session::SessionError;
use openindex_domain::user::{MIN_PASSWORD_CHARS, User};

use crate::server::Context;

use super::join::invalid_link;
use super::sign_in::{client_name, enter};
use super::{
    Anyone, Done, Form, IdPath, Invalid, Page, PageResult, Shown, Transport, Web, html, paths,
    weak_password,
};

#[derive(Template)]
#[template(path = "public/sign_in_link.html")]
struct LinkPage {
    page: Page,
    name: Shown,
    email: Shown,
    is_readable: bool,
    min_password: usize,
    errors: Invalid,
}

pub(super) async fn show(anyone: Anyone, IdPath(code): IdPath<String>) -> PageResult {
    match anyone.sessions.get_sign_in_link(&code).await {
        Ok((_, user)) => render(&anyone, &user, Invalid::default()),
        Err(SessionError::NotFound) => invalid_link(&anyone),
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn submit(
    anyone: Anyone,
    IdPath(code): IdPath<String>,
    headers: HeaderMap,
    context: Context,
    form: Form,
) -> PageResult {
    let sessions = &anyone.sessions;
    let user = match sessions.get_sign_in_link(&code).await {
        Ok((_, user)) => user,
        Err(SessionError::NotFound) => return invalid_link(&anyone),
        Err(error) => return Err(error.into()),
    };
    if anyone.site.transport == Transport::Readable {
        let mut response = render(&anyone, &user, Invalid::default())?;
        *response.status_mut() = StatusCode::FORBIDDEN;
        return Ok(response);
    }
    let password = match form.password("password") {
        Ok(password) => password,
        Err(error) => return render(&anyone, &user, wrong(format!("The password {error}."))),
    };
    let client = client_name(&headers);
    let redeemed = sessions.redeem_sign_in_link(&code, &password, client, &context);
    match redeemed.await {
        Ok(signed_in) => {
            let to = Done::PasswordSet.on(&anyone.site, paths::TOKENS);
            enter(&anyone, &signed_in, to)
        }
        Err(SessionError::NotFound) => invalid_link(&anyone),
        Err(SessionError::WeakPassword(weak)) => render(&anyone, &user, wrong(weak_password(weak))),
        Err(error) => Err(error.into()),
    }
}

fn wrong(message: String) -> Invalid {
    Invalid::field("password", message)
}

fn render(web: &Web, user: &User, errors: Invalid) -> PageResult {
    let template = LinkPage {
        page: Page::plain(&web.site),
        name: Shown::of(user.name.as_str()),
        email: Shown::of(user.email.as_str()),
        is_readable: web.site.transport == Transport::Readable,
        min_password: MIN_PASSWORD_CHARS,
        errors,
    };
    html(template.errors.status(), &template)
}
