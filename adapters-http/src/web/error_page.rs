//! The pages of errors, and their texts.

use askama::Template;
use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use http::uri::PathAndQuery;
use http::{HeaderValue, Method, StatusCode, header};
use openindex_domain::duration::at_least;

use crate::server::{Code, Problem};

use super::done::Done;
use super::draft::{self, Why};
use super::error::{DamagedRow, Reason, WebError};
use super::form::{Form, Sender};
use super::local_path::LocalPath;
use super::page::{Ends, Page, ends, html};
use super::query::Query;
use super::routes::{is_page, page_of};
use super::site::{Site, Web, redirect};
use super::{cookie, paths};

impl DamagedRow {
    fn ends(self, base: &str) -> Ends {
        match self {
            Self::User(id) => ends(base, "users", "users", &id.to_string()),
            Self::OwnToken(id) => ends(base, "tokens", "tokens", &id.to_string()),
            Self::Token(id) => ends(base, "all-tokens", "tokens", &id.to_string()),
        }
    }
}

/// Shown when the subject of a form no longer exists, which is usual when it is sent twice.
const SENT_TWICE: (&str, &str) = (
    "Not found",
    "What you’re looking for no longer exists. If you already submitted this form, your change \
     was made.",
);

/// A list whose entries have pages below its path: what such a page says if there is no entry.
struct List {
    path: &'static str,
    /// The navigation entry.
    entry: &'static str,
    title: &'static str,
    text: &'static str,
    back: &'static str,
}

const LISTS: [List; 6] = [
    List {
        path: paths::TOKENS,
        entry: "tokens",
        title: "Token not found",
        text: "This token was deleted or never existed.",
        back: "Back to tokens",
    },
    List {
        path: paths::RUNS,
        entry: "agent-runs",
        title: "Agent run not found",
        text: "This agent run never existed, or it ended long ago and was removed.",
        back: "Back to agent runs",
    },
    List {
        path: paths::WORK_ITEMS,
        entry: "work",
        title: "Work item not found",
        text: "This work item was deleted or never existed.",
        back: "Back to work items",
    },
    List {
        path: paths::USERS,
        entry: "users",
        title: "User not found",
        text: "This user was deleted or never existed.",
        back: "Back to users",
    },
    List {
        path: paths::INVITES,
        entry: "invites",
        title: "Invite not found",
        text: "This invite was already used or withdrawn, or it never existed.",
        back: "Back to invites",
    },
    List {
        path: paths::ALL_TOKENS,
        entry: "all-tokens",
        title: "Token not found",
        text: "This token was revoked or never existed.",
        back: "Back to all tokens",
    },
];

impl List {
    /// Returns the list of a page that shows or changes an entry.
    fn of(page: &str, web: &Web) -> Option<&'static Self> {
        let is_below = |list: &&Self| {
            let rest = page.strip_prefix(list.path);
            rest.is_some_and(|rest| rest.starts_with('/'))
        };
        let list = LISTS.iter().find(is_below).filter(|_| is_page(page));
        list.filter(|list| list.entry != "work" || web.work_items.is_some())
    }
}

impl WebError {
    /// Renders the page, with the user's navigation if the user is known.
    pub(super) fn into_page(self, web: &Web, failed: &FailedRequest, sender: &Sender) -> Response {
        let (site, user) = (&web.site, sender.user());
        if self.reason == Reason::SignIn {
            return failed.to_sign_in(site, &Form::default());
        }
        let list = match self.reason {
            Reason::Problem(Code::NotFound) if user.is_some() => List::of(failed.page(), web),
            _ => None,
        };
        let (title, text) = match (self.reason, list) {
            (Reason::Problem(Code::NotFound), _) if failed.method == Method::POST => SENT_TWICE,
            (_, Some(list)) => (list.title, list.text),
            _ => self.words(),
        };
        let entry = list.map_or("", |list| list.entry);
        let template = ErrorPage {
            page: user.map_or_else(|| Page::plain(site), |user| Page::framed(web, user, entry)),
            status: self.status().as_u16(),
            title,
            text,
            address: (self.reason == Reason::OtherAddress)
                .then(|| format!("{}{}", site.origin, site.base)),
            wait: self.retry_after.map(|seconds| at_least(seconds.into())),
            ends: match self.reason {
                Reason::Damaged(row) => row.ends(&site.base),
                _ => Ends::new(),
            },
            back: list.map_or_else(
                || failed.way_back(user.is_some()),
                |list| (list.path.to_owned(), list.back),
            ),
        };
        let mut response = html(self.status(), &template)
            .unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response());
        if let Some(seconds) = self.retry_after {
            let value = HeaderValue::from(seconds);
            response.headers_mut().insert(header::RETRY_AFTER, value);
        }
        if self.is_to_be_retried()
            && let (Some(sent), Some(on)) = (sender.form(), failed.next())
        {
            draft::store(&mut response, site, &failed.user, &on, sent, Why::Failed);
        }
        response
    }

    /// Returns the problem for a program, or `None` for an error that concerns only browsers.
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
            Reason::WrongHost => {
                return (
                    "This server accepts local connections only",
                    "You opened this server under a different host name. If you operate it, set \
                     --public-url https://… to its public address so that users can sign in \
                     securely.",
                );
            }
            Reason::OtherAddress => {
                return (
                    "This page is at another address",
                    "You opened this server at an address other than its public URL, so nothing \
                     was changed. Use the address below. If that address is wrong, an operator can \
                     correct it with --public-url.",
                );
            }
            Reason::StaleForm => {
                return (
                    "This page is out of date",
                    "You opened it more than a day ago, so nothing was created. Go back, \
                     reload the page and submit the form again.",
                );
            }
            Reason::Damaged(DamagedRow::User(_)) => {
                return (
                    "This user’s data is damaged",
                    "Their database row can’t be read, so their tokens and browser sessions are \
                     rejected. Suspend or delete the user, or ask an operator to restore the row \
                     from a backup. The server log names the column.",
                );
            }
            Reason::Damaged(DamagedRow::OwnToken(_) | DamagedRow::Token(_)) => {
                return (
                    "This token’s data is damaged",
                    "Its database row can’t be read, so it is rejected. Delete the token and \
                     create a new one.",
                );
            }
            Reason::SignIn | Reason::CrossSite => {
                return (
                    "Request blocked",
                    "The request came from another site, or your browser didn’t say where it came \
                     from. Nothing was changed. If you submitted this form yourself, reopen its \
                     page and submit it again. \
                     If you operate this server, check that the proxy forwards the Origin header \
                     and that --public-url matches the address in the browser.",
                );
            }
        };
        code_words(code)
    }
}

