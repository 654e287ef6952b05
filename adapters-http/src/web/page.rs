//! What all pages share: the frame, and who is signed in.

use askama::Template;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderValue, StatusCode, header};
use openindex_domain::Listing;
use openindex_domain::clock::Timestamp;
use openindex_domain::user::Role;

use crate::server::{Code, to_wire};

use super::access::Person;
use super::assets;
use super::done::Told;
use super::error::WebError;
use super::site::{Site, Web};
use super::view::{Moment, Shown};

/// The frame of a page: what `base.html` and `settings.html` show.
pub(super) struct Page {
    /// What stands before every path.
    pub(super) base: String,
    pub(super) version: &'static str,
    pub(super) style: String,
    pub(super) script: String,
    pub(super) icon: String,
    pub(super) person: Option<PagePerson>,
    /// Whether this instance keeps work items.
    pub(super) has_work: bool,
    /// The entry of the navigation that this page belongs to.
    pub(super) current: &'static str,
    pub(super) notices: Vec<PageNotice>,
    /// Dismissing covers what came in up to here, in milliseconds since 1970.
    pub(super) notices_up_to: i64,
    /// Rows of the page's list that cannot be read.
    pub(super) damaged: Vec<PageDamaged>,
    /// What was just done, for the person to see that it was.
    pub(super) done: Option<Told>,
}

pub(super) struct PagePerson {
    pub(super) name: Shown,
    pub(super) email: Shown,
    pub(super) is_admin: bool,
}

pub(super) struct PageNotice {
    pub(super) token_name: Shown,
    pub(super) at: Moment,
}

pub(super) struct PageDamaged {
    pub(super) id: String,
    pub(super) column: String,
    /// Where a form ends it: the path, and what its button says.
    pub(super) end: Option<(String, &'static str)>,
}

impl Page {
    /// The frame for whoever it is.
    pub(super) fn plain(site: &Site) -> Self {
        let base = site.base.clone();
        Self {
            style: format!("{base}{}", assets::STYLE.path()),
            script: format!("{base}{}", assets::SCRIPT.path()),
            icon: format!("{base}{}", assets::ICON.path()),
            base,
            version: site.version,
            person: None,
            has_work: false,
            current: "",
            notices: Vec::new(),
            notices_up_to: 0,
            damaged: Vec::new(),
            done: None,
        }
    }

    /// The frame of the settings, for somebody who is signed in.
    pub(super) fn of(web: &Web, person: &Person, current: &'static str) -> Self {
        let now = web.api.tokens.now();
        let owner = person.principal.owner();
        let profile = owner.profile.as_ref();
        Self {
            person: Some(PagePerson {
                name: Shown::of(profile.map_or("", |profile| profile.name.as_str())),
                email: Shown::of(profile.map_or("", |profile| profile.email.as_str())),
                is_admin: owner.role == Role::Admin,
            }),
            has_work: web.api.work.is_some(),
            current,
            notices: person
                .notices
                .iter()
                .map(|notice| PageNotice {
                    token_name: Shown::of(notice.token_name.as_str()),
                    at: Moment::new(notice.at, now),
                })
                .collect(),
            done: person.done.clone(),
            notices_up_to: person
                .notices
                .first()
                .map_or(0, |notice| Timestamp::unix_millis(notice.at)),
            ..Self::plain(&web.site)
        }
    }

    /// The same, and it names the rows of its list that cannot be read.
    pub(super) fn with_damaged<T>(mut self, listing: &Listing<T>) -> Self {
        for row in to_wire::damaged(listing) {
            let (current, base, id) = (self.current, &self.base, row.id);
            let end = match (row.table.as_str(), current) {
                ("tokens", "all-tokens") => Some((
                    format!("{base}/settings/admin/tokens/{id}/revoke"),
                    "Revoke token",
                )),
                ("tokens", "tokens") => Some((
                    format!("{base}/settings/tokens/{id}/delete"),
                    "Delete token",
                )),
                ("tokens", "agent-runs") => Some((
                    format!("{base}/settings/agent-runs/{id}/end"),
                    "End agent run",
                )),
                ("invites", _) => Some((
                    format!("{base}/settings/admin/invites/{id}/withdraw"),
                    "Withdraw invite",
                )),
                _ => None,
            };
            let column = format!("{}.{}", row.table, row.column);
            self.damaged.push(PageDamaged { id, column, end });
        }
        self
    }
}

/// Renders a page. The layer around it adds what every page has.
pub(super) fn html(status: StatusCode, template: &impl Template) -> Result<Response, WebError> {
    let body = template.render().map_err(|error| {
        tracing::error!(%error, "a page could not be rendered");
        WebError::of(Code::Internal)
    })?;
    let content_type = HeaderValue::from_static("text/html; charset=utf-8");
    let mut response = (status, body).into_response();
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, content_type);
    Ok(response)
}
