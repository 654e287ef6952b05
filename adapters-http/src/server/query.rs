//! Query parameters.

use std::str::FromStr;

use axum::extract::FromRequestParts;
use http::Uri;
use http::request::Parts;
use openindex_domain::token::{ListCursor, MAX_TOKEN_PAGE};
use serde::de::DeserializeOwned;

use crate::wire::{
    AgentRunFilter, AuditQuery, ExportQuery, PageQuery, PatFilter, PatPageQuery, PatQuery,
    QueueQuery, WorkItemQuery,
};

use super::Problem;
use super::given::{Given, Reader};
use super::value::Value;

/// How many items a page has unless asked otherwise.
pub(super) const DEFAULT_PAGE: u32 = 50;

/// The parameters of a query: of one type, or of two side by side.
pub(super) struct Query<A, B = ()>(pub(super) A, pub(super) B);

/// What a query can be read as.
pub(super) trait Parameters: Sized {
    /// Reads it; `None` when something is wrong, of which the reader keeps note.
    fn read(reader: &mut Reader<'_>) -> Option<Self>;
}

macro_rules! parameters {
    ($($type:ty),+) => {$(
        impl Parameters for $type {
            fn read(reader: &mut Reader<'_>) -> Option<Self> {
                read(reader)
            }
        }
    )+};
}

parameters!(
    (),
    AgentRunFilter,
    AuditQuery,
    ExportQuery,
    PatFilter,
    PatQuery,
    QueueQuery,
    WorkItemQuery
);

/// No parameter is required anywhere.
fn read<T: DeserializeOwned>(reader: &mut Reader<'_>) -> Option<T> {
    reader.read(&[])
}

/// Which page: a [`PageQuery`] whose cursor is one of this list.
pub(super) struct Page<C> {
    pub(super) limit: u32,
    pub(super) after: Option<C>,
}

impl<C: FromStr> Parameters for Page<C> {
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let PageQuery { limit, cursor } = read(reader)?;
        let after = after(reader, cursor)?;
        Some(Self {
            limit: limit.unwrap_or(DEFAULT_PAGE),
            after,
        })
    }
}

/// Which page of the caller's tokens, which is a longer one: a [`PatPageQuery`].
pub(super) struct PatPage(pub(super) Page<ListCursor>);

impl Parameters for PatPage {
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let PatPageQuery { limit, cursor } = read(reader)?;
        let after = after(reader, cursor)?;
        let limit = limit.unwrap_or(MAX_TOKEN_PAGE);
        Some(Self(Page { limit, after }))
    }
}

/// Reads a cursor; the outer `None` when it is none of this list.
#[expect(
    clippy::option_option,
    reason = "wrong, absent and given are three answers"
)]
fn after<C: FromStr>(reader: &mut Reader<'_>, cursor: Option<String>) -> Option<Option<C>> {
    let after = cursor.map(|text| text.parse()).transpose();
    if after.is_err() {
        reader.refuse("cursor", "must be the nextCursor of the page before");
    }
    after.ok()
}

impl<S: Send + Sync, A: Parameters, B: Parameters> FromRequestParts<S> for Query<A, B> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let given = given(&parts.uri);
        let mut reader = Reader::new(&given, "parameter");
        let read = (A::read(&mut reader), B::read(&mut reader));
        reader.finish()?;
        match read {
            (Some(a), Some(b)) => Ok(Self(a, b)),
            // A reader that could not read has said why.
            _ => Err(Problem::internal()),
        }
    }
}

/// What a query gives. Text that is not UTF-8 is read with replacement characters.
pub(super) fn given(uri: &Uri) -> Given {
    let mut given = Given::default();
    for (name, value) in form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
        given.add(name.into_owned(), Value::Parameter(value.into_owned()));
    }
    given
}
