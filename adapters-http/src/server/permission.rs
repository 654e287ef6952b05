//! Permissions as extractor types: a handler's signature says who may call it.

use axum::extract::{FromRef, FromRequestParts};
use http::request::Parts;
use openindex_domain::access::{Principal, Requirement};
use openindex_domain::clock::Timestamp;

use super::if_match::{self, Untagged};
use super::{Context, Guard, Problem, unexpected};

/// Who may call a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Access {
    /// Anyone, with or without a token.
    Public,
    /// A bearer token that meets the requirement.
    Token(Requirement),
}

/// An extractor that authorizes the caller. It is the first argument of every handler.
pub trait Permission {
    /// Who passes it.
    const ACCESS: Access;
    /// Whether the target has an `ETag`, so that the handler evaluates `If-Match` and the like.
    const HAS_ETAG: bool = false;
}

/// Allows everyone. A route must name this type to be public, so none is public by omission.
#[derive(Debug, Clone, Copy)]
pub struct Public;

impl Permission for Public {
    const ACCESS: Access = Access::Public;
}

impl<S: Sync> FromRequestParts<S> for Public {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        unexpected::check(parts)?;
        check_conditions(parts, None)?;
        Ok(Self)
    }
}

/// Evaluates conditional headers after authorization and before everything else (RFC 9110 §13.2.1),
/// on routes whose target has no `ETag`.
fn check_conditions(parts: &Parts, now: Option<Timestamp>) -> Result<(), Problem> {
    match parts.extensions.get::<Untagged>() {
        Some(Untagged) => if_match::check(&parts.method, &parts.headers, now),
        None => Ok(()),
    }
}

macro_rules! permission {
    ($(#[$doc:meta])* $name:ident, $requirement:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub struct $name(
            /// The principal that the request acts as.
            pub Principal,
        );

        impl Permission for $name {
            const ACCESS: Access = Access::Token($requirement);
        }

        impl<S> FromRequestParts<S> for $name
        where
            S: Send + Sync,
            Guard: FromRef<S>,
        {
            type Rejection = Problem;

            async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
                let guard = Guard::from_ref(state);
                let context = Context::of(parts);
                let principal = guard.admit(&parts.headers, $requirement, &context).await?;
                unexpected::check(parts)?;
                check_conditions(parts, Some(guard.now()))?;
                Ok(Self(principal))
            }
        }
    };
}

permission! {
    /// Accepts any live token, of a user or of an agent run.
    AnyToken, Requirement::ANY_TOKEN
}
permission! {
    /// Accepts a personal access token of any scope; an agent run token gets 403.
    Human, Requirement::HUMAN
}
permission! {
    /// Accepts a personal access token with the effective scope `admin`.
    HumanAdmin, Requirement::HUMAN_ADMIN
}
