//! Forward authentication: a proxy asks before it passes a request on.

use std::fmt::Display;

use http::{HeaderName, HeaderValue};
use openindex_domain::access::Requirement;
use openindex_domain::token::Scope;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use crate::server::body::Ignored;
use crate::server::query::Query;
use crate::server::{AnyToken, Problem};
use crate::wire::VerifyQuery;

type Facts = [(HeaderName, HeaderValue); 6];

/// Verify the token of a forwarded request
///
/// For a proxy that asks before it passes a request on (nginx `auth_request`, Caddy
/// `forward_auth`, Traefik `ForwardAuth`, Envoy `ext_authz`). Every method is accepted, the body is
/// ignored, and the response never redirects. All six headers are in every 200, even without a
/// value, so that copying them replaces what a client sent. Text is percent-encoded. A parameter
/// `uri` ends the query: it and all that follows is ignored, for proxies that append the path of
/// the request.
#[utoipa::path(get, path = "/auth/verify", tag = "verification", operation_id = "verifyToken",
    params(VerifyQuery),
    responses((status = 200, description = "The token is accepted",
        headers(
            ("X-Auth-User-Id" = String, description = "Id of the token's owner"),
            ("X-Auth-User-Email" = String, description = "Their email address; empty if unknown"),
            ("X-Auth-Token-Id" = String, description = "Id of the token"),
            ("X-Auth-Token-Kind" = String, description = "`personal` or `agent_run`"),
            ("X-Auth-Scope" = String, description = "Effective scope"),
            ("X-Auth-Expires-At" = String,
                description = "When the token expires; empty if never"),
        ))))]
pub(in crate::server) async fn verify(
    AnyToken(principal): AnyToken,
    Query(required, ()): Query<VerifyQuery>,
    _: Ignored,
) -> Result<Facts, Problem> {
    // The API's own requirements are recorded in the audit log when they are not met; this one is
    // that of another service, which can be asked for at any rate.
    principal.authorize(Requirement {
        kind: required.kind,
        scope: required.scope.unwrap_or(Scope::ReadWrite),
    })?;
    let token = principal
        .token()
        .ok_or_else(Problem::authentication_required)?;
    let profile = principal.owner().profile.as_ref();
    let email = profile
        .map(|profile| profile.email.as_str())
        .unwrap_or_default();
    let expires = token.expires_at.as_ref().map(ToString::to_string);
    Ok([
        fact("x-auth-user-id", &principal.user_id()),
        fact("x-auth-user-email", &email),
        fact("x-auth-token-id", &token.id),
        fact("x-auth-token-kind", &token.kind()),
        fact("x-auth-scope", &principal.effective_scope()),
        fact("x-auth-expires-at", &expires.unwrap_or_default()),
    ])
}

/// What cannot stand for itself in a header, besides everything outside ASCII.
const ENCODED: &AsciiSet = &CONTROLS.add(b' ').add(b'%').add(b'"').add(b',').add(b';');

fn fact(name: &'static str, value: &dyn Display) -> (HeaderName, HeaderValue) {
    let text = utf8_percent_encode(&value.to_string(), ENCODED).to_string();
    let value = HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""));
    (HeaderName::from_static(name), value)
}
