//! Extractors that authorize a request. A page handler's first argument states who can open it.

use std::sync::{Arc, OnceLock};

use axum::extract::{FromRef, FromRequestParts};
use http::request::Parts;
use http::{HeaderMap, Method};
use openindex_domain::access::{Principal, Requirement};
use openindex_domain::user::Notice;

use crate::server::Context;

use super::cookie;
use super::done::{Confirmation, JustDone};
use super::draft::Draft;
use super::error::WebError;
use super::form::Form;
use super::site::Web;

/// Who can open a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Needs {
    /// Anyone.
    Nothing,
    /// A user with an active browser session.
    SignedIn,
    /// An administrator with an active browser session.
    Administrator,
}

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

/// The user and the form of a request, recorded as soon as they are known. An error page can then
/// show the user's navigation and restore their entries, even if the store is unavailable.
#[derive(Clone, Default)]
pub(super) struct Sender(Arc<Seen>);

#[derive(Default)]
struct Seen {
    user: OnceLock<Principal>,
    form: OnceLock<Form>,
}

impl Sender {
    pub(super) fn user(&self) -> Option<&Principal> {
        self.0.user.get()
    }

    /// Returns the form that was sent, without secrets.
    pub(super) fn form(&self) -> Option<&Form> {
        self.0.form.get()
    }

    pub(super) fn record(&self, form: &Form) {
        self.0.form.get_or_init(|| form.without_secrets());
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

/// The access that an extractor requires.
pub(super) trait Access {
    const NEEDS: Needs;
}

impl Access for Anyone {
    const NEEDS: Needs = Needs::Nothing;
}
impl Access for Visitor {
    const NEEDS: Needs = Needs::Nothing;
}
impl Access for Person {
    const NEEDS: Needs = Needs::SignedIn;
}
impl Access for Administrator {
    const NEEDS: Needs = Needs::Administrator;
}

/// The arguments of a handler, the first of which is an [`Access`].
pub(super) trait Declares {
    const NEEDS: Needs;
}

macro_rules! declares {
    ($($rest:ident)*) => {
        impl<Via, P: Access, $($rest),*> Declares for (Via, P, $($rest,)*) {
            const NEEDS: Needs = P::NEEDS;
        }
    };
}
declares!();
declares!(A);
declares!(A B);
declares!(A B C);
declares!(A B C D);
declares!(A B C D E);

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
        sender.0.user.get_or_init(|| principal.clone());
    }
    Ok(principal)
}

impl<S: Sync> FromRequestParts<S> for Anyone {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(_: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self)
    }
}

impl<S> FromRequestParts<S> for Visitor
where
    S: Sync,
    Web: FromRef<S>,
{
    type Rejection = WebError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, WebError> {
        let web = Web::from_ref(state);
        let sender = parts.extensions.get();
        verified(&parts.headers, sender, &web).await.map(Self)
    }
}

impl<S> FromRequestParts<S> for Person
where
    S: Sync,
    Web: FromRef<S>,
{
    type Rejection = WebError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, WebError> {
        let web = Web::from_ref(state);
        let sender = parts.extensions.get();
        let principal = verified(&parts.headers, sender, &web).await?;
        let principal = principal.ok_or(WebError::SIGN_IN)?;
        let notices = web.api.users.notices(&principal).await?;
        let Ok(JustDone(done)) = JustDone::from_request_parts(parts, state).await;
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

impl<S> FromRequestParts<S> for Administrator
where
    S: Sync,
    Web: FromRef<S>,
{
    type Rejection = WebError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, WebError> {
        let person = Person::from_request_parts(parts, state).await?;
        if let Err(denied) = person.principal.authorize(Requirement::HUMAN_ADMIN) {
            let Ok(context) = Context::from_request_parts(parts, state).await;
            let audit = Web::from_ref(state).api.audit.clone();
            // If the denial cannot be audited, return 503 instead of 403: fail closed.
            audit.record_denial(&person.principal, &context).await?;
            return Err(denied.into());
        }
        Ok(Self(person))
    }
}
