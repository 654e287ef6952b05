//! What a page cannot be shown for. Statuses come from the one mapping of the domain's errors to
//! problems; the words here are for people.

use askama::Template;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::uri::PathAndQuery;
use http::{HeaderValue, Method, StatusCode, header};
use openindex_domain::StoreError;
use openindex_domain::token::TokenId;
use openindex_domain::user::UserId;

use crate::server::{Code, Problem};

use super::access::Sender;
use super::cookie;
use super::done::Done;
use super::draft::{self, Why};
use super::form::Form;
use super::local_path::LocalPath;
use super::page::{Ends, Page, ends, html};
use super::query::Query;
use super::routes::page_of;
use super::site::{Site, Web, redirect};
use super::view::duration;

/// Why there is no page. It travels as an extension of a bare response; [`super::protection`]
/// makes a page of it, which knows where it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct WebError {
    reason: Reason,
    retry_after: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reason {
    /// Nobody is signed in.
    SignIn,
    /// Another site's page sent the form.
    CrossSite,
    /// A page of this server sent the form, which was opened at another address.
    OtherAddress,
    /// The server is for its own machine, and was reached by another name.
    Elsewhere,
    /// A form that creates something has no id, or was shown too long ago.
    StaleForm,
    /// What the page is about cannot be read.
    Damaged(DamagedRow),
    Problem(Code),
}

/// A row that a page is about, as far as ending it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DamagedRow {
    /// A user, for an administrator.
    User(UserId),
    /// A token of the signed-in user.
    OwnToken(TokenId),
    /// Any token, for an administrator.
    Token(TokenId),
}

impl DamagedRow {
    fn ends(self, base: &str) -> Ends {
        match self {
            Self::User(id) => ends(base, "users", "users", &id.to_string()),
            Self::OwnToken(id) => ends(base, "tokens", "tokens", &id.to_string()),
            Self::Token(id) => ends(base, "all-tokens", "tokens", &id.to_string()),
        }
    }
}

/// For a form about something that is gone: sent a second time, it finds what the first time did.
const SENT_TWICE: (&str, &str) = (
    "Not found",
    "What this form is about no longer exists. If you sent the form before, it took effect then.",
);

impl WebError {
    /// Nobody is signed in: to the sign-in, and back afterwards.
    pub(super) const SIGN_IN: Self = Self {
        reason: Reason::SignIn,
        retry_after: None,
    };
    /// Another site's page sent the form.
    pub(super) const CROSS_SITE: Self = Self {
        reason: Reason::CrossSite,
        retry_after: None,
    };
    /// A page of this server sent the form, which was opened at another address.
    pub(super) const OTHER_ADDRESS: Self = Self {
        reason: Reason::OtherAddress,
        retry_after: None,
    };
    /// The server is for its own machine, and was reached by another name.
    pub(super) const ELSEWHERE: Self = Self {
        reason: Reason::Elsewhere,
        retry_after: None,
    };
    /// A form that creates something has no id, or was shown too long ago.
    pub(super) const STALE_FORM: Self = Self {
        reason: Reason::StaleForm,
        retry_after: None,
    };
    /// The row of what the page is about is damaged: the page ends it.
    pub(super) const fn damaged(row: DamagedRow) -> Self {
        Self {
            reason: Reason::Damaged(row),
            retry_after: None,
        }
    }

    /// The same where that is what a store says, and its error otherwise.
    pub(super) fn of_row(error: StoreError, row: DamagedRow) -> Self {
        match error.into_damaged() {
            Ok(_) => Self::damaged(row),
            Err(error) => error.into(),
        }
    }

    pub(super) const NOT_FOUND: Self = Self::of(Code::NotFound);

    pub(super) const fn of(code: Code) -> Self {
        Self {
            reason: Reason::Problem(code),
            retry_after: None,
        }
    }

    fn status(self) -> StatusCode {
        match self.reason {
            Reason::SignIn => StatusCode::SEE_OTHER,
            Reason::CrossSite | Reason::OtherAddress => StatusCode::FORBIDDEN,
            Reason::Elsewhere => StatusCode::MISDIRECTED_REQUEST,
            Reason::StaleForm => StatusCode::UNPROCESSABLE_ENTITY,
            // The page that was asked for, with what is left of it.
            Reason::Damaged(_) => StatusCode::OK,
            Reason::Problem(code) => code.status(),
        }
    }

    /// Returns whether the same form may be carried out later, so that its entries are worth keeping.
    const fn is_to_be_retried(self) -> bool {
        matches!(
            self.reason,
            Reason::StaleForm
                | Reason::Problem(
                    Code::Unavailable | Code::RateLimited | Code::CreationRateReached
                )
        )
    }

