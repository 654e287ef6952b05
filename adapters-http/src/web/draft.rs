//! What was sent and not carried out: the session had ended, or the server could not do it. Its entries
//! come back into the form, for the user to review and to send.
//!
//! They travel in a cookie of a few minutes and not in the URL, so that nothing of them is in a log or
//! in the history. Passwords and tokens are never among them.

use axum::response::Response;
use http::{HeaderMap, header};
use openindex_domain::user::UserId;

use super::cookie::{self, CookieName};
use super::form::Form;
use super::local_path::LocalPath;
use super::once;
use super::site::Site;

const COOKIE: CookieName = CookieName {
    secure: "__Host-openindex_draft",
    loopback: "openindex_draft",
};
/// As long as signing in may take: 15 minutes.
const MAX_AGE_SECONDS: i64 = 15 * 60;
/// A browser takes no cookie over 4,096 bytes, its name and attributes included.
const MAX_BYTES: usize = 3_500;
/// The names of what is no entry; a form has no field with an empty name or one in parentheses.
const PAGE: &str = "";
const USER: &str = "(user)";
const CUT: &str = "(cut)";
const FAILED: &str = "(failed)";

/// Why a form was not carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    SessionEnded,
    /// The server could not do it then; see [`WebError::is_to_be_retried`](super::error::WebError).
    Failed,
}

/// A form that was not carried out.
pub(super) struct Draft {
    /// The page to send it from.
    page: String,
    pub(super) form: Form,
}

impl Draft {
    /// Returns what the browser carries, if anything.
    pub(super) fn of(headers: &HeaderMap, site: &Site) -> Option<Self> {
        let form = Form::parse(cookie::presented(headers, site.transport, COOKIE)?.as_bytes())?;
        let page = form.get(PAGE).to_owned();
        (!page.is_empty()).then_some(Self { page, form })
    }

    /// Returns whether this user sent it.
    pub(super) fn is_of(&self, user: UserId) -> bool {
        self.form.get(USER).parse() == Ok(user)
    }

    /// Returns the same for one page.
    pub(super) fn of_page(headers: &HeaderMap, site: &Site, page: &str) -> Option<Self> {
        Self::of(headers, site).filter(|draft| draft.page == page)
    }

    pub(super) fn why(&self) -> Why {
        match self.form.get(FAILED) {
            "" => Why::SessionEnded,
            _ => Why::Failed,
        }
    }

    /// Returns whether some entries were too long to come back.
    pub(super) fn is_cut(&self) -> bool {
        !self.form.get(CUT).is_empty()
    }

    /// Returns whether entries come back.
    pub(super) fn has_entries(&self) -> bool {
        self.form.entries().next().is_some()
    }
}

/// Has the browser carry what was sent, for the page that it is `on`. Where it does not fit, the longest entries are left
/// out.
pub(super) fn carry(
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
        // With the id of the form: the same user sends it again, and it creates once.
        pairs.extend([(FAILED, "yes"), (once::FIELD, sent.shown(once::FIELD))]);
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

/// Takes it from the browser: the page has it.
pub(super) fn drop(response: &mut Response, site: &Site) {
    append(response, site, "", 0);
}

fn append(response: &mut Response, site: &Site, value: &str, max_age: i64) {
    if let Some(cookie) = cookie::value(site.transport, COOKIE, value, max_age) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
}
