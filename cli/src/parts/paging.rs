//! Paginated lists: one page, or all pages.

use std::collections::HashSet;

use openindex_adapters_http::client::{Client, ClientError, PageQuery};
use openindex_adapters_http::wire::{
    AdminPat, AdminPatList, AgentRun, AgentRunList, AuditEvent, AuditList, DamagedRow, Invite,
    InviteList, Pat, PatList, RevokedPats, User, UserList, WorkItemList, WorkItemSummary,
};
use openindex_domain::page::{MAX_PAGE, MAX_TOKEN_PAGE};
use serde::Serialize;

use crate::app::{App, Session};
use crate::error::{CliError, Failure};
use crate::render::Style;

/// The paging options of lists that print one page by default.
#[derive(Debug, clap::Args)]
pub(crate) struct PageArgs {
    /// List all items instead of one page
    #[arg(long, conflicts_with_all = ["limit", "cursor"])]
    all: bool,
    /// Maximum number of items (1 to 200)
    #[arg(
        long,
        value_name = "N",
        default_value_t = 50,
        value_parser = parse_limit::<MAX_PAGE>
    )]
    limit: u32,
    /// List the page after the one with this nextCursor
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
}

/// The filters of a list that prints one page by default, and its paging options.
#[derive(Debug, clap::Args)]
pub(crate) struct Paged<F: clap::Args> {
    #[command(flatten)]
    pub(crate) filter: F,
    #[command(flatten)]
    pub(crate) page: PageArgs,
}

/// The paging options of lists that print all items by default.
#[derive(Debug, clap::Args)]
pub(crate) struct WholeArgs {
    /// List one page of at most N items (1 to 1000) [default: all items]
    #[arg(
        long,
        value_name = "N",
        value_parser = parse_limit::<MAX_TOKEN_PAGE>
    )]
    limit: Option<u32>,
    /// List the page after the one with this nextCursor
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
}

/// How a list is paged.
pub(crate) trait Paging {
    /// The number of items per page when all pages are listed.
    const LIMIT: u32;
    /// What else to pass if there are more items than listed.
    const ALTERNATIVE: &'static str;

    /// Returns the requested page; `None` means all pages.
    fn page(&self) -> Option<PageQuery>;
}

impl Paging for PageArgs {
    const LIMIT: u32 = MAX_PAGE;
    const ALTERNATIVE: &'static str = ", or --all for all items";

    fn page(&self) -> Option<PageQuery> {
        (!self.all).then(|| PageQuery {
            limit: Some(self.limit),
            cursor: self.cursor.clone(),
        })
    }
}

impl Paging for WholeArgs {
    const LIMIT: u32 = MAX_TOKEN_PAGE;
    const ALTERNATIVE: &'static str = "";

    fn page(&self) -> Option<PageQuery> {
        (self.limit.is_some() || self.is_later()).then(|| PageQuery {
            limit: self.limit,
            cursor: self.cursor.clone(),
        })
    }
}

impl WholeArgs {
    /// Returns whether a page after the first is requested.
    pub(crate) fn is_later(&self) -> bool {
        self.cursor.is_some()
    }
}

/// Parses a number of items from 1 to `MAX`.
pub(crate) fn parse_limit<const MAX: u32>(text: &str) -> Result<u32, String> {
    let limit = text.parse().ok().filter(|limit| (1..=MAX).contains(limit));
    limit.ok_or_else(|| format!("must be a number from 1 to {MAX}"))
}

/// One page from the server, and the output of a list.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) damaged: Vec<DamagedRow>,
    pub(crate) next_cursor: Option<String>,
}

/// Converts the pages of the API, which differ only in their items.
macro_rules! pages {
    ($($list:ident of $item:ident,)*) => {$(
        impl From<$list> for Page<$item> {
            fn from(list: $list) -> Self {
                Self {
                    items: list.items,
                    damaged: list.damaged,
                    next_cursor: list.next_cursor,
                }
            }
        }
    )*};
}

pages! {
    AdminPatList of AdminPat,
    AgentRunList of AgentRun,
    InviteList of Invite,
    PatList of Pat,
    RevokedPats of AdminPat,
    UserList of User,
    WorkItemList of WorkItemSummary,
}

impl From<AuditList> for Page<AuditEvent> {
    fn from(list: AuditList) -> Self {
        Self {
            items: list.items,
            damaged: Vec::new(),
            next_cursor: list.next_cursor,
        }
    }
}

