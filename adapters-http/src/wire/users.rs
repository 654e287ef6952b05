use openindex_domain::user;
use serde::{Deserialize, Serialize};

use super::field::{non_null, optional, required};
#[cfg(feature = "server")]
use super::schema;
use super::{DamagedRow, Open, Pat, PlainSecret, Role};

/// A user, as an administrator sees them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// User id, for example `usr_0199f3a1c6d07c35b2f0e8a4d1c7b9e2`.
    #[cfg_attr(feature = "server", schema(value_type = schema::UserId))]
    pub id: String,
    /// Email address.
    #[cfg_attr(feature = "server", schema(value_type = schema::EmailAddress))]
    pub email: String,
    /// Name of the user.
    pub name: String,
    /// Writing systems mixed in the address or the name, for example `["Cyrillic","Latin"]`, a sign
    /// that it could imitate another one; empty if neither mixes any.
    #[serde(default)]
    pub mixed_scripts: Vec<String>,
    /// Role of the user.
    #[cfg_attr(feature = "server", schema(value_type = Role))]
    pub role: Open<Role>,
    /// When the user joined.
    #[cfg_attr(feature = "server", schema(format = DateTime))]
    pub created_at: String,
    /// When the user was suspended; null if they are not.
    #[cfg_attr(feature = "server", schema(format = DateTime))]
    pub suspended_at: Option<String>,
}

/// The first administrator of a new instance, as `oi-server bootstrap --json` prints them.
#[derive(Debug, Serialize, Deserialize)]
pub struct Bootstrapped {
    /// The administrator.
    pub user: User,
    /// Their token.
    pub pat: Pat,
    /// Secret of the token, shown only once.
    pub token: PlainSecret,
}

/// Filter and order of users.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::IntoParams))]
#[cfg_attr(feature = "server", into_params(parameter_in = Query))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UserQuery {
    /// Text that the name or email address contains, ignoring case.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", param(value_type = Option<schema::Name>))]
    pub search: Option<user::UserSearch>,
    /// Order: `joined` (default), `newest`, `name` from A to Z, `last_seen` with the most recently
    /// seen first, or `least_seen` with the least recently seen first.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", param(value_type = Option<schema::UserSort>))]
    pub sort: Option<user::UserSort>,
}

/// A page of users, in the order they joined unless `sort` is given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct UserList {
    /// Users on this page.
    pub items: Vec<User>,
    /// Damaged rows on this page; absent if there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub damaged: Vec<DamagedRow>,
    /// Value of `cursor` for the next page; null on the last page.
    pub next_cursor: Option<String>,
}

/// A change of a user: exactly one of these fields.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PatchUser {
    /// New role.
    #[serde(default, with = "non_null", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(nullable = false, value_type = Option<Role>))]
    pub role: Option<user::Role>,
    /// New email address to sign in with. The user's id, tokens and sessions stay the same.
    #[serde(default, with = "non_null", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "server",
        schema(nullable = false, value_type = Option<schema::EmailAddress>)
    )]
    pub email: Option<user::Email>,
}

/// A change of the caller's own user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PatchMe {
    /// New name: 1 to 100 characters, no control characters.
    #[serde(with = "required")]
    #[cfg_attr(feature = "server", schema(value_type = schema::Name))]
    pub name: user::PersonName,
}

/// A one-time link that lets a user choose a new password and signs them in.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SignInLink {
    /// Link id, for example `lnk_0199f3a1c6d07c35b2f0e8a4d1c7b9e2`.
    #[cfg_attr(feature = "server", schema(value_type = schema::SignInLinkId))]
    pub id: String,
    /// User that the link signs in.
    #[cfg_attr(feature = "server", schema(value_type = schema::UserId))]
    pub user_id: String,
    /// When the link expires.
    #[cfg_attr(feature = "server", schema(format = DateTime))]
    pub expires_at: String,
    /// Link to give to the user, and to no one else; shown only once.
    #[cfg_attr(feature = "server", schema(value_type = String, format = "uri"))]
    pub url: PlainSecret,
}
