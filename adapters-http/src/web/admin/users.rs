//! `/settings/admin/users`

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use openindex_domain::clock::Timestamp;
use openindex_domain::user::{Role, User};

use crate::web::access::Administrator;
use crate::web::error::WebError;
use crate::web::page::{Page, html};
use crate::web::query::Query;
use crate::web::site::Web;
use crate::web::view::{Badge, Moment, Shown};

use super::PAGE;

#[derive(Template)]
#[template(path = "admin/users.html")]
struct UsersPage {
    page: Page,
    users: Vec<UserView>,
    active: u64,
    admins: u64,
    suspended: u64,
    is_first: bool,
    next: Option<String>,
}

/// A user in a list, or on a page of their own.
pub(super) struct UserView {
    pub(super) id: String,
    pub(super) name: Shown,
    pub(super) email: Shown,
    /// The scripts that the address or the name mixes; empty where neither does.
    pub(super) mixed: String,
    pub(super) is_admin: bool,
    pub(super) is_suspended: bool,
    pub(super) status: Badge,
    pub(super) joined: Moment,
    pub(super) suspended: Option<Moment>,
    pub(super) is_self: bool,
}

impl UserView {
    pub(super) fn of(user: &User, by: &Administrator, now: Timestamp) -> Self {
        let status = if user.is_active() {
            Badge::new("Active", "good")
        } else {
            Badge::new("Suspended", "bad")
        };
        Self {
            id: user.id.to_string(),
            name: Shown::of(user.name.as_str()),
            email: Shown::of(user.email.as_str()),
            mixed: user.mixed_scripts().join(", "),
            is_admin: user.role == Role::Admin,
            is_suspended: !user.is_active(),
            status,
            joined: Moment::new(user.created_at, now),
            suspended: user.suspended_at.map(|at| Moment::new(at, now)),
            is_self: user.id == by.0.principal.user_id(),
        }
    }
}

pub(in crate::web) async fn list(
    by: Administrator,
    State(web): State<Web>,
    query: Query,
) -> Result<Response, WebError> {
    let principal = &by.0.principal;
    let after = query.get("after").parse().ok();
    let found = web.api.users.list(principal, after, PAGE).await?;
    let stats = web.api.inventory.stats(principal).await?;
    let now = web.api.tokens.now();
    let template = UsersPage {
        page: Page::of(&web, &by.0, "users").with_damaged(&found.users),
        users: found
            .users
            .iter()
            .map(|user| UserView::of(user, &by, now))
            .collect(),
        active: stats.users_active,
        admins: stats.admins_active,
        suspended: stats.users_suspended,
        is_first: after.is_none(),
        next: found.next.map(|id| {
            Query::default()
                .with("after", id.to_string())
                .on("/settings/admin/users")
        }),
    };
    html(StatusCode::OK, &template)
}
