//! `/sign-in` and `/sign-out`.

use askama::Template;
use axum::response::Response;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use openindex_domain::duration::at_least;
use openindex_domain::session::{ClientName, SignInError, SignedIn};
use openindex_domain::user::Email;

use crate::server::{Code, Context, Problem};

use super::cookie;
use super::done::JustDone;
use super::draft::{Draft, Why};
use super::{
    Anyone, Done, Form, LocalPath, Page, PageResult, Person, Query, Site, Transport, Visitor, Web,
    WebError, html, paths, redirect,
};

/// The page that opens after sign-in when the request names no other.
const HOME: &str = paths::TOKENS;
const WRONG: &str = "Incorrect email address or password.";

#[derive(Template)]
#[template(path = "public/sign_in.html")]
struct SignInPage<'a> {
    page: Page,
    email: &'a str,
    next: &'a str,
    error: Option<String>,
    /// Why the user was redirected here; `None` if they opened the page themselves.
    reason: Option<Reason>,
    /// Passwords could be intercepted, so the page has no form.
    is_readable: bool,
    /// No user exists yet.
    is_new: bool,
}

impl<'a> SignInPage<'a> {
    /// Returns the page without entries. `next` opens after sign-in.
    fn of(page: Page, web: &Web, headers: &HeaderMap, next: Option<&'a LocalPath>) -> Self {
        Self {
            page,
            email: "",
            next: next.map_or("", LocalPath::as_str),
            error: None,
            reason: next.map(|next| Reason::of(headers, &web.site, next)),
            is_readable: web.site.transport == Transport::Readable,
            is_new: false,
        }
    }
}

/// Why the user was redirected to sign in.
enum Reason {
    /// A form was sent after the session had ended. Contains whether its entries will be restored.
    NotSaved(bool),
    /// A page with this name was opened.
    PageRequested(&'static str),
}

impl Reason {
    const NAMES: [(&str, &str); 6] = [
        (paths::USERS, "Users"),
        (paths::INVITES, "Invites"),
        (paths::ALL_TOKENS, "All tokens"),
        (paths::AUDIT, "Audit log"),
        (paths::TOKENS, "Tokens"),
        (paths::ACCOUNT, "Account"),
    ];

    fn of(headers: &HeaderMap, site: &Site, next: &LocalPath) -> Self {
        if let Some(draft) = Draft::of_page(headers, site, next.as_str())
            && draft.why() == Why::SessionEnded
        {
            return Self::NotSaved(draft.has_entries());
        }
        let mut names = Self::NAMES.iter();
        let name = names.find(|(path, _)| next.as_str().starts_with(path));
        Self::PageRequested(name.map_or("the page you asked for", |(_, name)| name))
    }
}

pub(super) async fn show(
    visitor: Visitor,
    query: Query,
    headers: HeaderMap,
    JustDone(done): JustDone,
) -> PageResult {
    let next = LocalPath::parse(query.get("next"));
    if visitor.principal.is_some() {
        return Ok(redirect(next.as_ref().map_or(HOME, LocalPath::as_str)));
    }
    let is_new = !visitor.site.has_users(&visitor.users).await;
    let page = Page {
        done,
        ..Page::plain(&visitor.site)
    };
    let template = SignInPage {
        is_new,
        ..SignInPage::of(page, &visitor, &headers, next.as_ref())
    };
    html(StatusCode::OK, &template)
}

pub(super) async fn submit(
    anyone: Anyone,
    headers: HeaderMap,
    context: Context,
    form: Form,
) -> PageResult {
    let next = LocalPath::parse(form.get("next"));
    let email = form.get("email");
    let reject = |status, error: String| {
        let page = Page::plain(&anyone.site);
        let template = SignInPage {
            email: form.shown("email"),
            error: (!error.is_empty()).then_some(error),
            ..SignInPage::of(page, &anyone, &headers, next.as_ref())
        };
        html(status, &template)
    };
    if anyone.site.transport == Transport::Readable {
        return reject(StatusCode::FORBIDDEN, String::new());
    }
    let wrong = || reject(StatusCode::UNPROCESSABLE_ENTITY, WRONG.to_owned());
    // Malformed input gets the same response as a wrong password.
    let (Ok(address), Ok(password)) = (Email::parse(email), form.password("password")) else {
        return wrong();
    };
    let sessions = &anyone.sessions;
    let client = client_name(&headers);
    let signed_in = sessions.sign_in(&address, &password, client, &context);
    match signed_in.await {
        Ok(signed_in) => {
            let path = next.as_ref().map_or(HOME, LocalPath::as_str);
            enter(&anyone, &signed_in, redirect(path))
        }
        Err(SignInError::Rejected) => wrong(),
        Err(SignInError::Suspended) => reject(
            StatusCode::FORBIDDEN,
            "This account is suspended. Contact an administrator.".to_owned(),
        ),
        Err(SignInError::RateLimited(throttled)) => {
            let seconds = throttled.retry_after_seconds;
            let wait = at_least(u64::from(seconds).max(60));
            let text = format!("Too many attempts. Try again in {wait}.");
            let mut response = reject(StatusCode::TOO_MANY_REQUESTS, text)?;
            let value = HeaderValue::from(seconds);
            response.headers_mut().insert(header::RETRY_AFTER, value);
            Ok(response)
        }
        Err(SignInError::Hash(error)) => Err(Problem::from(error).into()),
        Err(SignInError::Entropy(error)) => Err(Problem::from(error).into()),
        Err(SignInError::Store(error)) => Err(Problem::from(error).into()),
    }
}

pub(super) async fn sign_out(person: Person) -> PageResult {
    person
        .sessions
        .sign_out(&person.principal, &person.context)
        .await?;
    Ok(leave(&person, Done::SignedOut))
}

/// Adds the cookies of a new session to a redirect.
pub(super) fn enter(web: &Web, signed_in: &SignedIn, mut to: Response) -> PageResult {
    let transport = web.site.transport;
    let session = cookie::set(transport, &signed_in.secret);
    let user = cookie::set_user(transport, signed_in.session.user);
    for cookie in [session, user] {
        let cookie = cookie.ok_or(WebError::of(Code::Internal))?;
        to.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(to)
}

/// Clears the session cookie and redirects to the sign-in page.
pub(super) fn leave(web: &Web, done: Done) -> Response {
    let mut response = done.on(&web.site, "/sign-in");
    if let Some(clear) = cookie::clear(web.site.transport) {
        response.headers_mut().append(header::SET_COOKIE, clear);
    }
    response
}

pub(super) fn client_name(headers: &HeaderMap) -> ClientName {
    let text = headers
        .get(header::USER_AGENT)
        .and_then(|value| value.to_str().ok());
    ClientName::sanitize(text.unwrap_or_default())
}
