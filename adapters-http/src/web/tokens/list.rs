use std::collections::HashSet;

use askama::Template;
use openindex_domain::Listing;
use openindex_domain::token::{
    ListCursor, ListFilter, RETENTION_DAYS, Search, Seek, Sort, Status, Token, TokenName,
};

use crate::web::{Invalid, Page, PageResult, Person, Query, TokenView, html, paths};

/// Tokens per page.
const PAGE: u32 = 50;
/// The parameters of the filter.
const FIELDS: [&str; 3] = ["search", "status", "sort"];
/// The parameters of the page.
const PLACES: [&str; 2] = ["before", "after"];

#[derive(Template)]
#[template(path = "tokens/list.html")]
struct ListPage {
    page: Page,
    tokens: Vec<Row>,
    chosen: Query,
    errors: Invalid,
    is_filtered: bool,
    is_revoked: bool,
    /// The list of revoked tokens, if there are some and no others.
    revoked: Option<String>,
    retention_days: i64,
    /// The query to add to links, so that they lead back to this list.
    kept: String,
    previous: Option<String>,
    next: Option<String>,
}

struct Row {
    token: TokenView,
    shares_name: bool,
}

/// Returns the filter and page parameters, for links back to the list.
pub(super) fn kept(query: &Query) -> Query {
    query.only(FIELDS.iter().chain(&PLACES))
}

/// Returns whether another live token that was not rotated has the same name.
pub(super) fn shares_name(token: &Token, status: Status, shared: &HashSet<TokenName>) -> bool {
    status == Status::Live && token.successor.is_none() && shared.contains(&token.name)
}

pub(in crate::web) async fn list(person: Person) -> PageResult {
    let (tokens, principal) = (&person.tokens, &person.principal);
    let query = &person.query;
    let mut kept = kept(query);
    let chosen = query.only(&FIELDS);
    let (mut ignored, mut errors) = (Vec::new(), Invalid::default());
    let search = errors.optional("search", "search", query.get("search"), Search::parse);
    let filter = ListFilter {
        search,
        status: errors.choice("status", query.get("status"), Status::parse),
        sort: query
            .place("sort", Sort::parse, &mut ignored)
            .unwrap_or_default(),
        ..ListFilter::default()
    };
    let is_filtered = !chosen.is_empty();
    // A cursor is of one order.
    let mut cursor = |name| {
        let parse = |text: &str| text.parse().ok();
        let of_order = |cursor: &ListCursor| cursor.sort() == filter.sort;
        query.place(name, |text| parse(text).filter(of_order), &mut ignored)
    };
    let seek = cursor("before").map(Seek::Before);
    let seek = seek.or_else(|| cursor("after").map(Seek::After));
    let (mut found, mut previous, mut next) = (Listing::default(), None, None);
    if errors.is_empty() {
        let is_backward = matches!(seek, Some(Seek::Before(_)));
        let mut page = tokens.list(principal, &filter, seek, PAGE).await?;
        // The first page is a whole one, and no page is empty while there is another.
        if (is_backward && page.previous.is_none()) || page.tokens.count() == 0 {
            page = tokens.list(principal, &filter, None, PAGE).await?;
            kept = chosen.clone();
        }
        (found, previous, next) = (page.tokens, page.previous, page.next);
    }
    let revoked = if is_filtered || found.count() > 0 {
        None
    } else {
        let revoked = ListFilter {
            status: Some(Status::Revoked),
            ..ListFilter::default()
        };
        let page = tokens.list(principal, &revoked, None, 1).await?;
        let query = Query::default().with("status", Status::Revoked.as_str());
        (page.tokens.count() > 0).then(|| query.on(paths::TOKENS))
    };
    let shared = tokens.shared_names(principal).await?;
    let (now, allowed) = (tokens.now(), principal.effective_scope());
    let template = ListPage {
        page: person.list_page("tokens", &found, ignored),
        tokens: found
            .iter()
            .map(|token| Row {
                token: TokenView::of(token, allowed, now),
                shares_name: shares_name(token, token.status(now), &shared),
            })
            .collect(),
        is_filtered,
        is_revoked: filter.status == Some(Status::Revoked),
        revoked,
        retention_days: RETENTION_DAYS,
        kept: kept.on(""),
        previous: previous.map(|cursor| chosen.to(paths::TOKENS, "before", &cursor)),
        next: next.map(|cursor| chosen.to(paths::TOKENS, "after", &cursor)),
        chosen,
        errors,
    };
    html(template.errors.status(), &template)
}
