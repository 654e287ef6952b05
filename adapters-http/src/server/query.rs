//! Query parameters.

use std::str::FromStr;

use axum::extract::FromRequestParts;
use http::Uri;
use http::request::Parts;
use openindex_domain::page::MAX_TOKEN_PAGE;
use openindex_domain::token::ListCursor;
use serde::de::DeserializeOwned;

use crate::wire::{
    AgentRunFilter, AuditQuery, ExportQuery, PageQuery, PatFilter, PatPageQuery, PatQuery,
    QueueQuery, UserQuery, VerifyQuery, WorkItemQuery,
};

use super::Problem;
use super::given::{Given, Reader};
use super::value::Value;

/// Default page size.
pub(super) const DEFAULT_PAGE: u32 = 50;

/// The parameters of a query, read as one type or as two.
pub(super) struct Query<A, B = ()>(pub(super) A, pub(super) B);

/// A type that query parameters can be parsed as.
pub(super) trait Parameters: Sized {
    /// Parses the parameters; `None` if one is invalid, which the reader reports.
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
    UserQuery,
    VerifyQuery,
    WorkItemQuery
);

/// Query parameters are never required.
fn read<T: DeserializeOwned>(reader: &mut Reader<'_>) -> Option<T> {
    reader.read(&[])
}

/// Page size and cursor: a [`PageQuery`] with the cursor type of the list.
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

/// The same for the caller's tokens, whose pages are larger: a [`PatPageQuery`].
pub(super) struct PatPage(pub(super) Page<ListCursor>);

impl Parameters for PatPage {
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let PatPageQuery { limit, cursor } = read(reader)?;
        let after = after(reader, cursor)?;
        let limit = limit.unwrap_or(MAX_TOKEN_PAGE);
        Some(Self(Page { limit, after }))
    }
}

/// Parses a cursor; the outer `None` means that it is invalid.
#[expect(
    clippy::option_option,
    reason = "wrong, absent and given are three results"
)]
fn after<C: FromStr>(reader: &mut Reader<'_>, cursor: Option<String>) -> Option<Option<C>> {
    let after = cursor.map(|text| text.parse()).transpose();
    if after.is_err() {
        reader.reject("cursor", "must be the nextCursor of the previous page");
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
            // The reader has already reported why.
            _ => Err(Problem::internal()),
        }
    }
}

/// Splits a query into parameters. Invalid UTF-8 becomes replacement characters.
pub(super) fn given(uri: &Uri) -> Given {
    let mut given = Given::default();
    for (name, value) in form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
        given.add(name.into_owned(), Value::Parameter(value.into_owned()));
    }
    given
}
