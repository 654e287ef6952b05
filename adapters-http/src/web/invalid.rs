//! Validation errors of a form.

use http::StatusCode;
use openindex_domain::user::{MIN_PASSWORD_CHARS, WeakPassword};

/// The message of each invalid field, by element ID, in page order. The first field gets the focus.
#[derive(Debug, Default)]
pub(super) struct Invalid(Vec<(&'static str, String)>);

impl Invalid {
    /// Returns the error of a single field.
    pub(super) fn field(id: &'static str, text: impl Into<String>) -> Self {
        Self(vec![(id, text.into())])
    }

    /// Adds the error of a field below those already added.
    pub(super) fn add(&mut self, id: &'static str, text: impl Into<String>) {
        self.0.push((id, text.into()));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &(&'static str, String)> {
        self.0.iter()
    }

    /// Returns the message of a field, or `None` if it is valid.
    pub(super) fn get(&self, id: &str) -> Option<&str> {
        let mut fields = self.0.iter();
        let found = fields.find(|(field, _)| *field == id);
        found.map(|(_, text)| text.as_str())
    }

    pub(super) fn is_first(&self, id: &str) -> bool {
        self.0.first().is_some_and(|(field, _)| *field == id)
    }

    /// Returns the status of the form's page: 200, or 422 if a field is invalid.
    pub(super) fn status(&self) -> StatusCode {
        if self.is_empty() {
            StatusCode::OK
        } else {
            StatusCode::UNPROCESSABLE_ENTITY
        }
    }
}

/// Returns what to tell a user whose new password was rejected.
pub(super) fn weak_password(weak: WeakPassword) -> String {
    match weak {
        WeakPassword::TooShort => format!("Use at least {MIN_PASSWORD_CHARS} characters."),
        WeakPassword::Common => {
            "This password is too easy to guess. Try several unrelated words.".to_owned()
        }
        WeakPassword::Personal => {
            "Don’t use your name, your email address or “openindex”.".to_owned()
        }
        WeakPassword::Current => "Choose a password other than your current one.".to_owned(),
    }
}
