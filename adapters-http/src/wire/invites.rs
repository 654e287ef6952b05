use openindex_domain::invite;
use openindex_domain::token::TokenName;
use openindex_domain::user::{self, Email, Password, PersonName};
use serde::{Deserialize, Serialize};

use super::field::{optional, required};
#[cfg(feature = "server")]
use super::schema;
use super::{DamagedRow, Open, Pat, PlainSecret, Role, User};

/// The status of an invite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum InviteStatus {
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
}

impl From<invite::InviteStatus> for InviteStatus {
    fn from(status: invite::InviteStatus) -> Self {
        match status {
            invite::InviteStatus::Open => Self::Open,
            invite::InviteStatus::Claimed => Self::Claimed,
            invite::InviteStatus::Withdrawn => Self::Withdrawn,
            invite::InviteStatus::Replaced => Self::Replaced,
            invite::InviteStatus::Expired => Self::Expired,
        }
    }
}

super::open::known!(invite::InviteStatus => InviteStatus);

/// An invite, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Invite {
    /// Invite id, for example `inv_0199f3a1c6d07c35b2f0e8a4d1c7b9e2`.
    #[cfg_attr(feature = "server", schema(value_type = schema::InviteId))]
    pub id: String,
    /// Invited email address; null for the first administrator, who chooses it when claiming.
    #[cfg_attr(feature = "server", schema(value_type = Option<schema::EmailAddress>))]
    pub email: Option<String>,
    /// Writing systems mixed in the address, for example `["Cyrillic","Latin"]`, a sign that it
    /// could imitate another address; empty if there is only one.
    #[serde(default)]
    pub mixed_scripts: Vec<String>,
    /// Role of the user who claims the invite.
    #[cfg_attr(feature = "server", schema(value_type = Role))]
    pub role: Open<Role>,
    /// Current status.
    #[cfg_attr(feature = "server", schema(value_type = InviteStatus))]
    pub status: Open<InviteStatus>,
    /// User who created the invite; null if the server operator did.
    #[cfg_attr(feature = "server", schema(value_type = Option<schema::UserId>))]
    pub created_by: Option<String>,
    /// When the invite was created.
    #[cfg_attr(feature = "server", schema(format = DateTime))]
    pub created_at: String,
    /// When the invite expires.
    #[cfg_attr(feature = "server", schema(format = DateTime))]
    pub expires_at: String,
    /// When the invite was claimed; null if it was not.
    #[cfg_attr(feature = "server", schema(format = DateTime))]
    pub claimed_at: Option<String>,
    /// User who claimed the invite; null if it was not claimed.
    #[cfg_attr(feature = "server", schema(value_type = Option<schema::UserId>))]
    pub claimed_by: Option<String>,
    /// Newer invite for the same address that replaced this one; null if none did.
    #[serde(default)]
    #[cfg_attr(feature = "server", schema(value_type = Option<schema::InviteId>))]
    pub replaced_by: Option<String>,
}

/// A page of invites, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct InviteList {
    /// Invites on this page.
    pub items: Vec<Invite>,
    /// Damaged rows on this page; absent if there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub damaged: Vec<DamagedRow>,
    /// Value of `cursor` for the next page; null on the last page.
    pub next_cursor: Option<String>,
}

/// A request to invite a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateInvite {
    /// Email address to invite.
    #[serde(with = "required")]
    #[cfg_attr(feature = "server", schema(value_type = schema::EmailAddress))]
    pub email: Email,
    /// Role of the invited user; `member` by default.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<Role>))]
    pub role: Option<user::Role>,
}

/// A new invite with its link, in the only response that contains it.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct CreatedInvite {
    /// The invite.
    #[serde(flatten)]
    pub invite: Invite,
    /// Link to send to the invited person, and to no one else.
    #[cfg_attr(feature = "server", schema(value_type = String, format = "uri"))]
    pub url: PlainSecret,
    /// Secret in that link, for `POST /auth/invites/claim`.
    #[cfg_attr(feature = "server", schema(value_type = schema::InviteCode))]
    pub code: PlainSecret,
}

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

/// A user who has claimed an invite.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct ClaimedInvite {
    /// The new user.
    pub user: User,
    /// First token, if one was requested.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pat: Option<Pat>,
    /// Secret of that token, shown only once.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<schema::PatSecret>))]
    pub token: Option<PlainSecret>,
}
