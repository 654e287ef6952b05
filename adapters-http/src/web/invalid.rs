//! Validation errors of a form.

use std::fmt::Display;

use http::StatusCode;
use openindex_domain::user::{MIN_PASSWORD_CHARS, Password, WeakPassword};

use super::form::Form;

/// The error at a select or a set of radio buttons without a valid choice.
pub(super) const CHOOSE: &str = "Choose one of the options.";

/// The error of each invalid field, in page order. The first field gets the focus.
#[derive(Debug, Default)]
pub(super) struct Invalid(Vec<Fault>);

/// The error of a field.
#[derive(Debug)]
pub(super) struct Fault {
    /// The ID of the field's element.
    pub(super) id: &'static str,
    pub(super) text: String,
    /// The path and label of a link to what may help.
    pub(super) link: Option<(String, &'static str)>,
}

impl Invalid {
    /// Returns the error of a single field.
    pub(super) fn field(id: &'static str, text: impl Into<String>) -> Self {
        let mut errors = Self::default();
        errors.add(id, text);
        errors
    }

    /// Returns whether a field other than this one is invalid.
    pub(super) fn besides(&self, id: &str) -> bool {
        self.0.iter().any(|fault| fault.id != id)
    }

    /// Adds the error of a field below those already added.
    pub(super) fn add(&mut self, id: &'static str, text: impl Into<String>) {
        let text = text.into();
        self.add_fault(Fault {
            id,
            text,
            link: None,
        });
    }

    pub(super) fn add_fault(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    /// Returns a parsed field, or `None` after adding its error.
    pub(super) fn check<T, E, M: Into<String>>(
        &mut self,
        id: &'static str,
        parsed: Result<T, E>,
        message: impl FnOnce(E) -> M,
    ) -> Option<T> {
        parsed.map_err(|error| self.add(id, message(error))).ok()
    }

    /// Returns a parsed field, or `None` after adding an error that names it: "The {what} {error}."
    pub(super) fn named<T, E: Display>(
        &mut self,
        id: &'static str,
        what: &str,
        parsed: Result<T, E>,
    ) -> Option<T> {
        self.check(id, parsed, |error| format!("The {what} {error}."))
    }

    /// Parses a field that can be empty. Returns `None` if it is, or after adding its error like
    /// [`named`](Self::named).
    pub(super) fn optional<T, E: Display>(
        &mut self,
        id: &'static str,
        what: &str,
        text: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let parsed = Some(text).filter(|text| !text.is_empty()).map(parse)?;
        self.named(id, what, parsed)
    }

    /// Parses a date. Returns `None` if there is none, or after adding its error.
    pub(super) fn date<T>(
        &mut self,
        id: &'static str,
        text: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        self.one_of(id, text, parse, "Enter a date such as 2026-12-31.")
    }

    /// Parses the choice of a select. Returns `None` if there is none, or after adding its error.
    pub(super) fn choice<T>(
        &mut self,
        id: &'static str,
        text: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        self.one_of(id, text, parse, CHOOSE)
    }

    fn one_of<T>(
        &mut self,
        id: &'static str,
        text: &str,
        parse: impl FnOnce(&str) -> Option<T>,
        message: &str,
    ) -> Option<T> {
        if text.is_empty() {
            return None;
        }
        self.check(id, parse(text).ok_or(()), |()| message)
    }

    /// Restores the page order, given by ID, after errors were added out of order.
    pub(super) fn sort(&mut self, order: &[&str]) {
        self.0
            .sort_by_key(|fault| order.iter().position(|id| *id == fault.id));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Fault> {
        self.0.iter()
    }

    /// Returns the error of a field, or `None` if it is valid.
    pub(super) fn get(&self, id: &str) -> Option<&Fault> {
        self.0.iter().find(|fault| fault.id == id)
    }

    pub(super) fn is_first(&self, id: &str) -> bool {
        self.0.first().is_some_and(|fault| fault.id == id)
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

impl Invalid {
    /// Parses the field `password` as a new password of the user with these `words`, or returns
    /// `None` after adding its error.
    pub(super) fn new_password(&mut self, form: &Form, words: &[&str]) -> Option<Password> {
        let password = form.password("password");
        let password = self.named("password", "password", password)?;
        let strong = password.check_new(words);
        self.check("password", strong, weak_password)?;
        Some(password)
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