/// Returns the title and text of a problem's page.
const fn code_words(code: Code) -> (&'static str, &'static str) {
    match code {
        Code::NotFound => ("Page not found", "This page doesn’t exist or was removed."),
        Code::InsufficientScope | Code::HumanTokenRequired => (
            "Administrators only",
            "You don’t have access to this page. If you need it, ask an administrator.",
        ),
        Code::RateLimited => ("Too many attempts", "Nothing was changed."),
        Code::Unavailable => (
            "Temporarily unavailable",
            "The server can’t handle this request right now. If you submitted a form, check \
             whether the change was made before you submit it again.",
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
            "The new token has the same name, and its value was shown once. If you didn’t copy \
             it, rotate the new token.",
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
            "Too many tokens created",
            "You’ve reached the limit for tokens created within 24 hours, including deleted ones.",
        ),
        Code::BodyTooLarge => (
            "Request too large",
            "The form is too long, so nothing was changed. Go back, shorten the longest \
             field and submit it again.",
        ),
        Code::UnsupportedMediaType | Code::InvalidRequest | Code::InvalidField => (
            "Invalid request",
            "The form was incomplete or malformed, so nothing was changed. Go back and try \
                 again.",
        ),
        Code::PreconditionFailed => (
            "Precondition failed",
            "Your request depended on a condition that isn’t met. Nothing was changed. Go back, \
             reload the page and try again.",
        ),
        Code::MethodNotAllowed => (
            "Method not allowed",
            "This address doesn’t support that kind of request. Go back and try again.",
        ),
        _ => (
            "Something went wrong",
            "The server hit an internal error. If it keeps happening, tell the operator \
             when it happened; the server log has the details.",
        ),
    }
}

/// The request that failed.
pub(super) struct FailedRequest {
    pub(super) method: Method,
    pub(super) path: String,
    /// The path with the query.
    target: String,
    /// The request has a session cookie, valid or not.
    has_cookie: bool,
    /// The ID of the user who signed in last in this browser; empty if unknown.
    user: String,
}

impl FailedRequest {
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

    /// Returns the path of the requested page, or of the form's.
    fn page(&self) -> &str {
        match self.method {
            Method::POST => page_of(&self.path),
            _ => &self.path,
        }
    }

    /// Returns the page to open after sign-in: the requested one, or the form's.
    fn next(&self) -> Option<LocalPath> {
        LocalPath::parse(match self.method {
            Method::POST => page_of(&self.path),
            _ => &self.target,
        })
    }

    /// Redirects to the sign-in page, and afterwards back to the page. A form's page restores what
    /// was `sent`.
    pub(super) fn to_sign_in(&self, site: &Site, sent: &Form) -> Response {
        let (is_form, next) = (self.method == Method::POST, self.next());
        let path = next.as_ref().map_or("", LocalPath::as_str);
        let path = Query::default().with("next", path).on("/sign-in");
        let mut response = match next {
            Some(next) if is_form => {
                let mut response = redirect(&path);
                draft::store(
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

    /// Returns the path and label of the back link: the form's page, or the home page.
    fn way_back(&self, is_signed_in: bool) -> (String, &'static str) {
        if self.method == Method::POST {
            return (self.page().to_owned(), "Go back");
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
    /// The public URL, if the page was opened at another address.
    address: Option<String>,
    wait: Option<String>,
    /// Buttons to revoke or delete a damaged row.
    ends: Ends,
    /// The path and label of the back link.
    back: (String, &'static str),
}
