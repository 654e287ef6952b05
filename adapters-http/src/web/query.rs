//! The query of a page's URL. A page shows something for every query: a parameter of an unknown name
//! is ignored, and an invalid value is named on the page.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use http::request::Parts;

/// The parameters of a query, or those that lead to another page.
#[derive(Debug, Clone, Default)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// The first value of this name, trimmed; empty when there is none.
    pub(super) fn get(&self, name: &str) -> &str {
        self.0
            .iter()
            .find(|(given, _)| given == name)
            .map_or("", |(_, value)| value.trim())
    }

    /// Reads a parameter; `None` when there is none.
    ///
    /// # Errors
    ///
    /// Its name, when it means nothing.
    pub(super) fn read<T>(
        &self,
        name: &'static str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, &'static str> {
        match self.get(name) {
            "" => Ok(None),
            text => parse(text).map(Some).ok_or(name),
        }
    }

    /// Reads a parameter that orders a list or says where its page begins. The list is shown without
    /// one that means nothing, whose name is added to `ignored`.
    pub(super) fn place<T>(
        &self,
        name: &'static str,
        parse: impl Fn(&str) -> Option<T>,
        ignored: &mut Vec<&'static str>,
    ) -> Option<T> {
        self.read(name, parse).unwrap_or_else(|name| {
            ignored.push(name);
            None
        })
    }

    /// Returns whether there is no parameter.
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a parameter unless it is empty.
    pub(super) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        let value = value.into();
        if !value.is_empty() {
            self.0.push((name.to_owned(), value));
        }
        self
    }

    /// A path with this query behind it.
    pub(super) fn on(&self, path: &str) -> String {
        if self.0.is_empty() {
            return path.to_owned();
        }
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(&self.0)
            .finish();
        format!("{path}?{query}")
    }
}

impl<S: Sync> FromRequestParts<S> for Query {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let query = parts.uri.query().unwrap_or_default();
        Ok(Self(
            form_urlencoded::parse(query.as_bytes())
                .into_owned()
                .collect(),
        ))
    }
}
