use serde::{Deserialize, Serialize};

/// Which page of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::IntoParams))]
#[cfg_attr(feature = "server", into_params(parameter_in = Query))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PageQuery {
    /// How many at most; 50 unless given.
    #[serde(default, with = "limit", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", param(minimum = 1, maximum = 200))]
    pub limit: Option<u32>,
    /// `nextCursor` of the page before; absent for the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// How many items are wanted at most.
pub(super) mod limit {
    use openindex_domain::user::MAX_PAGE;
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    #[expect(clippy::ref_option, reason = "serde passes the field")]
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes the field")]
    pub(crate) fn serialize<S: Serializer>(limit: &Option<u32>, to: S) -> Result<S::Ok, S::Error> {
        limit.serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u32>, D::Error> {
        let Some(limit) = Option::<i64>::deserialize(from)? else {
            return Ok(None);
        };
        u32::try_from(limit)
            .ok()
            .filter(|limit| (1..=MAX_PAGE).contains(limit))
            .map(Some)
            .ok_or_else(|| D::Error::custom(format!("must be from 1 to {MAX_PAGE}")))
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
