//! Permissions as extractor types: a handler's signature says who may call it.

use axum::extract::{FromRef, FromRequestParts};
use http::request::Parts;
use openindex_domain::access::{Principal, Requirement};
use openindex_domain::clock::Timestamp;

use super::if_match::{self, Untagged};
use super::{Context, Guard, Problem, unexpected};

/// What a route needs of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Needs {
    /// Nothing; anybody may call it.
    Nothing,
    /// A bearer token that meets the requirement.
    Token(Requirement),
}

/// An extractor that decides who may call a handler. It is the handler's first argument.
pub trait Permission {
    /// What it asks for.
    const NEEDS: Needs;
    /// Whether the target has an `ETag`, so that the handler evaluates `If-Match` and its kin.
    const HAS_ETAG: bool = false;
}

/// Anybody may call this route; written down, so that no route is open by omission.
#[derive(Debug, Clone, Copy)]
pub struct Public;

impl Permission for Public {
    const NEEDS: Needs = Needs::Nothing;
}

impl<S: Sync> FromRequestParts<S> for Public {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        unexpected::check(parts)?;
        check_conditions(parts, None)?;
        Ok(Self)
    }
}

/// After authorization and before everything else (RFC 9110 §13.2.1), on routes that say so.
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
            /// Who the request acts as.
            pub Principal,
        );

        impl Permission for $name {
            const NEEDS: Needs = Needs::Token($requirement);
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
    /// Any live token, of a human or of a workflow agent run.
    AnyToken, Requirement::ANY_TOKEN
}
permission! {
    /// A human's personal access token of any scope; an agent run's is refused with 403.
    Human, Requirement::HUMAN
}
permission! {
    /// A human's personal access token with the effective scope `admin`.
    HumanAdmin, Requirement::HUMAN_ADMIN
}
