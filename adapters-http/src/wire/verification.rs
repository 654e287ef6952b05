#[cfg(feature = "wire")]
use openindex_domain::token::{Scope, TokenKind};
use serde::Serialize;

#[cfg(feature = "server")]
use super::WireScope;
#[cfg(feature = "wire")]
use super::field::optional;
#[cfg(feature = "server")]
use super::schema;
use super::shape::wire;
use super::{Kind, Open, PlainSecret};

/// The maximum number of tokens in one introspection.
pub const MAX_INTROSPECTED: usize = 1_000;

#[cfg(feature = "wire")]
wire! { query
/// What forward authentication requires of the token.
VerifyQuery {
    /// Effective scope that the token must have; any token has `read_write`.
    scope: Option<Scope> = "optional" [value_type = Option<WireScope>],
    /// Kind of token that is accepted; both if absent.
    kind: Option<TokenKind> = "optional" [value_type = Option<Kind>],
}}

wire! { secret
/// A token to introspect, as a form (RFC 7662 §2.1). Other parameters are ignored.
IntrospectToken {
    /// Secret of the token.
    token: PlainSecret [value_type = String],
    /// Ignored, because the form of a secret says what it is.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "token_type_hint")]
    token_type_hint: Option<String>,
}}

wire! { secret
/// Tokens to introspect in one call.
#[serde(deny_unknown_fields)]
IntrospectTokens {
    /// Secrets of the tokens.
    tokens: Vec<PlainSecret> [value_type = Vec<String>, max_items = 1_000],
}}

wire! { response
/// What a token is (RFC 7662 §2.2). Of a token that is not accepted, it says only that it is not
/// active.
#[derive(Default)]
Introspection {
    /// Whether the token is accepted now. If not, no other field is present.
    active: bool,
    /// Scopes that the token currently has, separated by a space: `read_write`, or
    /// `read_write admin`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scope: Option<String> [value_type = String, required = false],
    /// Id of the token's owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sub: Option<String> [value_type = schema::UserId, required = false],
    /// Email address of the owner; absent if unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    username: Option<String> [value_type = schema::EmailAddress, required = false],
    /// Always `Bearer`.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "token_type")]
    token_type: Option<String> [value_type = String, required = false],
    /// When the token expires, in seconds since 1970; absent if never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    exp: Option<i64> [value_type = i64, required = false],
    /// When the token was created, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    iat: Option<i64> [value_type = i64, required = false],
    /// Id of the token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    jti: Option<String> [value_type = schema::TokenId, required = false],
    /// Kind of token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kind: Option<Open<Kind>> [value_type = Kind, required = false],
}}

wire! { response
/// What several tokens are, in the order of the request.
Introspections {
    /// One entry for each token.
    tokens: Vec<Introspection>,
}}

/// The response to an introspection: of one token or of several.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(untagged)]
pub enum Introspected {
    /// For a form with one token.
    One(Box<Introspection>),
    /// For a JSON object with several.
    Many(Introspections),
}

wire! { response
/// Metadata of the authorization server (RFC 8414): where its tokens can be introspected.
AuthorizationServer {
    /// Base URL of the API, without a trailing slash.
    issuer: String [format = "uri"],
    /// URL of the introspection endpoint.
    #[serde(rename = "introspection_endpoint")]
    introspection_endpoint: String [format = "uri"],
}}
