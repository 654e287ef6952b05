use openindex_domain::invite;
use openindex_domain::token::TokenName;
use openindex_domain::user::{self, Email, Password, PersonName};
use serde::{Deserialize, Serialize};

use super::field::{optional, required};
#[cfg(feature = "server")]
use super::schema;
use super::{DamagedRow, Open, Pat, PlainSecret, Role, User};

/// Where an invite stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum InviteStatus {
    /// It can be claimed.
    Open,
    /// Somebody claimed it.
    Claimed,
    /// It was withdrawn.
    Withdrawn,
    /// Its time is up.
    Expired,
}

impl From<invite::InviteStatus> for InviteStatus {
    fn from(status: invite::InviteStatus) -> Self {
        match status {
            invite::InviteStatus::Open => Self::Open,
            invite::InviteStatus::Claimed => Self::Claimed,
            invite::InviteStatus::Withdrawn => Self::Withdrawn,
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
    /// Names it, as in `inv_0199f3a1c6d07c35b2f0e8a4d1c7b9e2`.
    #[cfg_attr(feature = "server", schema(value_type = schema::InviteId))]
    pub id: String,
    /// The invited address; null for the first administrator, who says theirs when they claim.
    #[cfg_attr(feature = "server", schema(value_type = Option<schema::EmailAddress>))]
    pub email: Option<String>,
    /// The scripts that the address mixes, as in `["Cyrillic","Latin"]`, where it could pass for another one;
    /// empty where it mixes none.
    #[serde(default)]
    pub mixed_scripts: Vec<String>,
    /// What its claimant will be allowed at most.
    #[cfg_attr(feature = "server", schema(value_type = Role))]
    pub role: Open<Role>,
    /// Where it stands now.
    #[cfg_attr(feature = "server", schema(value_type = InviteStatus))]
    pub status: Open<InviteStatus>,
    /// Who invited; null is the operator.
    #[cfg_attr(feature = "server", schema(value_type = Option<schema::UserId>))]
    pub created_by: Option<String>,
    /// When it was made.
    #[cfg_attr(feature = "server", schema(format = DateTime))]
    pub created_at: String,
    /// It can be claimed before this instant.
    #[cfg_attr(feature = "server", schema(format = DateTime))]
    pub expires_at: String,
    /// When it was claimed; null is not.
    #[cfg_attr(feature = "server", schema(format = DateTime))]
    pub claimed_at: Option<String>,
    /// Who claimed it.
    #[cfg_attr(feature = "server", schema(value_type = Option<schema::UserId>))]
    pub claimed_by: Option<String>,
}

/// A page of invites, the newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct InviteList {
    /// The invites.
    pub items: Vec<Invite>,
    /// Rows of this page that cannot be read; absent when there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub damaged: Vec<DamagedRow>,
    /// Pass it as `cursor` for the next page; null on the last.
    pub next_cursor: Option<String>,
}

/// Whom to invite.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateInvite {
    /// Their address.
    #[serde(with = "required")]
    #[cfg_attr(feature = "server", schema(value_type = schema::EmailAddress))]
    pub email: Email,
    /// What they will be allowed at most; `member` unless given.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<Role>))]
    pub role: Option<user::Role>,
}

/// A new invite with its link: the only answer that ever holds it.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct CreatedInvite {
    /// The invite.
    #[serde(flatten)]
    pub invite: Invite,
    /// What to send to whoever is invited, and to nobody else.
    #[cfg_attr(feature = "server", schema(value_type = String, format = "uri"))]
    pub url: PlainSecret,
    /// The secret in that link, for `POST /auth/invites/claim`.
    #[cfg_attr(feature = "server", schema(value_type = schema::InviteCode))]
    pub code: PlainSecret,
}

/// What somebody says who claims an invite.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClaimInvite {
    /// The secret of the invite.
    #[cfg_attr(feature = "server", schema(value_type = schema::InviteCode))]
    pub code: PlainSecret,
    /// What they are called: 1 to 100 characters, no control characters.
    #[serde(with = "required")]
    #[cfg_attr(feature = "server", schema(value_type = schema::Name))]
    pub name: PersonName,
    /// Their address: required of the first administrator; of others it must be the invited one.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<schema::EmailAddress>))]
    pub email: Option<Email>,
    /// A password to sign in to the web interface with: 15 to 256 characters.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<String>, format = Password, min_length = 15, max_length = 256))]
    pub password: Option<Password>,
    /// The name of a first token. One of password and token is required.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<schema::Name>))]
    pub token_name: Option<TokenName>,
}

/// Somebody who has joined.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct ClaimedInvite {
    /// The new user.
    pub user: User,
    /// Their first token, if they asked for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pat: Option<Pat>,
    /// Its secret, to be kept now or never.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<schema::PatSecret>))]
    pub token: Option<PlainSecret>,
}
