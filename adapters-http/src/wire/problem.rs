use serde::{Deserialize, Serialize};

#[cfg(feature = "server")]
use super::schema;
use super::shape::wire;

wire! { response
/// Problem details (RFC 9457), as `application/problem+json`.
ProblemBody {
    /// Kind of problem as a URN: `urn:openindex:problem:` and the code.
    #[serde(rename = "type")]
    type_uri: String,
    /// Title; the same for every problem of this kind.
    title: String,
    /// HTTP status.
    status: u16,
    /// What went wrong in this request, and what to do about it.
    detail: String,
    /// Stable code of the problem; use it in programs instead of `detail`.
    code: String,
    /// Invalid fields and parameters, for a 400.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
    /// An `oi` command that helps, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_command: Option<String>,
    /// Who has claimed the work item, with `work_item_claimed`.
    #[serde(
        default,
        deserialize_with = "known_holder",
        skip_serializing_if = "Option::is_none"
    )]
    holder: Option<Holder>,
    /// Token that replaced this one, with `token_already_rotated`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    successor_id: Option<String> [value_type = Option<schema::PatId>],
    /// Tokens that match now, with `review_outdated`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    matching: Option<MatchingTokens>,
}}

wire! { response
/// An invalid field or parameter.
FieldError {
    /// Name of the field or parameter.
    field: String,
    /// What is wrong with the value, or what it must be.
    message: String,
}}

/// Who has claimed a work item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub enum Holder {
    /// An agent.
    AgentId(String),
    /// A user (`usr_…`).
    UserId(String),
}

wire! { response
/// The tokens that currently match the filters of a bulk revocation.
MatchingTokens {
    /// Number of tokens.
    count: u64,
    /// Identifies exactly this set of tokens. Review the tokens before you send this value.
    expected: String [value_type = schema::ReviewDigest],
}}

/// An unknown kind of holder becomes `None`; the problem's detail names it.
fn known_holder<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Holder>, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(value).ok())
}

impl FieldError {
    /// Creates an error about a field.
    #[must_use]
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            message: message.into(),
        }
    }
}
