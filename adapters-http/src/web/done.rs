//! What was just done, said once, on the page that follows.
//!
//! It travels in a cookie of its own and not in the URL: a link cannot forge it, a reload does not
//! repeat it, and nothing of it is in a log.

use std::convert::Infallible;

use axum::extract::{FromRef, FromRequestParts};
use axum::response::Response;
use http::request::Parts;
use http::{HeaderMap, header};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::cookie::{self, CookieName};
use super::site::{Site, Web, redirect};
use super::view::Shown;

const COOKIE: CookieName = CookieName {
    secure: "__Host-openindex_done",
    loopback: "openindex_done",
};
/// The page that follows a redirect is opened at once.
const MAX_AGE_SECONDS: i64 = 60;

macro_rules! done {
    ($($name:ident $code:literal $text:literal)*) => {
        /// Something that was done; `{}` in its text stands for whom or what it was done to.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Done { $($name),* }

        impl Done {
            const ALL: &[Self] = &[$(Self::$name),*];

            const fn code(self) -> &'static str {
                match self { $(Self::$name => $code),* }
            }

            const fn text(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }
        }
    };
}

done! {
    TokenDeleted "token-deleted" "Token {} was deleted. It no longer works."
    TokenRevoked "token-revoked" "Token {} was revoked. It no longer works."
    OneTokenRevoked "one-token-revoked" "1 token was revoked. It no longer works."
    TokensRevoked "tokens-revoked" "{} were revoked. They no longer work."
    NameChanged "name-changed" "Your name is now {}."
    PasswordChanged "password-changed" "Your password was changed. All other browser sessions have ended."
    PasswordSet "password-set" "Your password was set, and you are signed in. All other browser sessions have ended."
    SessionEnded "session-ended" "The browser session {} was ended."
    SignInAgain "session-over" "Your session has ended. Sign in to continue."
    SignedOut "signed-out" "You are signed out."
    SignedOutEverywhere "signed-out-everywhere" "You are signed out in every browser."
    Welcome "welcome" "Your account is ready, and you are signed in."
    InviteWithdrawn "invite-withdrawn" "The invite for {} was withdrawn. Its link no longer works."
    UserSuspended "user-suspended" "{} was suspended. Their tokens and browser sessions no longer work."
    UserUnsuspended "user-unsuspended" "{} was reactivated."
    UserDeleted "user-deleted" "{} was deleted. The email address can be used again."
    EmailChanged "email-changed" "The email address of {} was changed. The previous address no longer signs in."
    EmailUnchanged "email-unchanged" "The email address of {} is unchanged."
    RunEnded "run-ended" "The agent run of {} was ended. Its token no longer works."
    RunsEnded "runs-ended" "{} ended. What they used no longer works."
    NoRunsEnded "no-runs-ended" "No agent run was ended: all of them had ended before."
    ItemCreated "item-created" "Work item {} was created."
    ItemChanged "item-changed" "Work item {} was saved."
    ItemClaimed "item-claimed" "Work item {} is claimed."
    ItemReleased "item-released" "Work item {} was released."
    ItemCompleted "item-completed" "Work item {} is done."
    ItemDeleted "item-deleted" "Work item {} was deleted."
    RoleChanged "role-changed" "The role of {} was changed. It applies to existing tokens as well."
}

/// What a page says was done.
#[derive(Debug, Clone)]
pub(super) struct Told {
    /// `good` or `warn`: a class of the style sheet.
    pub(super) tone: &'static str,
    pub(super) before: &'static str,
    pub(super) about: Option<Shown>,
    pub(super) after: &'static str,
}

impl Done {
    /// Sends the browser to `path`, where the page says what was done.
    pub(super) fn on(self, site: &Site, path: &str) -> Response {
        with(site, path, self.code())
    }

    /// The same for what was done to `about`, a name or an address.
    pub(super) fn to(self, site: &Site, path: &str, about: &str) -> Response {
        let about = utf8_percent_encode(about, NON_ALPHANUMERIC);
        with(site, path, &format!("{}.{about}", self.code()))
    }
}

fn with(site: &Site, path: &str, value: &str) -> Response {
    let mut response = redirect(path);
    if let Some(cookie) = cookie::value(site.transport, COOKIE, value, MAX_AGE_SECONDS) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

impl Told {
    fn of(headers: &HeaderMap, site: &Site) -> Option<Self> {
        let value = cookie::presented(headers, site.transport, COOKIE)?;
        let (code, about) = match value.split_once('.') {
            Some((code, about)) => (code, Some(percent_decode_str(about).decode_utf8().ok()?)),
            None => (value, None),
        };
        let done = Done::ALL.iter().find(|done| done.code() == code)?;
        let (before, after) = match (done.text().split_once("{}"), &about) {
            (Some(around), Some(_)) => around,
            (None, None) => (done.text(), ""),
            _ => return None,
        };
        let is_good = *done != Done::SignInAgain;
        Some(Self {
            tone: if is_good { "good" } else { "warn" },
            before,
            about: about.map(|about| Shown::of(&about)),
            after,
        })
    }
}

/// What was done by the request that led here, if the browser was told.
pub(super) struct JustDone(pub(super) Option<Told>);

impl<S> FromRequestParts<S> for JustDone
where
    S: Sync,
    Web: FromRef<S>,
{
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let web = Web::from_ref(state);
        Ok(Self(Told::of(&parts.headers, &web.site)))
    }
}

/// Whether the browser carries something to be said.
pub(super) fn is_pending(headers: &HeaderMap, site: &Site) -> bool {
    cookie::is_presented(headers, site.transport, COOKIE)
}

/// Takes it from the browser when the response is a page, which has said it.
pub(super) fn was_said(response: &mut Response, site: &Site) {
    let headers = response.headers_mut();
    let is_page = headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"text/html"));
    if is_page && let Some(clear) = cookie::value(site.transport, COOKIE, "", 0) {
        headers.append(header::SET_COOKIE, clear);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_found_by_its_own_code() {
        for done in Done::ALL {
            let same = Done::ALL.iter().filter(|other| other.code() == done.code());
            assert_eq!(same.count(), 1, "{done:?}");
            assert!(!done.code().contains('.'), "{done:?}");
        }
    }
}
