//! Permissions as extractor types: a handler's signature says who may call it.

use axum::extract::{FromRef, FromRequestParts, State};
use http::request::Parts;
use http::{HeaderMap, Method};
use openindex_domain::access::{Principal, Requirement};
use openindex_domain::clock::Timestamp;

use super::{Context, Guard, Problem};

/// Who may call a route or open a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Access {
    /// Anyone, with or without a credential.
    Public,
    /// A principal that meets the requirement, verified by the bearer token of an API request or
    /// the session of a browser.
    Requires(Requirement),
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
        check(parts, None)?;
        Ok(Self)
    }
}

/// Request extension: an error found before the handler. The permission returns it once the caller
/// is authorized, so that 401 and 403 come first.
#[derive(Clone)]
pub(crate) struct Deferred(pub(crate) Problem);

/// Request extension: evaluates conditional headers, after authorization and before everything else
/// (RFC 9110 §13.2.1). The time is `None` if no clock is available.
#[derive(Clone, Copy)]
pub(crate) struct Conditions(
    pub(crate) fn(&Method, &HeaderMap, Option<Timestamp>) -> Result<(), Problem>,
);

/// Returns what was found or can be found before the handler, once the caller is authorized.
fn check(parts: &mut Parts, now: Option<Timestamp>) -> Result<(), Problem> {
    if let Some(Deferred(problem)) = parts.extensions.remove() {
        return Err(problem);
    }
    match parts.extensions.get() {
        Some(Conditions(evaluate)) => evaluate(&parts.method, &parts.headers, now),
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
            const ACCESS: Access = Access::Requires($requirement);
        }

        impl<S> FromRequestParts<S> for $name
        where
            S: Send + Sync,
            Guard: FromRef<S>,
        {
            type Rejection = Problem;

            async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
                let guard = Guard::from_ref(state);
                let principal = guard.admit(parts, $requirement).await?;
                check(parts, guard.now())?;
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

/// Which parts of a request a handler reads.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reads {
    pub(crate) query: bool,
    pub(crate) body: bool,
}

/// An argument of a handler, which may read a part of the request.
pub(crate) trait Argument {
    const QUERY: bool = false;
    const BODY: bool = false;
}

impl<S> Argument for State<S> {}
impl Argument for Context {}

/// The arguments of a handler, the first of which is a [`Permission`]. A handler without one does
/// not compile into a router of this crate.
pub(crate) trait HandlerSignature {
    const ACCESS: Access;
    /// The parts of the request that the handler reads.
    const READS: Reads;
    const HAS_ETAG: bool;
}

macro_rules! handler_signature {
    ($($rest:ident)*) => {
        impl<Via, P: Permission, $($rest: Argument),*> HandlerSignature for (Via, P, $($rest,)*) {
            const ACCESS: Access = P::ACCESS;
            const READS: Reads = Reads {
                query: false $(|| $rest::QUERY)*,
                body: false $(|| $rest::BODY)*,
            };
            const HAS_ETAG: bool = P::HAS_ETAG;
        }
    };
}
handler_signature!();
handler_signature!(A);
handler_signature!(A B);
handler_signature!(A B C);
handler_signature!(A B C D);
handler_signature!(A B C D E);
