//! `/sign-in/link/{code}`: sets a new password with a sign-in link.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use openindex_domain::session::SessionError;
use openindex_domain::user::{MIN_PASSWORD_CHARS, User};

use super::access::Anyone;
use super::done::Done;
use super::error::WebError;
use super::form::Sent;
use super::invalid::{Invalid, weak_password};
use super::join::invalid_link;
use super::page::{Page, html};
use super::path::IdPath;
use super::sign_in::{client_name, enter};
use super::site::{Transport, Web};
use super::view::Shown;

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

pub(super) async fn show(
    _: Anyone,
    State(web): State<Web>,
    IdPath(code): IdPath<String>,
) -> Result<Response, WebError> {
    match web.api.sessions.get_sign_in_link(&code).await {
        Ok((_, user)) => render(&web, &user, Invalid::default()),
        Err(SessionError::NotFound) => invalid_link(&web),
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn submit(
    _: Anyone,
    State(web): State<Web>,
    IdPath(code): IdPath<String>,
    headers: HeaderMap,
    Sent { context, form }: Sent,
) -> Result<Response, WebError> {
    let sessions = &web.api.sessions;
    let user = match sessions.get_sign_in_link(&code).await {
        Ok((_, user)) => user,
        Err(SessionError::NotFound) => return invalid_link(&web),
        Err(error) => return Err(error.into()),
    };
    if web.site.transport == Transport::Readable {
        let mut response = render(&web, &user, Invalid::default())?;
        *response.status_mut() = StatusCode::FORBIDDEN;
        return Ok(response);
    }
    let password = match form.password("password") {
        Ok(password) => password,
        Err(error) => return render(&web, &user, wrong(format!("The password {error}."))),
    };
    let client = client_name(&headers);
    match sessions
        .redeem_sign_in_link(&code, &password, client, &context)
        .await
    {
        Ok(signed_in) => {
            let to = Done::PasswordSet.on(&web.site, crate::TOKENS_PAGE);
            enter(&web, &signed_in, to)
        }
        Err(SessionError::NotFound) => invalid_link(&web),
        Err(SessionError::WeakPassword(weak)) => render(&web, &user, wrong(weak_password(weak))),
        Err(error) => Err(error.into()),
    }
}

fn wrong(message: String) -> Invalid {
    Invalid::field("password", message)
}

fn render(web: &Web, user: &User, errors: Invalid) -> Result<Response, WebError> {
    let status = errors.status();
    let template = LinkPage {
        page: Page::plain(&web.site),
        name: Shown::of(user.name.as_str()),
        email: Shown::of(user.email.as_str()),
        is_readable: web.site.transport == Transport::Readable,
        min_password: MIN_PASSWORD_CHARS,
        errors,
    };
    html(status, &template)
}
