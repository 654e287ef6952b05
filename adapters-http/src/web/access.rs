//! Extractors that authorize a request. A page handler's first argument states who can open it.

use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderMap, Method};
use openindex_domain::access::{Principal, Requirement};
use openindex_domain::user::Notice;

use crate::guard::{Access, Context, Permission, authorize};

use super::cookie;
use super::done::{Confirmation, JustDone};
use super::draft::Draft;
use super::error::WebError;
use super::form::{Form, Sender};
use super::site::Web;

/// Any visitor; `Some` if they are signed in.
pub(super) struct Visitor(pub(super) Option<Principal>);

/// Any visitor. The session is not looked up.
pub(super) struct Anyone;

/// A signed-in user, with the messages that the next page shows them.
pub(super) struct Person {
    pub(super) principal: Principal,
    pub(super) notices: Vec<Notice>,
    pub(super) done: Option<Confirmation>,
    /// The form they sent from this page after their session had ended.
    pub(super) draft: Option<Draft>,
}

static EMPTY: Form = Form::EMPTY;

impl Person {
    /// Returns the entries to restore in this page's form.
    pub(super) fn entries(&self) -> &Form {
        self.draft.as_ref().map_or(&EMPTY, |draft| &draft.form)
    }
}

/// An administrator who is signed in.
pub(super) struct Administrator(pub(super) Person);

impl Person {
    /// Returns whether the user can open the administration pages.
    pub(super) fn is_administrator(&self) -> bool {
        self.principal.authorize(Requirement::HUMAN_ADMIN).is_ok()
    }
}

impl Permission for Anyone {
    const ACCESS: Access = Access::Public;
}
impl Permission for Visitor {
    const ACCESS: Access = Access::Public;
}
impl Permission for Person {
    const ACCESS: Access = Access::Requires(Requirement::HUMAN);
}
impl Permission for Administrator {
    const ACCESS: Access = Access::Requires(Requirement::HUMAN_ADMIN);
}

/// Verifies the session cookie, at most once per request. Returns `None` if there is no active
/// session.
pub(super) async fn verified(
    headers: &HeaderMap,
    sender: Option<&Sender>,
    web: &Web,
) -> Result<Option<Principal>, WebError> {
    if let Some(principal) = sender.and_then(Sender::user) {
        return Ok(Some(principal.clone()));
    }
    let presented = cookie::presented(headers, web.site.transport, cookie::SESSION);
    let Some(presented) = presented else {
        return Ok(None);
    };
    let principal = web.api.sessions.verify(presented).await?;
    if let (Some(sender), Some(principal)) = (sender, &principal) {
        sender.record_user(principal);
    }
    Ok(principal)
}

impl<S: Sync> FromRequestParts<S> for Anyone {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(_: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self)
    }
}

impl FromRequestParts<Web> for Visitor {
    type Rejection = WebError;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, WebError> {
        let sender = parts.extensions.get();
        verified(&parts.headers, sender, web).await.map(Self)
    }
}

impl FromRequestParts<Web> for Person {
    type Rejection = WebError;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, WebError> {
        let sender = parts.extensions.get();
        let principal = verified(&parts.headers, sender, web).await?;
        let principal = principal.ok_or(WebError::SIGN_IN)?;
        let notices = web.api.users.notices(&principal).await?;
        let Ok(JustDone(done)) = JustDone::from_request_parts(parts, web).await;
        let draft = (parts.method == Method::GET)
            .then(|| Draft::of_page(&parts.headers, &web.site, parts.uri.path()))
            .flatten();
        Ok(Self {
            draft: draft.filter(|draft| draft.is_of(principal.user_id())),
            principal,
            notices,
            done,
        })
    }
}

impl FromRequestParts<Web> for Administrator {
    type Rejection = WebError;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, WebError> {
        let person = Person::from_request_parts(parts, web).await?;
        let Ok(context) = Context::from_request_parts(parts, web).await;
        let audit = &web.api.audit;
        let requirement = Requirement::HUMAN_ADMIN;
        authorize(&person.principal, requirement, Some(audit), &context).await?;
        Ok(Self(person))
    }
}