    /// Returns whether the store can be asked who sent the request.
    pub(super) const fn leaves_store(self) -> bool {
        !matches!(
            self.reason,
            Reason::SignIn | Reason::Elsewhere | Reason::Problem(Code::Unavailable)
        )
    }

    /// The page, in the frame of the user if it is known who they are.
    pub(super) fn into_page(self, web: &Web, asked: &Asked, sender: &Sender) -> Response {
        let (site, user) = (&web.site, sender.user());
        if self.reason == Reason::SignIn {
            return asked.to_sign_in(site, &Form::default());
        }
        let (title, text) = match self.reason {
            Reason::Problem(Code::NotFound) if asked.method == Method::POST => SENT_TWICE,
            _ => self.words(),
        };
        let template = ErrorPage {
            page: user.map_or_else(|| Page::plain(site), |user| Page::framed(web, user, "")),
            status: self.status().as_u16(),
            title,
            text,
            address: (self.reason == Reason::OtherAddress)
                .then(|| format!("{}{}", site.origin, site.base)),
            wait: self.retry_after.map(|seconds| duration(seconds.into())),
            ends: match self.reason {
                Reason::Damaged(row) => row.ends(&site.base),
                _ => Ends::new(),
            },
            back: asked.way_back(user.is_some()),
        };
        let mut response = html(self.status(), &template)
            .unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response());
        if let Some(seconds) = self.retry_after {
            let value = HeaderValue::from(seconds);
            response.headers_mut().insert(header::RETRY_AFTER, value);
        }
        if self.is_to_be_retried()
            && let (Some(sent), Some(on)) = (sender.form(), asked.next())
        {
            draft::carry(&mut response, site, &asked.user, &on, sent, Why::Failed);
        }
        response
    }

    /// The same for a program; `None` for what concerns browsers alone.
    pub(super) fn into_problem(self) -> Option<Response> {
        let Reason::Problem(code) = self.reason else {
            return None;
        };
        let mut response = Problem::new(code, self.words().1).into_response();
        if let Some(seconds) = self.retry_after {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, seconds.into());
        }
        Some(response)
    }

    const fn words(self) -> (&'static str, &'static str) {
        let code = match self.reason {
            Reason::Problem(code) => code,
            Reason::Elsewhere => {
                return (
                    "This server is for its own machine only",
                    "You opened it by another name. If you operate it, set its public address with --public-url https://…, so that users can sign in safely.",
                );
            }
            Reason::OtherAddress => {
                return (
                    "This page is at another address",
                    "You opened this server at an address that is not its public URL, so nothing was changed. Open it at the address below. If that address is wrong, an operator can correct it with --public-url.",
                );
            }
            Reason::StaleForm => {
                return (
                    "This page is out of date",
                    "You opened it more than a day ago, so nothing was created. Open the page again and send the form from there.",
                );
            }
            Reason::Damaged(DamagedRow::User(_)) => {
                return (
                    "This user is damaged",
                    "Their row in the database cannot be read, so none of their tokens and browser sessions is accepted. Suspend or delete the user, or ask an operator to restore the row from a backup. The server's log names the column.",
                );
            }
            Reason::Damaged(DamagedRow::OwnToken(_) | DamagedRow::Token(_)) => {
                return (
                    "This token is damaged",
                    "Its row in the database cannot be read, so it is not accepted. Delete the token and create another.",
                );
            }
            Reason::SignIn | Reason::CrossSite => {
                return (
                    "Request blocked",
                    "It came from another site, or your browser did not say where it came from. Nothing was changed. If you sent the form, open its page here and send it again. An operator checks that the proxy in front of the server passes on the Origin header, and that --public-url is the address in the browser.",
                );
            }
        };
        match code {
            Code::NotFound => ("Page not found", "This page doesn’t exist or was removed."),
            Code::InsufficientScope | Code::HumanTokenRequired => (
                "Administrators only",
                "You don’t have access. Ask an administrator if you need it.",
            ),
            Code::RateLimited => ("Too many attempts", "Nothing was changed."),
            Code::Unavailable => (
                "Not available right now",
                "The server can’t do this at the moment. If you sent a form, check whether it took effect before you send it again.",
            ),
            Code::LastAdmin => (
                "You can’t remove the last administrator",
                "This is the last active administrator. Make another user an administrator first.",
            ),
            Code::OwnAccount => (
                "You can’t delete your own account",
                "Ask another administrator to delete it.",
            ),
            Code::TokenAlreadyRotated => (
                "This token has already been rotated",
                "Its successor has the same name, and its value was shown once. If you did not copy it, rotate the successor.",
            ),
            Code::TokenNotLive => (
                "This token has expired",
                "An expired token can’t be rotated. Create a new one instead.",
            ),
            Code::TokenLimitReached => (
                "Token limit reached",
                "Delete a token you no longer need, then try again.",
            ),
            Code::CreationRateReached => (
                "Too many tokens were created",
                "Your account has created as many tokens as allowed within 24 hours, deleted ones included. Try again later.",
            ),
            Code::BodyTooLarge => (
                "Request too large",
                "The form is too long, so nothing was changed. Go back, shorten the longest text and send it again.",
            ),
            Code::UnsupportedMediaType | Code::InvalidRequest | Code::InvalidField => (
                "Invalid request",
                "The form did not arrive as its page sends it, so nothing was changed. Open the page again and retry.",
            ),
            Code::PreconditionFailed => (
                "Nothing was changed",
                "A condition of the request was not met. Open the page again and retry.",
            ),
            Code::MethodNotAllowed => (
                "Method not allowed",
                "This address doesn’t support that kind of request. Open it from the page that leads to it.",
            ),
            _ => (
                "Something went wrong",
                "This is a fault of the server. It was logged: an operator can find it by the time and the request’s ID.",
            ),
        }
    }
}

