use openindex_domain::token::MAX_TOKEN_PAGE;
use openindex_domain::user::MAX_PAGE;
use serde::{Deserialize, Serialize};

/// Which page of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::IntoParams))]
#[cfg_attr(feature = "server", into_params(parameter_in = Query))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PageQuery {
    /// How many at most; 50 unless given.
    #[serde(
        default,
        deserialize_with = "limit::deserialize::<MAX_PAGE, _>",
        skip_serializing_if = "Option::is_none"
    )]
    #[cfg_attr(feature = "server", param(minimum = 1, maximum = 200))]
    pub limit: Option<u32>,
    /// `nextCursor` of the page before; absent for the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// Which page of the caller's tokens.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::IntoParams))]
#[cfg_attr(feature = "server", into_params(parameter_in = Query))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PatPageQuery {
    /// Maximum number of tokens on the page; 1,000 unless given.
    #[serde(
        default,
        deserialize_with = "limit::deserialize::<MAX_TOKEN_PAGE, _>",
        skip_serializing_if = "Option::is_none"
    )]
    #[cfg_attr(feature = "server", param(minimum = 1, maximum = 1000))]
    pub limit: Option<u32>,
    /// `nextCursor` of the page before; absent for the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// How many items are wanted at most.
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

/// A row of a list that cannot be read: damaged, or written by a newer version. It is never accepted as
/// a credential, and it can be revoked, ended or withdrawn by its id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct DamagedRow {
    /// Its id, as far as it can be read.
    pub id: String,
    /// The table that it is in, as in `tokens`.
    pub table: String,
    /// The first column that cannot be read, as in `scope`.
    pub column: String,
}
