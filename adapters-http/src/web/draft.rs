//! Forms that were sent but not processed, because the session had ended or the server was
//! unavailable. The entries are restored for the user to review and send again.
//!
//! They are stored in a short-lived cookie rather than in the URL, so they appear in no log or
//! browser history. Passwords and tokens are never included.

use axum::response::Response;
use http::{HeaderMap, header};
use openindex_domain::user::UserId;

use super::cookie::{self, CookieName};
use super::form::{Form, ID_FIELD};
use super::local_path::LocalPath;
use super::site::Site;

const COOKIE: CookieName = CookieName {
    secure: "__Host-openindex_draft",
    loopback: "openindex_draft",
};
/// The time allowed to sign in again: 15 minutes.
const MAX_AGE_SECONDS: i64 = 15 * 60;
/// Browsers reject cookies over 4,096 bytes, including name and attributes.
const MAX_BYTES: usize = 3_500;
/// Names of metadata: no form has a field with an empty name or one in parentheses.
const PAGE: &str = "";
const USER: &str = "(user)";
const CUT: &str = "(cut)";
const FAILED: &str = "(failed)";

/// Why a form was not processed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    SessionEnded,
    /// A temporary error; see [`WebError::is_to_be_retried`](super::error::WebError).
    Failed,
}

/// A form that was not processed.
pub(super) struct Draft {
    /// The path of the form's page.
    page: String,
    pub(super) form: Form,
}

impl Draft {
    /// Returns the stored draft, if any.
    pub(super) fn of(headers: &HeaderMap, site: &Site) -> Option<Self> {
        let form = Form::parse(cookie::presented(headers, site.transport, COOKIE)?.as_bytes())?;
        let page = form.get(PAGE).to_owned();
        (!page.is_empty()).then_some(Self { page, form })
    }

    /// Returns whether this user sent it.
    pub(super) fn is_of(&self, user: UserId) -> bool {
        self.form.get(USER).parse() == Ok(user)
    }

    /// Returns the stored draft if it belongs to this page.
    pub(super) fn of_page(headers: &HeaderMap, site: &Site, page: &str) -> Option<Self> {
        Self::of(headers, site).filter(|draft| draft.page == page)
    }

    pub(super) fn why(&self) -> Why {
        match self.form.get(FAILED) {
            "" => Why::SessionEnded,
            _ => Why::Failed,
        }
    }

    /// Returns whether some entries were too long to store.
    pub(super) fn is_cut(&self) -> bool {
        !self.form.get(CUT).is_empty()
    }

    /// Returns whether there are entries to restore.
    pub(super) fn has_entries(&self) -> bool {
        self.form.entries().next().is_some()
    }
}

/// Stores the form in the browser, for the page at `on`. The longest entries are dropped if the
/// cookie would be too large.
pub(super) fn store(
    response: &mut Response,
    site: &Site,
    user: &str,
    on: &LocalPath,
    sent: &Form,
    why: Why,
) {
    let mut entries: Vec<(&str, &str)> = sent.entries().collect();
    entries.sort_by_key(|(name, value)| name.len() + value.len());
    let mut pairs = vec![(PAGE, on.as_str()), (USER, user)];
    if why == Why::Failed {
        // Keeps the form's ID, so that sending it again creates at most one object.
        pairs.extend([(FAILED, "yes"), (ID_FIELD, sent.shown(ID_FIELD))]);
    }
    let needed = pairs.len();
    loop {
        let all = pairs.iter().chain(&entries);
        let value = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(all)
            .finish();
        if value.len() <= MAX_BYTES {
            append(response, site, &value, MAX_AGE_SECONDS);
            return;
        }
        if entries.pop().is_none() {
            return;
        }
        if pairs.len() == needed {
            pairs.push((CUT, "yes"));
        }
    }
}

/// Clears the draft, which the page has restored.
pub(super) fn drop(response: &mut Response, site: &Site) {
    append(response, site, "", 0);
}

fn append(response: &mut Response, site: &Site, value: &str, max_age: i64) {
    if let Some(cookie) = cookie::value(site.transport, COOKIE, value, max_age) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
}
