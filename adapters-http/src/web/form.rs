//! Submitted forms.

use std::sync::{Arc, OnceLock};

use axum::body::HttpBody as _;
use axum::extract::{FromRequest, Request};
use http::header;
use http_body_util::LengthLimitError;
use openindex_domain::access::Principal;
use openindex_domain::token::Secret;
use openindex_domain::user::{Password, TooLongPassword};
use zeroize::Zeroizing;

use crate::server::{Code, HeldBack, MAX_FORM_BYTES, TooLargeForm, is_form};

use super::error::WebError;

/// The hidden field with the id of a form that creates something.
pub(super) const ID_FIELD: &str = "form";

/// The fields of a form (`application/x-www-form-urlencoded`). Unknown ones are ignored; a form with
/// a repeated field is invalid.
#[derive(Default)]
pub(super) struct Form(Vec<(String, Zeroizing<String>)>);

impl Form {
    /// A form without fields.
    pub(super) const EMPTY: Self = Self(Vec::new());

    /// Returns a form with these entries.
    pub(super) fn of<'a>(entries: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned().into());
        Self(entries.into_iter().map(owned).collect())
    }

    /// Parses encoded fields. Returns `None` if a field is repeated.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let mut fields: Vec<(String, Zeroizing<String>)> = Vec::new();
        for (name, value) in form_urlencoded::parse(bytes) {
            let value = Zeroizing::new(value.into_owned());
            if fields.iter().any(|(given, _)| *given == name) {
                return None;
            }
            fields.push((name.into_owned(), value));
        }
        Some(Self(fields))
    }

    /// Returns the entries that a page can show again: no passwords, no tokens, and not the form's
    /// id.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&str, &str)> {
        let fields = self.0.iter();
        fields
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .filter(|(name, value)| {
                let is_meta = name.is_empty() || name.starts_with('(') || *name == ID_FIELD;
                let is_secret = name.to_ascii_lowercase().contains("password");
                !is_meta && !is_secret && !Secret::is_in(value)
            })
    }

    /// Returns the entries and the id of the form.
    pub(super) fn without_secrets(&self) -> Self {
        let id = Some((ID_FIELD, self.shown(ID_FIELD))).filter(|(_, id)| !id.is_empty());
        Self::of(self.entries().chain(id))
    }

    /// Returns a field as typed, or an empty string if it is missing.
    pub(super) fn get(&self, name: &str) -> &str {
        self.0
            .iter()
            .find(|(given, _)| given == name)
            .map_or("", |(_, value)| value.as_str())
    }

    /// Returns a field as a page can show it again, or an empty string if it contains a token.
    pub(super) fn shown(&self, name: &str) -> &str {
        let value = self.get(name);
        if Secret::is_in(value) { "" } else { value }
    }

    /// Parses a field as a password, without trimming it.
    pub(super) fn password(&self, name: &str) -> Result<Password, TooLongPassword> {
        Password::parse(self.get(name))
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

    /// The first one counts.
    pub(super) fn record_user(&self, user: &Principal) {
        self.0.user.get_or_init(|| user.clone());
    }

    fn record(&self, form: &Form) {
        self.0.form.get_or_init(|| form.without_secrets());
    }
}

impl<S: Send + Sync> FromRequest<S> for Form {
    type Rejection = WebError;

    async fn from_request(request: Request, _: &S) -> Result<Self, WebError> {
        let is_empty =
            !request.headers().contains_key(header::CONTENT_TYPE) && request.body().is_end_stream();
        if !is_empty && !is_form(request.headers()) {
            return Err(WebError::of(Code::UnsupportedMediaType));
        }
        HeldBack::ask(request.extensions())?;
        if request.extensions().get::<TooLargeForm>().is_some() {
            return Err(WebError::of(Code::BodyTooLarge));
        }
        let sender = request.extensions().get::<Sender>().cloned();
        let bytes = axum::body::to_bytes(request.into_body(), MAX_FORM_BYTES)
            .await
            .map_err(|error| unreadable(&error))?;
        let form = Self::parse(&bytes).ok_or(WebError::of(Code::InvalidRequest))?;
        if let Some(sender) = sender {
            sender.record(&form);
        }
        Ok(form)
    }
}

fn unreadable(error: &axum::Error) -> WebError {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.is::<LengthLimitError>() {
            return WebError::of(Code::BodyTooLarge);
        }
        cause = error.source();
    }
    WebError::of(Code::InvalidRequest)
}
