//! The confirmation of a change, shown once, on the page that follows.
//!
//! It is passed in a cookie rather than in the URL: links cannot forge it, a reload does not repeat
//! it, and it appears in no log.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
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
/// The browser follows the redirect immediately.
const MAX_AGE_SECONDS: i64 = 60;

macro_rules! done {
    ($($name:ident $code:literal $text:literal)*) => {
        /// A completed change. `{}` in its text stands for the name of what was changed.
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
    PasswordChanged "password-changed"
        "Your password was changed. All other browser sessions have ended."
    PasswordSet "password-set"
        "Your password was set, and you’re signed in. All other browser sessions have ended."
    SessionEnded "session-ended" "The browser session {} was ended."
    SignInAgain "session-over" "Your session has ended. Sign in to continue."
    SignedOut "signed-out" "You’re signed out."
    SignedOutEverywhere "signed-out-everywhere" "You’re signed out in every browser."
    Welcome "welcome" "Your account is ready, and you’re signed in."
    InviteWithdrawn "invite-withdrawn" "The invite for {} was withdrawn. Its link no longer works."
    UserSuspended "user-suspended"
        "{} was suspended. Their tokens and browser sessions no longer work."
    UserUnsuspended "user-unsuspended" "{} was unsuspended. Their active tokens work again."
    UserDeleted "user-deleted" "{} was deleted. The email address can be invited again."
    EmailChanged "email-changed"
        "The email address of {} was changed. The previous address can no longer be used to sign \
         in."
    EmailUnchanged "email-unchanged" "The email address of {} is unchanged."
    RunEnded "run-ended" "The run of agent {} was ended. Its token no longer works."
    RunsEnded "runs-ended" "{} ended."
    NoRunsEnded "no-runs-ended" "No agent runs were ended: they had all ended already."
    ItemCreated "item-created" "Work item {} was created."
    ItemChanged "item-changed" "Work item {} was updated."
    ItemClaimed "item-claimed" "Work item {} was claimed."
    ItemReleased "item-released" "Work item {} was released."
    ItemCompleted "item-completed" "Work item {} was completed."
    ItemDeleted "item-deleted" "Work item {} was deleted."
    RoleChanged "role-changed"
        "{}’s role was changed. The new role applies to existing tokens, too."
}

/// The confirmation that a page shows.
#[derive(Debug, Clone)]
pub(super) struct Confirmation {
    /// `good` or `warn`: a class of the style sheet.
    pub(super) tone: &'static str,
    pub(super) before: &'static str,
    pub(super) about: Option<Shown>,
    pub(super) after: &'static str,
}

impl Done {
    /// Redirects to `path`, whose page shows the confirmation.
    pub(super) fn on(self, site: &Site, path: &str) -> Response {
        with(site, path, self.code())
    }

    /// Redirects to `path`, whose page shows the confirmation for `about`, a name or an address.
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

impl Confirmation {
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

/// The confirmation of the previous request, if there is one to show.
pub(super) struct JustDone(pub(super) Option<Confirmation>);

impl FromRequestParts<Web> for JustDone {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, Infallible> {
        Ok(Self(Confirmation::of(&parts.headers, &web.site)))
    }
}

/// Returns whether the request has a confirmation to show.
pub(super) fn is_pending(headers: &HeaderMap, site: &Site) -> bool {
    cookie::is_presented(headers, site.transport, COOKIE)
}

/// Clears the confirmation if the response is a page, which has shown it.
pub(super) fn clear_if_shown(response: &mut Response, site: &Site) {
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
    fn every_code_is_unique() {
        for done in Done::ALL {
            let same = Done::ALL.iter().filter(|other| other.code() == done.code());
            assert_eq!(same.count(), 1, "{done:?}");
            assert!(!done.code().contains('.'), "{done:?}");
        }
    }
}
