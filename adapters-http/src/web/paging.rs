//! Links to the previous and next page of a list that is paged by cursors.

use super::query::Query;

/// Separates the cursors of previous pages. No cursor contains it.
const SEPARATOR: char = '*';
/// The number of previous pages that a link records. Beyond these, "previous" leads to the first
/// page.
const REMEMBERED: usize = 20;

/// The paging links below a list.
pub(super) struct Paging {
    pub(super) is_first: bool,
    pub(super) previous: Option<String>,
    pub(super) next: Option<String>,
}

impl Paging {
    /// Returns the links of the page at `path` that `query` requested, with the filter `chosen`.
    /// Stores read forward only, so the links contain the cursors of previous pages.
    pub(super) fn of(query: &Query, path: &str, chosen: &Query, next: Option<String>) -> Self {
        let (after, before) = (query.get("after"), query.get("before"));
        let link = |after: &str, before: &[&str]| {
            let before = before.join(&SEPARATOR.to_string());
            let query = chosen.clone().with("after", after);
            query.with("before", before).on(path)
        };
        let mut passed: Vec<&str> = before.split(SEPARATOR).filter(|c| !c.is_empty()).collect();
        let is_first = after.is_empty();
        let previous = (!is_first).then(|| match passed.split_last() {
            Some((last, earlier)) => link(last, earlier),
            None => link("", &[]),
        });
        if !is_first {
            passed.push(after);
        }
        let passed = &passed[passed.len().saturating_sub(REMEMBERED)..];
        Self {
            is_first,
            previous,
            next: next.map(|cursor| link(&cursor, passed)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn previous_leads_back_through_the_same_pages() {
        let chosen = Query::default().with("q", "a b");
        let query = |after: &str, before: &str| {
            let query = Query::default().with("after", after);
            query.with("before", before)
        };
        let first = Paging::of(&query("", ""), "/x", &chosen, Some("1~A-1.1".to_owned()));
        assert!(first.is_first);
        assert_eq!(first.previous, None);
        assert_eq!(first.next.as_deref(), Some("/x?q=a+b&after=1%7EA-1.1"));
        let second = Paging::of(&query("c1", ""), "/x", &chosen, Some("c2".to_owned()));
        assert_eq!(second.previous.as_deref(), Some("/x?q=a+b"));
        assert_eq!(second.next.as_deref(), Some("/x?q=a+b&after=c2&before=c1"));
        let third = Paging::of(&query("c2", "c1"), "/x", &chosen, Some("c3".to_owned()));
        assert_eq!(third.previous.as_deref(), Some("/x?q=a+b&after=c1"));
        assert_eq!(
            third.next.as_deref(),
            Some("/x?q=a+b&after=c3&before=c1*c2")
        );
        let last = Paging::of(&query("c3", "c1*c2"), "/x", &chosen, None);
        assert_eq!(
            last.previous.as_deref(),
            Some("/x?q=a+b&after=c2&before=c1")
        );
        assert_eq!(last.next, None);
    }

    #[test]
    fn the_length_of_a_link_is_limited() {
        let mut query = Query::default();
        let mut longest = 0;
        for page in 0..100 {
            let cursor = format!("{page:0>36}");
            let next = Paging::of(&query, "/x", &Query::default(), Some(cursor)).next;
            let next = next.expect("a next page");
            longest = longest.max(next.len());
            let (_, text) = next.split_once('?').expect("a query");
            query = form_urlencoded::parse(text.as_bytes())
                .fold(Query::default(), |query, (name, value)| {
                    query.with(&name, value)
                });
        }
        assert!(longest < 1_000, "{longest}");
    }
}