/// Prints the requested page, or all pages, and notes whether there are more.
pub(crate) fn list<A: Paging, T: Serialize, P: Into<Page<T>>>(
    args: &A,
    session: &Session,
    app: &mut App<'_>,
    request: impl Fn(&Client, &PageQuery) -> Result<P, ClientError>,
    human: impl FnOnce(&[T], &Style) -> String,
) -> Result<(), CliError> {
    let fetch = |query: &PageQuery| session.call(|client| request(client, query));
    let page = match args.page() {
        Some(page) => fetch(&page)?.into(),
        None => all(A::LIMIT, fetch)?,
    };
    app.out.print(&page, |style| human(&page.items, style))?;
    warn_of(&page.damaged, app);
    if let Some(cursor) = &page.next_cursor {
        app.out.note(&format!(
            "there are more items; pass --cursor {cursor} for the next page{}",
            A::ALTERNATIVE
        ));
    }
    Ok(())
}

/// Returns the query for the first items, as many as a page can have.
pub(crate) const fn first_page() -> PageQuery {
    PageQuery {
        limit: Some(MAX_PAGE),
        cursor: None,
    }
}

/// Fetches all pages, with `limit` items each.
pub(crate) fn all<T, P: Into<Page<T>>>(
    limit: u32,
    fetch: impl Fn(&PageQuery) -> Result<P, Failure>,
) -> Result<Page<T>, Failure> {
    let (mut items, mut damaged) = (Vec::new(), Vec::new());
    for page in pages(limit, fetch) {
        let page = page?;
        items.extend(page.items);
        damaged.extend(page.damaged);
    }
    Ok(Page {
        items,
        damaged,
        next_cursor: None,
    })
}

/// Warns about rows that the server cannot read.
pub(crate) fn warn_of(damaged: &[DamagedRow], app: &mut App<'_>) {
    for DamagedRow { id, table, column } in damaged {
        app.out.warn(&format!(
            "{id} is damaged and not listed: the server cannot read {table}.{column}; contact the \
             server's operator"
        ));
    }
}

/// Fetches page after page, with `limit` items each, until the last one or a failure.
pub(crate) fn pages<T, P: Into<Page<T>>>(
    limit: u32,
    fetch: impl Fn(&PageQuery) -> Result<P, Failure>,
) -> impl Iterator<Item = Result<Page<T>, Failure>> {
    let query = move |cursor| PageQuery {
        limit: Some(limit),
        cursor,
    };
    let (mut next, mut seen) = (Some(query(None)), HashSet::new());
    std::iter::from_fn(move || {
        let requested = next.take()?;
        // Cursors that form a cycle would loop forever.
        if !seen.insert(requested.cursor.clone()) {
            let message = "the server returned the same page twice";
            return Some(Err(Failure::unexpected(message)));
        }
        let page: Result<Page<T>, _> = fetch(&requested).map(Into::into);
        let cursor = page.as_ref().ok().and_then(|page| page.next_cursor.clone());
        next = cursor.map(|cursor| query(Some(cursor)));
        Some(page)
    })
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn page(items: &[u8], next: Option<&str>) -> Page<u8> {
        Page {
            items: items.to_vec(),
            damaged: Vec::new(),
            next_cursor: next.map(str::to_owned),
        }
    }

    #[test]
    fn a_walk_visits_all_pages_until_an_item_is_found() {
        let fetch = |query: &PageQuery| {
            assert_eq!(query.limit, Some(200));
            Ok(match query.cursor.as_deref() {
                None => page(&[1, 2], Some("b")),
                Some("b") => page(&[3], Some("c")),
                _ => page(&[4], None),
            })
        };
        let visited = pages(MAX_PAGE, fetch).flat_map(|page| page.unwrap().items);
        assert_eq!(visited.collect::<Vec<u8>>(), [1, 2, 3, 4]);
        let fetched = Cell::new(0);
        let fetch = |query: &PageQuery| {
            fetched.set(fetched.get() + 1);
            fetch(query)
        };
        let mut visited = pages(MAX_PAGE, fetch).flat_map(|page| page.unwrap().items);
        assert_eq!(
            (visited.find(|item| *item == 3), fetched.get()),
            (Some(3), 2)
        );
    }

    #[test]
    fn a_cycle_of_cursors_is_an_error() {
        let fetch = |query: &PageQuery| {
            Ok(match query.cursor.as_deref() {
                Some("a") => page(&[], Some("b")),
                _ => page(&[], Some("a")),
            })
        };
        let failure = all(MAX_PAGE, fetch).unwrap_err();
        assert_eq!(failure.code, "unexpected_response");
    }
}
