//! What is wrong with the fields of a form.

use http::StatusCode;
use openindex_domain::user::{MIN_PASSWORD_CHARS, WeakPassword};

/// A message for each invalid field, by the id of its element, in the order of the page: the first
/// gets the focus.
#[derive(Debug, Default)]
pub(super) struct Invalid(Vec<(&'static str, String)>);

impl Invalid {
    /// One invalid field.
    pub(super) fn field(id: &'static str, text: impl Into<String>) -> Self {
        Self(vec![(id, text.into())])
    }

    /// Adds a field, which stands below those added before.
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

    /// Returns the message for a field; `None` if it is valid.
    pub(super) fn get(&self, id: &str) -> Option<&str> {
        let mut fields = self.0.iter();
        let found = fields.find(|(field, _)| *field == id);
        found.map(|(_, text)| text.as_str())
    }

    pub(super) fn is_first(&self, id: &str) -> bool {
        self.0.first().is_some_and(|(field, _)| *field == id)
    }

    /// The status of the form's page.
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
    }
}
