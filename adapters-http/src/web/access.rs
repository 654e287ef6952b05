//! Extractors that authorize a request. A page handler's first argument states who can open it, and
//! gives access to the use cases.

use std::convert::Infallible;
use std::ops::Deref;
use std::str::FromStr;

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
use super::path::IdPath;
use super::query::Query;
use super::site::Web;

/// Any visitor.
pub(super) struct Visitor {
    web: Web,
    /// `Some` if they are signed in.
    pub(super) principal: Option<Principal>,
}

/// Any visitor. The session is not looked up.
pub(super) struct Anyone(Web);

/// A signed-in user, with what they request and the messages that the next page shows them.
pub(super) struct Person {
    web: Web,
    pub(super) principal: Principal,
    pub(super) query: Query,
    pub(super) context: Context,
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

    /// Returns whether the user can open the administration pages.
    pub(super) fn is_administrator(&self) -> bool {
        self.principal.authorize(Requirement::HUMAN_ADMIN).is_ok()
    }
}

/// An administrator who is signed in.
pub(super) struct Administrator(Person);

/// Someone at the page of what the path names.
pub(super) struct At<P, Id> {
    by: P,
    pub(super) id: Id,
}

impl Deref for Anyone {
    type Target = Web;

    fn deref(&self) -> &Web {
        &self.0
    }
}
impl Deref for Visitor {
    type Target = Web;

    fn deref(&self) -> &Web {
        &self.web
    }
}
impl Deref for Person {
    type Target = Web;

    fn deref(&self) -> &Web {
        &self.web
    }
}
impl Deref for Administrator {
    type Target = Person;

    fn deref(&self) -> &Person {
        &self.0
    }
}
impl<P, Id> Deref for At<P, Id> {
    type Target = P;

    fn deref(&self) -> &P {
        &self.by
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
impl<P: Permission, Id> Permission for At<P, Id> {
    const ACCESS: Access = P::ACCESS;
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
    let principal = web.sessions.verify(presented).await?;
    if let (Some(sender), Some(principal)) = (sender, &principal) {
        sender.record_user(principal);
    }
    Ok(principal)
}

impl FromRequestParts<Web> for Anyone {
    type Rejection = Infallible;

    async fn from_request_parts(_: &mut Parts, web: &Web) -> Result<Self, Infallible> {
        Ok(Self(web.clone()))
    }
}

impl FromRequestParts<Web> for Visitor {
    type Rejection = WebError;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, WebError> {
        let sender = parts.extensions.get();
        let principal = verified(&parts.headers, sender, web).await?;
        let web = web.clone();
        Ok(Self { web, principal })
    }
}

impl FromRequestParts<Web> for Person {
    type Rejection = WebError;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, WebError> {
        let sender = parts.extensions.get();
        let principal = verified(&parts.headers, sender, web).await?;
        let principal = principal.ok_or(WebError::SIGN_IN)?;
        let notices = web.users.notices(&principal).await?;
        let Ok(JustDone(done)) = JustDone::from_request_parts(parts, web).await;
        let Ok(query) = Query::from_request_parts(parts, web).await;
        let draft = (parts.method == Method::GET)
            .then(|| Draft::of_page(&parts.headers, &web.site, parts.uri.path()))
            .flatten();
        Ok(Self {
            web: web.clone(),
            draft: draft.filter(|draft| draft.is_of(principal.user_id())),
            principal,
            query,
            context: Context::of(parts),
            notices,
            done,
        })
    }
}

impl FromRequestParts<Web> for Administrator {
    type Rejection = WebError;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, WebError> {
        let person = Person::from_request_parts(parts, web).await?;
        let (principal, requirement) = (&person.principal, Requirement::HUMAN_ADMIN);
        authorize(principal, requirement, Some(&web.audit), &person.context).await?;
        Ok(Self(person))
    }
}

impl<P, Id> FromRequestParts<Web> for At<P, Id>
where
    P: FromRequestParts<Web, Rejection = WebError> + Send,
    Id: FromStr,
{
    type Rejection = WebError;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, WebError> {
        let by = P::from_request_parts(parts, web).await?;
        let IdPath(id) = IdPath::from_request_parts(parts, web).await?;
        Ok(Self { by, id })
    }
}
