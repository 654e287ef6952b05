//! `/settings/admin/users`: the list of users.

use askama::Template;
use openindex_domain::clock::Timestamp;
use openindex_domain::user::{
    FoundUsers, ListedUser, Role, User, UserCursor, UserQuery, UserSearch, UserSeek, UserSort,
};

use crate::web::{
    Administrator, Badge, Invalid, Moment, Page, PageResult, Query, Shown, html, paths,
};

use super::{Back, PAGE};

#[derive(Template)]
#[template(path = "admin/users.html")]
struct UsersPage<'a> {
    page: Page,
    users: Vec<ListedView>,
    active: u64,
    admins: u64,
    suspended: u64,
    search: &'a str,
    errors: Invalid,
    /// The order, unless it is the usual one.
    sort: String,
    by_name: Heading,
    by_last_seen: Heading,
    by_joined: Heading,
    clear: String,
    back: Back,
    previous: Option<String>,
    next: Option<String>,
}

/// A column heading that sorts the list.
struct Heading {
    /// The list in this order, or in the reverse order if this is the current one.
    path: String,
    /// The value of `aria-sort` if the list is in this order.
    direction: Option<&'static str>,
}

impl Heading {
    /// `orders` are the two orders of the column; the first is the default.
    fn of(now: UserSort, orders: [UserSort; 2], searched: &Query) -> Self {
        let [first, second] = orders;
        let next = if now == first { second } else { first };
        Self {
            path: searched.to(paths::USERS, "sort", &next.as_str()),
            direction: orders.contains(&now).then_some(match now {
                UserSort::Name | UserSort::Joined | UserSort::LeastSeen => "ascending",
                UserSort::Newest | UserSort::LastSeen => "descending",
            }),
        }
    }
}

struct ListedView {
    user: UserView,
    live_tokens: u64,
    last_seen: Option<Moment>,
}

/// A user in the list or on their page.
pub(super) struct UserView {
    pub(super) id: String,
    pub(super) name: Shown,
    pub(super) email: Shown,
    /// The scripts mixed in the address or the name; empty if neither mixes scripts.
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
            is_self: user.id == by.principal.user_id(),
        }
    }
}

impl ListedView {
    fn of(listed: &ListedUser, by: &Administrator, now: Timestamp) -> Self {
        Self {
            user: UserView::of(&listed.user, by, now),
            live_tokens: listed.live_tokens,
            last_seen: listed.last_seen_at.map(|at| Moment::new(at, now)),
        }
    }
}

pub(in crate::web) async fn list(by: Administrator) -> PageResult {
    let principal = &by.principal;
    let mut ignored = Vec::new();
    let sort = by.query.place("sort", UserSort::parse, &mut ignored);
    let sort = sort.unwrap_or_default();
    let mut errors = Invalid::default();
    let search = errors.optional(
        "search",
        "search text",
        by.query.get("search"),
        UserSearch::parse,
    );
    let searched = by.query.only(&["search"]);
    // A cursor is of one order.
    let mut cursor = |name| {
        let parse = |text: &str| text.parse().ok();
        let of_order = |cursor: &UserCursor| cursor.sort == sort;
        by.query
            .place(name, |text| parse(text).filter(of_order), &mut ignored)
    };
    let seek = cursor("before").map(UserSeek::Before);
    let seek = seek.or_else(|| cursor("after").map(UserSeek::After));
    let chosen = match sort {
        UserSort::Joined => searched.clone(),
        sort => searched.clone().with("sort", sort.as_str()),
    };
    let here = match &seek {
        None => chosen.on(paths::USERS),
        Some(UserSeek::After(at)) => chosen.to(paths::USERS, "after", at),
        Some(UserSeek::Before(at)) => chosen.to(paths::USERS, "before", at),
    };
    let found = if errors.is_empty() {
        let query = UserQuery { search, sort };
        by.users.search(principal, &query, seek, PAGE).await?
    } else {
        FoundUsers::default()
    };
    let counts = by.admin_tokens.stats(principal).await?;
    let now = by.now();
    let (users, on) = (found.users.iter(), paths::USERS);
    let template = UsersPage {
        page: by.list_page("users", &found.users, ignored),
        users: users
            .map(|listed| ListedView::of(listed, &by, now))
            .collect(),
        active: counts.users_active,
        admins: counts.admins_active,
        suspended: counts.users_suspended,
        search: searched.get("search"),
        errors,
        sort: chosen.get("sort").to_owned(),
        by_name: Heading::of(sort, [UserSort::Name; 2], &searched),
        by_last_seen: Heading::of(sort, [UserSort::LastSeen, UserSort::LeastSeen], &searched),
        by_joined: Heading::of(sort, [UserSort::Joined, UserSort::Newest], &searched),
        clear: chosen.only(&["sort"]).on(paths::USERS),
        back: Back::to(&here, paths::USERS),
        previous: found.previous.map(|at| chosen.to(on, "before", &at)),
        next: found.next.map(|at| chosen.to(on, "after", &at)),
    };
    html(template.errors.status(), &template)
}
