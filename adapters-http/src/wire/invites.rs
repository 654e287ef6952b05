use openindex_domain::invite;
use openindex_domain::token::TokenName;
use openindex_domain::user::{self, Email, Password, PersonName};
use serde::{Deserialize, Serialize};

use super::field::{optional, required};
use super::open::vocabulary;
#[cfg(feature = "server")]
use super::schema;
use super::shape::wire;
use super::{DamagedRow, Open, Pat, PlainSecret, Role, User};

vocabulary! {
/// The status of an invite.
InviteStatus = invite::InviteStatus {
    /// The invite can be claimed.
    Open,
    /// The invite was claimed.
    Claimed,
    /// The invite was withdrawn.
    Withdrawn,
    /// A newer invite for the same address replaced it.
    Replaced,
    /// The invite has expired.
    Expired,
}}

wire! { response
/// An invite, without its secret.
Invite {
    /// Invite id, for example `inv_0199f3a1c6d07c35b2f0e8a4d1c7b9e2`.
    id: String [value_type = schema::InviteId],
    /// Invited email address; null for the first administrator, who chooses it when claiming.
    email: Option<String> [value_type = Option<schema::EmailAddress>],
    /// Writing systems mixed in the address, for example `["Cyrillic","Latin"]`, a sign that it
    /// could imitate another address; empty if there is only one.
    #[serde(default)]
    mixed_scripts: Vec<String>,
    /// Role of the user who claims the invite.
    role: Open<Role> [value_type = Role],
    /// Current status.
    status: Open<InviteStatus> [value_type = InviteStatus],
    /// User who created the invite; null if the server operator did.
    created_by: Option<String> [value_type = Option<schema::UserId>],
    /// When the invite was created.
    created_at: String [format = DateTime],
    /// When the invite expires.
    expires_at: String [format = DateTime],
    /// When the invite was claimed; null if it was not.
    claimed_at: Option<String> [format = DateTime],
    /// User who claimed the invite; null if it was not claimed.
    claimed_by: Option<String> [value_type = Option<schema::UserId>],
    /// Newer invite for the same address that replaced this one; null if none did.
    #[serde(default)]
    replaced_by: Option<String> [value_type = Option<schema::InviteId>],
}}

wire! { list
/// A page of invites, newest first.
InviteList {
    /// Invites on this page.
    items: Vec<Invite>
}}

wire! { request
/// A request to invite a user.
CreateInvite {
    /// Email address to invite.
    email: Email as "required" [value_type = schema::EmailAddress],
    /// Role of the invited user; `member` by default.
    role: Option<user::Role> = "optional" [value_type = Option<Role>],
}}

wire! { secret
/// A new invite with its link, in the only response that contains it.
CreatedInvite {
    /// The invite.
    #[serde(flatten)]
    invite: Invite,
    /// Link to send to the invited person, and to no one else.
    url: PlainSecret [value_type = String, format = "uri"],
    /// Secret in that link, for `POST /auth/invites/claim`.
    code: PlainSecret [value_type = schema::InviteCode],
}}

/// A request to claim an invite.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClaimInvite {
    /// Secret of the invite.
    #[cfg_attr(feature = "server", schema(value_type = schema::InviteCode))]
    pub code: PlainSecret,
    /// Name of the new user: 1 to 100 characters, no control characters.
    #[serde(with = "required")]
    #[cfg_attr(feature = "server", schema(value_type = schema::Name))]
    pub name: PersonName,
    /// Email address: required for the first administrator; otherwise it must be the invited
    /// address.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<schema::EmailAddress>))]
    pub email: Option<Email>,
    /// Password for the web interface: 15 to 256 characters.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "server",
        schema(value_type = Option<String>, format = Password, min_length = 15, max_length = 256)
    )]
    pub password: Option<Password>,
    /// Name of a first token. At least one of `password` and `tokenName` is required.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<schema::Name>))]
    pub token_name: Option<TokenName>,
}

wire! { secret
/// A user who has claimed an invite.
ClaimedInvite {
    /// The new user.
    user: User,
    /// First token, if one was requested.
    #[serde(skip_serializing_if = "Option::is_none")]
    pat: Option<Pat>,
    /// Secret of that token, shown only once.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<PlainSecret> [value_type = Option<schema::PatSecret>],
}}
