use openindex_domain::user;
use serde::{Deserialize, Serialize};

use super::field::{kept, optional, required};
#[cfg(feature = "server")]
use super::schema;
use super::{DamagedRow, Open, Pat, PlainSecret, Role};

/// A user, as an administrator sees them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// Names them, as in `usr_0199f3a1c6d07c35b2f0e8a4d1c7b9e2`.
    #[cfg_attr(feature = "server", schema(value_type = schema::UserId))]
    pub id: String,
    /// Their address.
    #[cfg_attr(feature = "server", schema(value_type = schema::EmailAddress))]
    pub email: String,
    /// What they are called.
    pub name: String,
    /// The scripts that the address or the name mixes, as in `["Cyrillic","Latin"]`, where it could pass for another one;
    /// empty where neither mixes any.
    #[serde(default)]
    pub mixed_scripts: Vec<String>,
    /// What they may do at most.
    #[cfg_attr(feature = "server", schema(value_type = Role))]
    pub role: Open<Role>,
    /// When they joined.
    #[cfg_attr(feature = "server", schema(format = DateTime))]
    pub created_at: String,
    /// Since when they are suspended; null is not.
    #[cfg_attr(feature = "server", schema(format = DateTime))]
    pub suspended_at: Option<String>,
}

/// A new instance's first administrator, as `oi-server bootstrap --json` prints them.
#[derive(Debug, Serialize, Deserialize)]
pub struct Bootstrapped {
    /// The administrator.
    pub user: User,
    /// Their token.
    pub pat: Pat,
    /// Its secret, to be kept now or never.
    pub token: PlainSecret,
}

/// Which users to list, and in which order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::IntoParams))]
#[cfg_attr(feature = "server", into_params(parameter_in = Query))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UserQuery {
    /// With this in their names or email addresses, whatever its case.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", param(value_type = Option<schema::Name>))]
    pub search: Option<user::UserSearch>,
    /// The order: that of joining unless given; the newest first; by name from A to Z; the most
    /// recently seen first; or the least recently seen first.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", param(value_type = Option<schema::UserSort>))]
    pub sort: Option<user::UserSort>,
}

/// A page of users, in the order of their joining unless sorted otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct UserList {
    /// The users.
    pub items: Vec<User>,
    /// Rows of this page that cannot be read; absent when there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub damaged: Vec<DamagedRow>,
    /// Pass it as `cursor` for the next page; null on the last.
    pub next_cursor: Option<String>,
}

/// What to change of a user: exactly one of these.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PatchUser {
    /// What they may do at most from now on.
    #[serde(default, with = "kept", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(nullable = false, value_type = Option<Role>))]
    pub role: Option<user::Role>,
    /// The address that they sign in with from now on. Their id, tokens and sessions stay.
    #[serde(default, with = "kept", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(nullable = false, value_type = Option<schema::EmailAddress>))]
    pub email: Option<user::Email>,
}

/// What to change of the caller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PatchMe {
    /// The name to show from now on: 1 to 100 characters, no control characters.
    #[serde(with = "required")]
    #[cfg_attr(feature = "server", schema(value_type = schema::Name))]
    pub name: user::PersonName,
}

/// A one-time link that opens a user's account: whoever has it chooses a new password.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SignInLink {
    /// Names the link, as in `lnk_0199f3a1c6d07c35b2f0e8a4d1c7b9e2`.
    #[cfg_attr(feature = "server", schema(value_type = schema::SignInLinkId))]
    pub id: String,
    /// Whose account it opens.
    #[cfg_attr(feature = "server", schema(value_type = schema::UserId))]
    pub user_id: String,
    /// It can be used before this instant.
    #[cfg_attr(feature = "server", schema(format = DateTime))]
    pub expires_at: String,
    /// What to give to the user, and to nobody else. It is never shown again.
    #[cfg_attr(feature = "server", schema(value_type = String, format = "uri"))]
    pub url: PlainSecret,
}
