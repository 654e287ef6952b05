//! Statements and their parameters.

use std::borrow::Cow;

use openindex_domain::clock::Timestamp;
use openindex_domain::session::SessionId;
use openindex_domain::token::{Digest, TokenId};
use openindex_domain::user::UserId;
use uuid::Uuid;

/// A parameter. `None` is NULL, of the variant's type.
#[derive(Debug, Clone)]
pub enum Value {
    /// A UUID.
    Uuid(Option<Uuid>),
    /// A text.
    Text(Option<String>),
    /// Bytes.
    Bytes(Option<Vec<u8>>),
    /// A number, for an integer column of any width.
    Integer(Option<i64>),
    /// A time.
    Time(Option<Timestamp>),
    /// A list for [`Dialect::any`](crate::Dialect::any).
    Uuids(Vec<Uuid>),
    /// A list for [`Dialect::any_text`](crate::Dialect::any_text).
    Texts(Vec<String>),
    /// A list for [`Dialect::any`](crate::Dialect::any).
    Digests(Vec<Digest>),
    /// The values of one column of rows, all of one variant, for a database whose
    /// [`Dialect::push_rows`](crate::Dialect::push_rows) binds columns.
    Column(Vec<Value>),
}

/// A statement with its parameters, `$1` to `$n`.
#[derive(Debug, Clone)]
pub struct Statement {
    /// The text.
    pub sql: Cow<'static, str>,
    /// The parameters in their order.
    pub values: Vec<Value>,
    /// Whether the connection prepares the statement once and keeps it; true unless the text is one
    /// of many.
    pub is_cached: bool,
}

impl Statement {
    /// Creates a statement without parameters.
    #[must_use]
    pub fn new(sql: impl Into<Cow<'static, str>>) -> Self {
        Self {
            sql: sql.into(),
            values: Vec::new(),
            is_cached: true,
        }
    }

    /// Adds the next parameter, for which the text already has a placeholder.
    #[must_use]
    pub fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    /// Appends to the text.
    pub fn push(&mut self, sql: &str) -> &mut Self {
        self.sql.to_mut().push_str(sql);
        self
    }

    /// Appends the text and a parameter, if there is a value.
    pub fn push_some<V: Into<Value>>(&mut self, sql: &str, value: Option<V>) -> &mut Self {
        match value {
            Some(value) => self.push(sql).push_bind(value),
            None => self,
        }
    }

    /// Adds the next parameter and appends its placeholder to the text.
    pub fn push_bind(&mut self, value: impl Into<Value>) -> &mut Self {
        let placeholder = self.add(value);
        self.push(&placeholder)
    }

    /// Appends `VALUES` with these rows, each value a parameter, whose placeholder may be changed.
    pub fn push_values<T, const N: usize>(
        &mut self,
        rows: &[T],
        values: impl Fn(&T) -> [Value; N],
        placeholder: impl Fn(String) -> String,
    ) {
        // A statement of an unusual length is not worth caching.
        self.is_cached = rows.len() == 1;
        let mut separator = "VALUES (";
        for row in rows {
            for value in values(row) {
                let placeholder = placeholder(self.add(value));
                self.push(separator).push(&placeholder);
                separator = ", ";
            }
            separator = "), (";
        }
        self.push(")");
    }

    /// Adds the next parameter and returns its placeholder.
    #[must_use = "the text must contain the placeholder"]
    pub fn add(&mut self, value: impl Into<Value>) -> String {
        self.values.push(value.into());
        format!("${}", self.values.len())
    }
}

/// Implements the conversion of a type, and of an `Option` of it.
macro_rules! values {
    ($($type:ty => $variant:ident($value:ident => $converted:expr);)*) => {
        $(
            impl From<$type> for Value {
                fn from($value: $type) -> Self {
                    Self::$variant(Some($converted))
                }
            }
            impl From<Option<$type>> for Value {
                fn from(value: Option<$type>) -> Self {
                    Self::$variant(value.map(|$value| $converted))
                }
            }
        )*
    };
}

values! {
    Uuid => Uuid(id => id);
    UserId => Uuid(id => id.uuid());
    TokenId => Uuid(id => id.uuid());
    SessionId => Uuid(id => id.uuid());
    &str => Text(text => text.to_owned());
    String => Text(text => text);
    i64 => Integer(number => number);
    u32 => Integer(number => number.into());
    Timestamp => Time(at => at);
    &Digest => Bytes(digest => digest.as_bytes().to_vec());
}

impl From<Vec<Uuid>> for Value {
    fn from(ids: Vec<Uuid>) -> Self {
        Self::Uuids(ids)
    }
}

impl From<&[TokenId]> for Value {
    fn from(ids: &[TokenId]) -> Self {
        Self::Uuids(ids.iter().map(|id| id.uuid()).collect())
    }
}

impl From<Vec<String>> for Value {
    fn from(texts: Vec<String>) -> Self {
        Self::Texts(texts)
    }
}

impl From<Vec<Digest>> for Value {
    fn from(digests: Vec<Digest>) -> Self {
        Self::Digests(digests)
    }
}
