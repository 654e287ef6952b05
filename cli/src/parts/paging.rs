//! Paginated lists: one page, or all pages.

use std::cell::RefCell;
use std::collections::HashSet;
use std::ops::ControlFlow;

use openindex_adapters_http::client::PageQuery;
use openindex_adapters_http::wire::{
    AdminPat, AdminPatList, AgentRun, AgentRunList, AuditEvent, AuditList, DamagedRow, Invite,
    InviteList, Pat, PatList, RevokedPats, User, UserList, WorkItemList, WorkItemSummary,
};
use openindex_domain::page::{MAX_PAGE, MAX_TOKEN_PAGE};
use serde::Serialize;

use crate::app::App;
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

impl PageArgs {
    /// Returns the requested page; `None` means all pages.
    fn page(&self) -> Option<PageQuery> {
        (!self.all).then(|| PageQuery {
            limit: Some(self.limit),
            cursor: self.cursor.clone(),
        })
    }
}

impl WholeArgs {
    /// Returns the requested page; `None` means all pages.
    fn page(&self) -> Option<PageQuery> {
        (self.limit.is_some() || self.is_later()).then(|| PageQuery {
            limit: self.limit,
            cursor: self.cursor.clone(),
        })
    }

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

/// Prints one page from `fetch`, or all pages with `--all`, and notes whether there are more.
pub(crate) fn list<T: Serialize, P: Into<Page<T>>>(
    args: &PageArgs,
    app: &mut App<'_>,
    fetch: impl Fn(&PageQuery) -> Result<P, Failure>,
    human: impl FnOnce(&[T], &Style) -> String,
) -> Result<(), CliError> {
    let page = one_or_all(args.page(), MAX_PAGE, fetch)?;
    show(&page, ", or --all for all items", app, human)
}

/// Prints all items from `fetch` in pages of at most [`MAX_TOKEN_PAGE`], or one page if requested.
pub(crate) fn list_whole<T: Serialize, P: Into<Page<T>>>(
    args: &WholeArgs,
    app: &mut App<'_>,
    fetch: impl Fn(&PageQuery) -> Result<P, Failure>,
    human: impl FnOnce(&[T], &Style) -> String,
) -> Result<(), CliError> {
    let page = one_or_all(args.page(), MAX_TOKEN_PAGE, fetch)?;
    show(&page, "", app, human)
}

fn one_or_all<T, P: Into<Page<T>>>(
    page: Option<PageQuery>,
    limit: u32,
    fetch: impl Fn(&PageQuery) -> Result<P, Failure>,
) -> Result<Page<T>, Failure> {
    match page {
        Some(page) => fetch(&page).map(Into::into),
        None => all(limit, fetch),
    }
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
    let (mut items, damaged) = (Vec::new(), RefCell::default());
    let fetch = |query: &PageQuery| {
        let mut page: Page<T> = fetch(query)?.into();
        Vec::append(&mut damaged.borrow_mut(), &mut page.damaged);
        Ok(page)
    };
    walk_by(limit, fetch, |item| {
        items.push(item);
        ControlFlow::<()>::Continue(())
    })?;
    Ok(Page {
        items,
        damaged: damaged.into_inner(),
        next_cursor: None,
    })
}

fn show<T: Serialize>(
    page: &Page<T>,
    alternative: &str,
    app: &mut App<'_>,
    human: impl FnOnce(&[T], &Style) -> String,
) -> Result<(), CliError> {
    app.out.print(page, |style| human(&page.items, style))?;
    warn_of(&page.damaged, app);
    if let Some(cursor) = &page.next_cursor {
        app.out.note(&format!(
            "there are more items; pass --cursor {cursor} for the next page{alternative}"
        ));
    }
    Ok(())
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

/// Visits the items of all pages until `visit` breaks; returns its value, or `None` at the end.
pub(crate) fn walk<T, P: Into<Page<T>>, B>(
    fetch: impl Fn(&PageQuery) -> Result<P, Failure>,
    visit: impl FnMut(T) -> ControlFlow<B>,
) -> Result<Option<B>, Failure> {
    walk_by(MAX_PAGE, fetch, visit)
}

fn walk_by<T, P: Into<Page<T>>, B>(
    limit: u32,
    fetch: impl Fn(&PageQuery) -> Result<P, Failure>,
    mut visit: impl FnMut(T) -> ControlFlow<B>,
) -> Result<Option<B>, Failure> {
    let mut query = PageQuery {
        limit: Some(limit),
        cursor: None,
    };
    let mut seen = HashSet::new();
    loop {
        let page = fetch(&query)?.into();
        for item in page.items {
            if let ControlFlow::Break(found) = visit(item) {
                return Ok(Some(found));
            }
        }
        let Some(cursor) = page.next_cursor else {
            return Ok(None);
        };
        // Cursors that form a cycle would loop forever.
        if !seen.insert(cursor.clone()) {
            return Err(Failure::unexpected(
                "the server returned the same page twice",
            ));
        }
        query.cursor = Some(cursor);
    }
}

#[cfg(test)]
mod tests {
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
        let mut visited = Vec::new();
        let end = walk(fetch, |item| {
            visited.push(item);
            ControlFlow::<()>::Continue(())
        });
        assert_eq!((end.unwrap(), visited), (None, vec![1, 2, 3, 4]));
        let found = walk(fetch, |item| match item {
            3 => ControlFlow::Break("three"),
            4 => panic!("visited an item after the break"),
            _ => ControlFlow::Continue(()),
        });
        assert_eq!(found.unwrap(), Some("three"));
    }

    #[test]
    fn a_cycle_of_cursors_is_an_error() {
        let fetch = |query: &PageQuery| {
            Ok(match query.cursor.as_deref() {
                Some("a") => page(&[], Some("b")),
                _ => page(&[], Some("a")),
            })
        };
        let failure = walk(fetch, |_| ControlFlow::<()>::Continue(())).unwrap_err();
        assert_eq!(failure.code, "unexpected_response");
    }
}
