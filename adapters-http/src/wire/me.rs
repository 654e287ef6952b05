use openindex_domain::clock::Timestamp;
use openindex_domain::token::{
    self, Expiry, Lifetime, ListFilter, ListPage, NewToken, Overlap, RequestedExpiry,
    RotationOptions, Scope, Search, Sort, Token, TokenName, TokenWithSecret,
};

use super::field::{optional, required};
#[cfg(feature = "server")]
use super::schema;
use super::shape::wire;
use super::{
    DamagedRow, FieldError, Kind, MeRun, Open, PlainSecret, RevokedBy, Role, Status, WireScope,
};

wire! { response
/// The user and token of the request.
Me {
    /// Owner of the token.
    user: MeUser,
    /// The token.
    token: MeToken,
}}

wire! { response
/// The owner of a token.
MeUser {
    /// User id, for example `usr_0199f3a1c6d07c35b2f0e8a4d1c7b9e2`.
    id: String [value_type = schema::UserId],
    /// Email address, if known.
    email: Option<String> [value_type = Option<schema::EmailAddress>],
    /// Name, if known.
    name: Option<String>,
    /// Role of the user.
    role: Open<Role> [value_type = Role],
}}

wire! { response
/// The token of the request.
MeToken {
    /// Token id, for example `pat_0199f3a1c6d07c35b2f0e8a4d1c7b9e2` or `run_…`.
    id: String [value_type = schema::TokenId],
    /// Personal access token, or token of an agent run.
    kind: Open<Kind> [value_type = Kind],
    /// Name of the token.
    name: String,
    /// Scope of the token.
    scope: Open<WireScope> [value_type = WireScope],
    /// Effective scope: the token's scope, limited to what the owner's role currently allows.
    effective_scope: Open<WireScope> [value_type = WireScope],
    /// When the token expires; `null` if never.
    expires_at: Option<String> [format = DateTime],
    /// The agent run; absent for a personal access token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    run: Option<MeRun>,
}}

wire! { response
/// A personal access token, without its secret.
Pat {
    /// Token id, for example `pat_0199f3a1c6d07c35b2f0e8a4d1c7b9e2`.
    id: String [value_type = schema::PatId],
    /// Name of the token.
    name: String,
    /// Scope of the token.
    scope: Open<WireScope> [value_type = WireScope],
    /// When the token was created.
    created_at: String [format = DateTime],
    /// When the token expires; `null` if never.
    expires_at: Option<String> [format = DateTime],
    /// When a request was last accepted with the token, accurate to a few seconds; `null` if never.
    last_used_at: Option<String> [format = DateTime],
    /// Current status.
    status: Open<Status> [value_type = Status],
    /// Token that replaced this one in a rotation; absent if it was not rotated. This token stays
    /// live until `expiresAt`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    replaced_by: Option<String> [value_type = schema::PatId, required = false],
    /// Last four characters of the secret; absent for tokens created before they were stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_four: Option<String> [value_type = String, required = false],
    /// Client address of the request that created the token; absent if unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    created_from: Option<String> [value_type = String, required = false],
    /// Client address of the request at `lastUsedAt`; absent if unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_used_from: Option<String> [value_type = String, required = false],
    /// When the token was revoked; absent if it was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    revoked_at: Option<String> [value_type = String, format = DateTime, required = false],
    /// Why the token was revoked; absent if it was not, or if unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    revoked_by: Option<Open<RevokedBy>> [value_type = RevokedBy, required = false],
}}

wire! { list
/// A page of the caller's tokens, newest first unless `sort` is given.
PatList {
    /// Tokens on this page.
    items: Vec<Pat>
}}

wire! { query
/// Filters for the caller's tokens; a token must match all of them.
PatQuery {
    /// Status of the tokens. By default, live and expired tokens. Revoked tokens are stored for 30
    /// days.
    status: Option<token::Status> = "optional" [value_type = Option<schema::ListedStatus>],
    /// Exact name; several tokens can have the same name.
    name: Option<TokenName> = "optional" [value_type = Option<schema::Name>],
    /// Text that the name contains, ignoring case.
    search: Option<Search> = "optional" [value_type = Option<schema::Name>],
    /// Order: `newest` (default), `name` from A to Z, `expiry` with the first to expire first, or
    /// `last_used` with the most recently used first.
    sort: Option<Sort> = "optional" [value_type = Option<schema::PatSort>],
}}

wire! { secret
/// A new token with its secret, in the only response that contains it.
CreatedPat {
    /// The token.
    #[serde(flatten)]
    pat: Pat,
    /// Secret of the token, shown only once.
    token: PlainSecret [value_type = schema::PatSecret],
}}

