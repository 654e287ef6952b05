use openindex_domain::user;
use serde::{Deserialize, Serialize};

use super::field::{non_null, optional, required};
#[cfg(feature = "server")]
use super::schema;
use super::shape::wire;
use super::{DamagedRow, Open, Pat, PlainSecret, Role};

wire! { response
/// A user, as an administrator sees them.
User {
    /// User id, for example `usr_0199f3a1c6d07c35b2f0e8a4d1c7b9e2`.
    id: String [value_type = schema::UserId],
    /// Email address.
    email: String [value_type = schema::EmailAddress],
    /// Name of the user.
    name: String,
    /// Writing systems mixed in the address or the name, for example `["Cyrillic","Latin"]`, a sign
    /// that it could imitate another one; empty if neither mixes any.
    #[serde(default)]
    mixed_scripts: Vec<String>,
    /// Role of the user.
    role: Open<Role> [value_type = Role],
    /// When the user joined.
    created_at: String [format = DateTime],
    /// When the user was suspended; null if they are not.
    suspended_at: Option<String> [format = DateTime],
}}

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

wire! { query
/// Filter and order of users.
UserQuery {
    /// Text that the name or email address contains, ignoring case.
    search: Option<user::UserSearch> = "optional" [value_type = Option<schema::Name>],
    /// Order: `joined` (default), `newest`, `name` from A to Z, `last_seen` with the most recently
    /// seen first, or `least_seen` with the least recently seen first.
    sort: Option<user::UserSort> = "optional" [value_type = Option<schema::UserSort>],
}}

wire! { list
/// A page of users, in the order they joined unless `sort` is given.
UserList {
    /// Users on this page.
    items: Vec<User>
}}

wire! { request
/// A change of a user: exactly one of these fields.
#[derive(Default)]
PatchUser {
    /// New role.
    role: Option<user::Role> = "non_null" [nullable = false, value_type = Option<Role>],
    /// New email address to sign in with. The user's id, tokens and sessions stay the same.
    email: Option<user::Email> = "non_null"
        [nullable = false, value_type = Option<schema::EmailAddress>],
}}

wire! { request
/// A change of the caller's own user.
PatchMe {
    /// New name: 1 to 100 characters, no control characters.
    name: user::PersonName as "required" [value_type = schema::Name],
}}

wire! { secret
/// A one-time link that lets a user choose a new password and signs them in.
SignInLink {
    /// Link id, for example `lnk_0199f3a1c6d07c35b2f0e8a4d1c7b9e2`.
    id: String [value_type = schema::SignInLinkId],
    /// User that the link signs in.
    user_id: String [value_type = schema::UserId],
    /// When the link expires.
    expires_at: String [format = DateTime],
    /// Link to give to the user, and to no one else; shown only once.
    url: PlainSecret [value_type = String, format = "uri"],
}}
