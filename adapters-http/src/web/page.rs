//! The frame that all pages share.

use std::net::IpAddr;

use askama::Template;
use axum::response::IntoResponse as _;
use http::{HeaderValue, StatusCode, header};
use openindex_domain::Listing;
use openindex_domain::access::Principal;
use openindex_domain::clock::Timestamp;
use openindex_domain::user::{NoticeAbout, Role};

use crate::server::{Code, to_wire};

use super::access::Person;
use super::assets;
use super::done::Confirmation;
use super::draft::Why;
use super::error::{PageResult, WebError};
use super::site::{Site, Web};
use super::view::{Moment, Shown};

/// The frame of a page, for `base.html` and `settings.html`.
#[derive(Default)]
pub(super) struct Page {
    /// The path of the public URL, which prefixes every link; empty if it has none.
    pub(super) base: String,
    pub(super) version: &'static str,
    pub(super) style: String,
    pub(super) script: String,
    pub(super) icon: String,
    pub(super) person: Option<PagePerson>,
    /// Whether this instance has work items.
    pub(super) has_work: bool,
    /// The navigation entry of this page.
    pub(super) current: &'static str,
    pub(super) notices: Notices,
    /// The damaged rows of the page's list.
    pub(super) damaged: Vec<PageDamaged>,
    /// The parameters of the page's URL that were ignored because their values are invalid.
    pub(super) ignored: Vec<&'static str>,
    /// The confirmation of the previous request.
    pub(super) done: Option<Confirmation>,
    /// The page's form, if it was sent before and not processed.
    pub(super) draft: Option<PageDraft>,
}

pub(super) struct PageDraft {
    pub(super) failed: bool,
    pub(super) has_entries: bool,
    pub(super) is_cut: bool,
}

pub(super) struct PagePerson {
    pub(super) name: Shown,
    pub(super) email: Shown,
    pub(super) is_admin: bool,
}

/// The notices that a user has not dismissed, by what they are about.
#[derive(Default)]
pub(super) struct Notices {
    /// The names of leaked tokens, and when they were revoked.
    pub(super) leaks: Vec<(Shown, Moment)>,
    /// Where sign-in links were used from, and when.
    pub(super) used_links: Vec<(Option<IpAddr>, Moment)>,
    /// How many tokens administrators revoked, and when.
    pub(super) revocations: Vec<(u64, Moment)>,
    /// When administrators lifted suspensions.
    pub(super) unsuspended: Vec<Moment>,
    /// The time of the newest notice, in milliseconds since the Unix epoch. Later ones are not
    /// dismissed.
    pub(super) up_to: i64,
}

impl Notices {
    fn of(person: &Person) -> Self {
        let newest = person.notices.first();
        let mut all = Self {
            up_to: newest.map_or(0, |notice| Timestamp::unix_millis(notice.at)),
            ..Self::default()
        };
        for notice in &person.notices {
            let at = Moment::new(notice.at, person.now());
            match &notice.about {
                NoticeAbout::LeakedToken { name, .. } => {
                    all.leaks.push((Shown::of(name.as_str()), at));
                }
                NoticeAbout::UsedLink { from, .. } => all.used_links.push((*from, at)),
                NoticeAbout::RevokedTokens { count, .. } => all.revocations.push((*count, at)),
                NoticeAbout::Unsuspended { .. } => all.unsuspended.push(at),
            }
        }
        all
    }

    /// Returns the number of tokens that the notices about [`revocations`](Self::revocations) name.
    pub(super) fn revoked_tokens(&self) -> u64 {
        self.revocations.iter().map(|(count, _)| count).sum()
    }
}

/// Buttons that revoke, delete or end something: the path and label of each.
pub(super) type Ends = Vec<(String, &'static str)>;

/// Returns the buttons for a damaged row on a page of the navigation entry `current`.
pub(super) fn ends(base: &str, current: &str, table: &str, id: &str) -> Ends {
    let (path, actions): (_, &[(&str, &'static str)]) = match (table, current) {
        ("tokens", "all-tokens") => ("admin/tokens", &[("revoke", "Revoke token")]),
        ("tokens", "tokens") => ("tokens", &[("delete", "Delete token")]),
        ("tokens", "agent-runs") => ("agent-runs", &[("end", "End agent run")]),
        ("invites", _) => ("admin/invites", &[("withdraw", "Withdraw invite")]),
        ("users", _) => (
            "admin/users",
            &[("suspend", "Suspend user"), ("delete", "Delete user")],
        ),
        _ => return Ends::new(),
    };
    let actions = actions.iter();
    let ends = actions.map(|(end, label)| (format!("{base}/settings/{path}/{id}/{end}"), *label));
    ends.collect()
}

pub(super) struct PageDamaged {
    pub(super) id: String,
    pub(super) column: String,
    pub(super) ends: Ends,
}

impl Page {
    /// Returns the frame for any visitor.
    pub(super) fn plain(site: &Site) -> Self {
        let base = site.base.clone();
        Self {
            style: format!("{base}{}", assets::STYLE.path()),
            script: format!("{base}{}", assets::SCRIPT.path()),
            icon: format!("{base}{}", assets::ICON.path()),
            base,
            version: site.version,
            ..Self::default()
        }
    }

    /// Returns the frame for a signed-in user, without notices.
    pub(super) fn framed(web: &Web, user: &Principal, current: &'static str) -> Self {
        let owner = user.owner();
        let profile = owner.profile.as_ref();
        Self {
            person: Some(PagePerson {
                name: Shown::of(profile.map_or("", |profile| profile.name.as_str())),
                email: Shown::of(profile.map_or("", |profile| profile.email.as_str())),
                is_admin: owner.role == Role::Admin,
            }),
            has_work: web.work_items.is_some(),
            current,
            ..Self::plain(&web.site)
        }
    }

    /// Adds the damaged rows of the page's list.
    pub(super) fn with_damaged<T>(mut self, listing: &Listing<T>) -> Self {
        for row in to_wire::damaged(listing) {
            let ends = ends(&self.base, self.current, &row.table, &row.id);
            let column = format!("{}.{}", row.table, row.column);
            let id = row.id;
            self.damaged.push(PageDamaged { id, column, ends });
        }
        self
    }
}

impl Person {
    /// Returns the frame of a page with a list, with its damaged rows and the parameters without
    /// which it is shown.
    pub(super) fn list_page<T>(
        &self,
        current: &'static str,
        rows: &Listing<T>,
        ignored: Vec<&'static str>,
    ) -> Page {
        let page = self.page(current).with_damaged(rows);
        Page { ignored, ..page }
    }

    /// Returns the frame of a page of the navigation entry `current`, with notices, confirmation
    /// and draft.
    pub(super) fn page(&self, current: &'static str) -> Page {
        let draft = self.draft.as_ref().map(|draft| PageDraft {
            failed: draft.why() == Why::Failed,
            has_entries: draft.has_entries(),
            is_cut: draft.is_cut(),
        });
        Page {
            draft,
            notices: Notices::of(self),
            done: self.done.clone(),
            ..Page::framed(self, &self.principal, current)
        }
    }
}

/// Renders a page. The middleware adds the headers that every page has.
pub(super) fn html(status: StatusCode, template: &impl Template) -> PageResult {
    let body = template.render().map_err(|error| {
        tracing::error!(%error, "page rendering failed");
        WebError::of(Code::Internal)
    })?;
    let content_type = HeaderValue::from_static("text/html; charset=utf-8");
    let mut response = (status, body).into_response();
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, content_type);
    Ok(response)
}