wire! { request
/// A token to create. Set `expiresAt` or `expiresIn`, not both; without either, or with a blank
/// `expiresAt`, the token never expires.
CreatePat {
    /// Name: 1 to 100 characters, no control characters.
    name: TokenName as "required" [value_type = schema::Name],
    /// Scope; at most the effective scope of the token that makes the request.
    scope: Scope as "required" [value_type = WireScope],
    /// When the token expires: a future RFC 3339 date-time, or a date, meaning the end of that day
    /// in UTC.
    expires_at: Option<Expiry> = "optional" [value_type = Option<schema::RequestedExpiry>],
    /// Lifetime in seconds, by the server's clock.
    expires_in: Option<Lifetime> = "optional"
        [value_type = Option<i64>, minimum = 1, maximum = 253_402_300_799i64],
}}

wire! { request
/// Options for a rotation. Set `expiresAt` or `expiresIn`, not both; without either, the new token
/// keeps the old token's expiry.
#[derive(Default)]
RotatePat {
    /// When the new token expires: absent keeps the old token's expiry, blank means never,
    /// otherwise as for a new token.
    expires_at: Option<Expiry> = "optional" [value_type = Option<schema::RequestedExpiry>],
    /// Lifetime of the new token in seconds, by the server's clock.
    expires_in: Option<Lifetime> = "optional"
        [value_type = Option<i64>, minimum = 1, maximum = 253_402_300_799i64],
    /// How long the old token stays live, in seconds.
    overlap_seconds: Option<Overlap> = "optional"
        [value_type = Option<i64>, minimum = 0, maximum = 86_400, default = 0],
}}

impl Pat {
    /// Describes a token as it is at `now`.
    #[must_use]
    pub fn new(token: &Token, now: Timestamp) -> Self {
        let text = |at: Option<Timestamp>| at.map(|at| at.to_string());
        Self {
            id: token.id.to_string(),
            name: token.name.as_str().to_owned(),
            scope: token.scope.into(),
            created_at: token.created_at.to_string(),
            expires_at: text(token.expires_at),
            last_used_at: text(token.last_used_at),
            status: token.status(now).into(),
            replaced_by: token.successor.map(|successor| successor.to_string()),
            last_four: token.details.last_four.map(|end| end.to_string()),
            created_from: token.details.created_from.map(|from| from.to_string()),
            last_used_from: token.details.last_used_from.map(|from| from.to_string()),
            revoked_at: text(token.revoked_at),
            revoked_by: token.details.revoked_by.map(Into::into),
        }
    }
}

impl CreatedPat {
    /// Describes a new token, with its secret: for its owner, once.
    #[must_use]
    pub fn new(issued: &TokenWithSecret, now: Timestamp) -> Self {
        Self {
            pat: Pat::new(&issued.token, now),
            token: PlainSecret::new(issued.secret.expose()),
        }
    }
}

impl PatList {
    /// Describes a page of tokens as they are at `now`.
    #[must_use]
    pub fn new(page: &ListPage, now: Timestamp) -> Self {
        let tokens = page.tokens.iter();
        Self {
            items: tokens.map(|token| Pat::new(token, now)).collect(),
            damaged: page.tokens.damaged().map(Into::into).collect(),
            next_cursor: page.next.as_ref().map(ToString::to_string),
        }
    }
}

impl From<PatQuery> for ListFilter {
    fn from(query: PatQuery) -> Self {
        let PatQuery {
            status,
            name,
            search,
            sort,
        } = query;
        Self {
            status,
            name,
            search,
            sort: sort.unwrap_or_default(),
        }
    }
}

/// Fails when both `expiresAt` and `expiresIn` are set.
impl TryFrom<CreatePat> for NewToken {
    type Error = Vec<FieldError>;

    fn try_from(request: CreatePat) -> Result<Self, Vec<FieldError>> {
        let CreatePat {
            name,
            scope,
            expires_at,
            expires_in,
        } = request;
        let expires = requested_expiry(expires_at, expires_in)?;
        let expires = expires.unwrap_or_else(|| Expiry::Never.into());
        Ok(Self::new(name, scope, expires))
    }
}

/// Fails when both `expiresAt` and `expiresIn` are set.
impl TryFrom<RotatePat> for RotationOptions {
    type Error = Vec<FieldError>;

    fn try_from(request: RotatePat) -> Result<Self, Vec<FieldError>> {
        let RotatePat {
            expires_at,
            expires_in,
            overlap_seconds,
        } = request;
        Ok(Self {
            expires: requested_expiry(expires_at, expires_in)?,
            overlap: overlap_seconds.unwrap_or_default(),
        })
    }
}

/// Returns the requested expiry: an instant, or a lifetime.
pub(crate) fn requested_expiry(
    at: Option<Expiry>,
    lifetime: Option<Lifetime>,
) -> Result<Option<RequestedExpiry>, Vec<FieldError>> {
    match (at, lifetime) {
        (None, None) => Ok(None),
        (Some(at), None) => Ok(Some(at.into())),
        (None, Some(lifetime)) => Ok(Some(lifetime.into())),
        (Some(_), Some(_)) => Err(vec![
            FieldError::new("expiresAt", "must not be combined with expiresIn"),
            FieldError::new("expiresIn", "must not be combined with expiresAt"),
        ]),
    }
}
