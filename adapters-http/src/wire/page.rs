use openindex_domain::Damaged;
use openindex_domain::page::{MAX_PAGE, MAX_TOKEN_PAGE};

use super::shape::wire;

wire! { query
/// Page size and cursor.
PageQuery {
    /// Maximum number of items on the page; 50 by default.
    #[serde(
        default,
        deserialize_with = "limit::deserialize::<MAX_PAGE, _>",
        skip_serializing_if = "Option::is_none"
    )]
    limit: Option<u32> [minimum = 1, maximum = 200],
    /// `nextCursor` of the previous page; absent for the first page.
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
}}

wire! { query
/// Page size and cursor for the caller's tokens.
PatPageQuery {
    /// Maximum number of tokens on the page; 1,000 by default.
    #[serde(
        default,
        deserialize_with = "limit::deserialize::<MAX_TOKEN_PAGE, _>",
        skip_serializing_if = "Option::is_none"
    )]
    limit: Option<u32> [minimum = 1, maximum = 1000],
    /// `nextCursor` of the previous page; absent for the first page.
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
}}

/// The maximum number of items on a page.
pub(super) mod limit {
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer};

    pub(crate) fn deserialize<'de, const MAX: u32, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<u32>, D::Error> {
        let Some(limit) = Option::<i64>::deserialize(from)? else {
            return Ok(None);
        };
        u32::try_from(limit)
            .ok()
            .filter(|limit| (1..=MAX).contains(limit))
            .map(Some)
            .ok_or_else(|| D::Error::custom(format!("must be from 1 to {MAX}")))
    }
}

wire! { response
/// A row of a list that cannot be read, because it is damaged or was written by a newer version. It
/// is never accepted as a credential, and can be revoked, ended or withdrawn by its id.
DamagedRow {
    /// Id of the row, as far as it can be read.
    id: String,
    /// Table of the row, for example `tokens`.
    table: String,
    /// First column that cannot be read, for example `scope`.
    column: String,
}}

impl From<&Damaged> for DamagedRow {
    fn from(row: &Damaged) -> Self {
        Self {
            id: row.id.clone(),
            table: row.table.to_owned(),
            column: row.column.0.to_owned(),
        }
    }
}
