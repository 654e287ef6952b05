//! The query of a page's URL. Unknown parameters are ignored; an invalid value is named on the page.

use std::convert::Infallible;
use std::fmt::Display;
use std::str::FromStr;

use axum::extract::FromRequestParts;
use http::request::Parts;
use openindex_domain::token::Secret;

/// The parameters of the request's query, or of a link.
#[derive(Debug, Clone, Default)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// Returns the first value with this name, trimmed, or an empty string if there is none.
    pub(super) fn get(&self, name: &str) -> &str {
        self.0
            .iter()
            .find(|(given, _)| given == name)
            .map_or("", |(_, value)| value.trim())
    }

    /// Returns the value of a parameter for the order or the start of a list. If the value is
    /// invalid, adds the name to `ignored` and returns `None`.
    pub(super) fn place<T>(
        &self,
        name: &'static str,
        parse: impl Fn(&str) -> Option<T>,
        ignored: &mut Vec<&'static str>,
    ) -> Option<T> {
        let text = self.get(name);
        let value = parse(text);
        if value.is_none() && !text.is_empty() {
            ignored.push(name);
        }
        value
    }

    /// Returns the start of a list like [`place`](Self::place).
    pub(super) fn cursor<T: FromStr>(
        &self,
        name: &'static str,
        ignored: &mut Vec<&'static str>,
    ) -> Option<T> {
        self.place(name, |text| text.parse().ok(), ignored)
    }

    /// Returns the parameters with these names, for the form that shows them again and for links. A
    /// token pasted into one is left out.
    pub(super) fn only<'a>(&self, names: impl IntoIterator<Item = &'a &'a str>) -> Self {
        let given = names.into_iter().map(|name| (*name, self.get(name)));
        given
            .filter(|(_, value)| !Secret::is_in(value))
            .fold(Self::default(), |only, (name, value)| {
                only.with(name, value)
            })
    }

    /// Returns whether there are no parameters.
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the number of parameters with other names.
    pub(super) fn besides(&self, name: &str) -> usize {
        self.0.iter().filter(|(given, _)| given != name).count()
    }

    /// Adds a parameter unless it is empty.
    pub(super) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        let value = value.into();
        if !value.is_empty() {
            self.0.push((name.to_owned(), value));
        }
        self
    }

    /// Returns `path` followed by this query and one more parameter.
    pub(super) fn to(&self, path: &str, name: &str, value: &dyn Display) -> String {
        self.clone().with(name, value.to_string()).on(path)
    }

    /// Returns `path` followed by this query.
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
