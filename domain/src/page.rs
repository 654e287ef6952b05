//! Pagination of listings.

use std::str::FromStr;

use crate::store::Listing;

/// Truncates a listing that was read with one row more than `limit` to a page of at most `limit`
/// rows. Returns the cursor of the next page, or `None` if this is the last one. The cursor is that
/// of the last row on the page whose position can be read.
pub(crate) fn truncate<T, C: FromStr>(
    rows: &mut Listing<T>,
    limit: u32,
    cursor: impl Fn(&T) -> C,
) -> Option<C> {
    let limit = limit as usize;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Damaged, DamagedColumn, StoreError};

    fn page(rows: &[Result<u32, &str>], limit: u32) -> (Vec<u32>, usize, Option<u32>) {
        let read = rows.iter().map(|row| {
            row.map_err(|cursor| Damaged {
                table: "tokens",
                id: String::new(),
                column: DamagedColumn("scope"),
                cursor: cursor.to_owned(),
                raw: None,
            })
            .map_err(StoreError::from)
        });
        let mut rows: Listing<u32> = Listing::read(read).unwrap();
        let next = truncate(&mut rows, limit, |row| *row);
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