/// The one mapping of errors to statuses is that of the API; a page has no challenge, so a 401
/// leads to the sign-in.
impl<E: Into<Problem>> From<E> for WebError {
    fn from(error: E) -> Self {
        let problem: Problem = error.into();
        let code = problem.code();
        if code.status() == StatusCode::UNAUTHORIZED {
            return Self::SIGN_IN;
        }
        let retry_after = problem
            .into_response()
            .headers()
            .get(header::RETRY_AFTER)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.parse().ok());
        Self {
            reason: Reason::Problem(code),
            retry_after,
        }
    }
}

impl IntoResponse for WebError {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// What was asked for.
pub(super) struct Asked {
    pub(super) method: Method,
    pub(super) path: String,
    /// The path and its query.
    target: String,
    /// The browser presents a session, live or not.
    has_cookie: bool,
    /// The id of the user who signed in last in this browser; empty when there is none.
    user: String,
}

impl Asked {
    pub(super) fn of(request: &Request, site: &Site) -> Self {
        let uri = request.uri();
        let target = uri.path_and_query().map_or("", PathAndQuery::as_str);
        Self {
            method: request.method().clone(),
            path: uri.path().to_owned(),
            target: target.to_owned(),
            user: cookie::presented(request.headers(), site.transport, cookie::USER)
                .unwrap_or_default()
                .to_owned(),
            has_cookie: cookie::is_presented(request.headers(), site.transport, cookie::SESSION),
        }
    }

    /// Returns where to go on after a sign-in: to the page, or to that of the form.
    fn next(&self) -> Option<LocalPath> {
        LocalPath::parse(match self.method {
            Method::POST => page_of(&self.path),
            _ => &self.target,
        })
    }

    /// Sends the browser to the sign-in, and back afterwards: to the page, or to that of the form, which
    /// gets what was `sent`.
    pub(super) fn to_sign_in(&self, site: &Site, sent: &Form) -> Response {
        let (is_form, next) = (self.method == Method::POST, self.next());
        let path = next.as_ref().map_or("", LocalPath::as_str);
        let path = Query::default().with("next", path).on("/sign-in");
        let mut response = match next {
            Some(next) if is_form => {
                let mut response = redirect(&path);
                draft::carry(
                    &mut response,
                    site,
                    &self.user,
                    &next,
                    sent,
                    Why::SessionEnded,
                );
                response
            }
            _ if self.has_cookie => Done::SignInAgain.on(site, &path),
            _ => redirect(&path),
        };
        if self.has_cookie
            && let Some(clear) = cookie::clear(site.transport)
        {
            response.headers_mut().append(header::SET_COOKIE, clear);
        }
        response
    }

    /// Where an error's page leads to: the page of a form, or the beginning.
    fn way_back(&self, is_signed_in: bool) -> (String, &'static str) {
        if self.method == Method::POST {
            return (page_of(&self.path).to_owned(), "Go back");
        }
        let label = if is_signed_in {
            "Back to settings"
        } else {
            "Sign in"
        };
        ("/".to_owned(), label)
    }
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage {
    page: Page,
    status: u16,
    title: &'static str,
    text: &'static str,
    /// Where the pages are.
    address: Option<String>,
    wait: Option<String>,
    /// What ends a damaged row.
    ends: Ends,
    /// A path, and what the link says.
    back: (String, &'static str),
}
