//! Previous and next page of a list that is read by cursors.

use super::query::Query;

/// Between the cursors of the pages before; no cursor has one.
const SEPARATOR: char = '*';
/// How many pages before this one a link remembers; from further on, it leads to the first page.
const REMEMBERED: usize = 20;

/// Where the links below a list lead.
pub(super) struct Paging {
    pub(super) is_first: bool,
    pub(super) previous: Option<String>,
    pub(super) next: Option<String>,
}

impl Paging {
    /// The links of the page at `path` that `query` opened, with `chosen` as its filter. Stores read
    /// forward only, so the links carry where the pages before began.
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
    fn one_goes_forward_and_the_same_way_back() {
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
    fn a_link_does_not_grow_without_end() {
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
