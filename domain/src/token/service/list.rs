use std::collections::HashSet;
use std::str::FromStr;

use crate::access::{Principal, Requirement};
use crate::page::{MAX_TOKEN_PAGE, PageSize};
use crate::store::Listing;
use crate::token::{
    InvalidListCursor, ListCursor, ListFilter, Seek, Sort, Status, Token, TokenError, TokenName,
};

use super::Tokens;

/// A page of a user's tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListPage {
    /// The tokens, in the order of the list.
    pub tokens: Listing<Token>,
    /// Pass it as [`Seek::Before`] for the previous page; `None` on the first page.
    pub previous: Option<ListCursor>,
    /// Pass it as [`Seek::After`] for the next page; `None` on the last page.
    pub next: Option<ListCursor>,
}

/// A position in a list that is not ordered by id alone. A damaged row has only its id, so no page
/// starts at one.
struct Placed(ListCursor);

impl FromStr for Placed {
    type Err = InvalidListCursor;

    fn from_str(_: &str) -> Result<Self, InvalidListCursor> {
        Err(InvalidListCursor)
    }
}

impl Tokens {
    /// Returns a page of the matching tokens of the user that `principal` acts as. `limit` is
    /// clamped to 1 to [`MAX_TOKEN_PAGE`]. Tokens that are created or deleted between two pages do
    /// not shift the others. A cursor of another order is ignored.
    ///
    /// # Errors
    ///
    /// [`TokenError::NotAuthorized`] unless `principal` is a human; [`TokenError::Store`] when the
    /// store fails.
    pub async fn list(
        &self,
        principal: &Principal,
        filter: &ListFilter,
        seek: Option<Seek>,
        limit: u32,
    ) -> Result<ListPage, TokenError> {
        principal.authorize(Requirement::HUMAN)?;
        let limit = PageSize::clamp_tokens(limit);
        let (owner, now, sort) = (principal.user_id(), self.clock.now(), filter.sort);
        let seek = seek.filter(|seek| seek.cursor().sort() == sort);
        let is_backward = matches!(seek, Some(Seek::Before(_)));
        let is_first = seek.is_none();
        let found = self
            .store
            .list(owner, filter, now, seek, limit.rows_to_read());
        let mut tokens = found.await?;
        let further = match sort {
            Sort::Newest => limit.truncate(&mut tokens, |token| ListCursor::of(token, sort)),
            _ => limit
                .truncate(&mut tokens, |token| Placed(ListCursor::of(token, sort)))
                .map(|Placed(cursor)| cursor),
        };
        if is_backward {
            tokens.reverse();
        }
        let [first, last] = [tokens.first(), tokens.last()]
            .map(|token| token.map(|token| ListCursor::of(token, sort)));
        let (previous, next) = if is_backward {
            (further, last)
        } else {
            (first.filter(|_| !is_first), further)
        };
        Ok(ListPage {
            tokens,
            previous,
            next,
        })
    }

    /// Returns the names that the user has given to more than one current token: live ones without
    /// a successor, among the newest [`MAX_TOKEN_PAGE`].
    ///
    /// # Errors
    ///
    /// As for [`list`](Self::list).
    pub async fn shared_names(
        &self,
        principal: &Principal,
    ) -> Result<HashSet<TokenName>, TokenError> {
        let filter = ListFilter {
            status: Some(Status::Live),
            ..ListFilter::default()
        };
        let live = self.list(principal, &filter, None, MAX_TOKEN_PAGE).await?;
        let current = live.tokens.iter().filter(|token| token.successor.is_none());
        let (mut names, mut shared) = (HashSet::new(), HashSet::new());
        for token in current {
            if !names.insert(&token.name) {
                shared.insert(token.name.clone());
            }
        }
        Ok(shared)
    }
}
