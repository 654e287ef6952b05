//! Pagination of lists.

use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::store::Listing;

/// The maximum number of rows per page of most lists.
pub const MAX_PAGE: u32 = 200;

/// The maximum number of rows per page of a user's own tokens or agent runs, and of a review.
/// Also the default for tokens.
pub const MAX_TOKEN_PAGE: u32 = 1_000;

/// The number of rows on a page: 1 to [`MAX_PAGE`] or [`MAX_TOKEN_PAGE`], so that one more row can
/// be requested from any store.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PageSize(u32);

impl PageSize {
    /// Clamps the size of a page that a caller requests.
    pub(crate) fn clamp(requested: u32) -> Self {
        Self(requested.clamp(1, MAX_PAGE))
    }

    /// Clamps the size of a page of a list with [`MAX_TOKEN_PAGE`].
    pub(crate) fn clamp_tokens(requested: u32) -> Self {
        Self(requested.clamp(1, MAX_TOKEN_PAGE))
    }

    /// Returns the number of rows.
    pub(crate) const fn rows(self) -> u32 {
        self.0
    }

    /// Returns the number of rows to read for [`truncate`](Self::truncate): one more than the page
    /// has.
    pub(crate) const fn rows_to_read(self) -> u32 {
        self.0 + 1
    }

    /// Truncates a listing that was read with one row more to the page. Returns the cursor of the
    /// next page, or `None` if this is the last one. The cursor is that of the last row on the page
    /// whose position can be read.
    pub(crate) fn truncate<T, C: FromStr>(
        self,
        rows: &mut Listing<T>,
        cursor: impl Fn(&T) -> C,
    ) -> Option<C> {
        let limit = self.0 as usize;
        if rows.count() <= limit {
            return None;
        }
        while rows.count() > limit {
            rows.pop();
        }
        rows.entries().into_iter().rev().find_map(|row| match row {
            Ok(row) => Some(cursor(row)),
            Err(damaged) => damaged.cursor.parse().ok(),
        })
    }
}

/// Returns a name as it is written in a cursor.
pub(crate) fn cursor_name(name: &str) -> String {
    URL_SAFE_NO_PAD.encode(name)
}

/// Returns the name in a cursor. No name contains NUL, and PostgreSQL rejects a text with one.
pub(crate) fn name_of_cursor(text: &str) -> Option<String> {
    let name = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
    (!name.contains('\0')).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Damaged, DamagedColumn, StoreError};

    fn page(rows: &[Result<u32, &str>], limit: u32) -> (Vec<u32>, usize, Option<u32>) {
        let read = rows.iter().map(|row| {
            row.map_err(|cursor| Damaged::new("tokens", &cursor, DamagedColumn("scope")))
                .map_err(StoreError::from)
        });
        let mut rows: Listing<u32> = Listing::read(read).unwrap();
        let next = PageSize::clamp(limit).truncate(&mut rows, |row| *row);
        (rows.to_vec(), rows.damaged().count(), next)
    }

    #[test]
    fn one_more_row_than_a_page_yields_a_cursor() {
        let three = [Ok(1), Ok(2), Ok(3)];
        assert_eq!(page(&three, 2), (vec![1, 2], 0, Some(2)));
        assert_eq!(page(&three[..2], 2), (vec![1, 2], 0, None));
        assert_eq!(page(&[], 2), (vec![], 0, None));
    }

    #[test]
    fn a_damaged_row_counts_and_a_page_may_end_with_it() {
        assert_eq!(page(&[Ok(1), Err("2"), Ok(3)], 2), (vec![1], 1, Some(2)));
        assert_eq!(page(&[Err("1"), Ok(2), Err("3")], 2), (vec![2], 1, Some(2)));
        assert_eq!(page(&[Err("1"), Err("2")], 1), (vec![], 1, Some(1)));
        let unplaced = [Ok(1), Err("?"), Ok(3)];
        assert_eq!(page(&unplaced, 2), (vec![1], 1, Some(1)));
    }
}
