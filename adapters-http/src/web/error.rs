//! What a page cannot be shown for. Statuses come from the one mapping of the domain's errors to
//! problems; the words here are for people.

use askama::Template;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use openindex_domain::StoreError;
use openindex_domain::token::TokenId;
use openindex_domain::user::UserId;

use crate::server::{Code, Problem};

use super::cookie;
use super::local_path::LocalPath;
use super::page::{Ends, Page, ends, html};
use super::query::Query;
use super::site::{Site, redirect};
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

    /// The page, for a request of `wanted` (the path and query of a page, where it was one).
    pub(super) fn into_page(
        self,
        site: &Site,
        wanted: Option<&str>,
        stale_cookie: bool,
    ) -> Response {
        if self.reason == Reason::SignIn {
            let next = wanted.and_then(LocalPath::parse);
            let next = next.as_ref().map_or("", LocalPath::as_str);
            let mut response = redirect(&Query::default().with("next", next).on("/sign-in"));
            if stale_cookie && let Some(clear) = cookie::clear(site.transport) {
                response.headers_mut().insert(header::SET_COOKIE, clear);
            }
            return response;
        }
        let (title, text) = self.words();
        let template = ErrorPage {
            page: Page::plain(site),
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
        };
        let mut response = html(self.status(), &template)
            .unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response());
        if let Some(seconds) = self.retry_after {
            let value = HeaderValue::from(seconds);
            response.headers_mut().insert(header::RETRY_AFTER, value);
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
                    "This server is for its own machine",
                    "It was reached by another name. Whoever runs it: say where people find it, with --public-url https://…, so that they can sign in safely.",
                );
            }
            Reason::OtherAddress => {
                return (
                    "This page is at another address",
                    "You opened this server at an address that is not its public URL, so nothing was changed. Open it at the address below. If that address is wrong, an operator sets the right one with --public-url.",
                );
            }
            Reason::StaleForm => {
                return (
                    "This page is out of date",
                    "It was opened more than a day ago, so nothing was created. Open the page again and send the form from there.",
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
                    "That came from another site",
                    "A page of another site sent this form, or the browser did not say which page did, so nothing was changed. If it was you, open the page here and send it again. With a proxy in front of the server, make sure that it passes on the header Origin, and that --public-url is the address in the browser.",
                );
            }
        };
        match code {
            Code::NotFound => (
                "There is nothing here",
                "What you are looking for does not exist, or not any more.",
            ),
            Code::InsufficientScope | Code::HumanTokenRequired => (
                "For administrators only",
                "Your account may not open this page. Ask an administrator if it should.",
            ),
            Code::RateLimited => (
                "Too many attempts",
                "To keep guessing from paying off, this is limited.",
            ),
            Code::Unavailable => (
                "Not available right now",
                "The server cannot do this at the moment. If you sent a form, look whether it took effect before you send it again.",
            ),
            Code::LastAdmin => (
                "The last administrator stays one",
                "This is the last active administrator. Make somebody else an administrator first.",
            ),
            Code::OwnAccount => (
                "You cannot delete your own account",
                "Ask another administrator to delete it.",
            ),
            Code::TokenAlreadyRotated => (
                "This token was rotated already",
                "It has a successor, which has the same name. Rotate the successor instead.",
            ),
            Code::TokenNotLive => (
                "This token has expired",
                "An expired token cannot be rotated. Create a new one instead.",
            ),
            Code::TokenLimitReached => (
                "You have as many tokens as you may",
                "Delete one that you no longer need, then try again.",
            ),
            Code::IssueRateReached => (
                "Too many tokens were created",
                "Your account has created as many tokens as allowed within 24 hours, deleted ones included. Try again later.",
            ),
            Code::BodyTooLarge => ("That was too much", "The form was larger than 64 KiB."),
            Code::UnsupportedMediaType | Code::InvalidRequest | Code::InvalidField => (
                "That could not be read",
                "The form did not arrive as this page sends it. Open the page again and repeat it.",
            ),
            Code::PreconditionFailed => (
                "Nothing was changed",
                "A condition of the request was not met. Open the page again and repeat it.",
            ),
            Code::MethodNotAllowed => (
                "Not like that",
                "This address does not answer that kind of request. Open it from the page that leads to it.",
            ),
            _ => (
                "Something went wrong",
                "That is a fault of this server. It was logged; an operator can find it by the time and the request's id.",
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
}
