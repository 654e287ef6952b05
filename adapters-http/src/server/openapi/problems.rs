//! Responses that several routes return: one shared component per kind of problem, which routes
//! reference.

use std::collections::BTreeMap;

use openindex_domain::token::RejectionReason;
use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::AllOfBuilder;
use utoipa::openapi::{ContentBuilder, ObjectBuilder, Ref, RefOr, Response, ResponseBuilder, Type};

use crate::server::Code;

use super::{examples, headers};

/// Problems that every route may return, because the middleware returns them.
const EVERYWHERE: &[Code] = &[
    Code::InvalidRequest,
    Code::InvalidField,
    Code::RequestTimeout,
    Code::PreconditionFailed,
    Code::BodyTooLarge,
    Code::UnsupportedMediaType,
    Code::ExpectationFailed,
    Code::HeadersTooLarge,
    Code::Internal,
    Code::NotImplemented,
    Code::Unavailable,
    Code::Overloaded,
];

pub(super) const UNAUTHORIZED: [Code; 1 + RejectionReason::ALL.len()] = {
    let mut codes = [Code::AuthenticationRequired; 1 + RejectionReason::ALL.len()];
    let mut n = 0;
    while n < RejectionReason::ALL.len() {
        codes[n + 1] = Code::of_rejection(RejectionReason::ALL[n]);
        n += 1;
    }
    codes
};

/// Names of components for several kinds of problems. A component for a single kind is named after
/// it.
const NAMES: &[(&str, &[Code])] = &[
    ("BadRequest", &[Code::InvalidRequest, Code::InvalidField]),
    ("Unauthorized", &UNAUTHORIZED),
    (
        "AdminTokenRequired",
        &[Code::HumanTokenRequired, Code::InsufficientScope],
    ),
    (
        "AdminAccountRequired",
        &[
            Code::HumanTokenRequired,
            Code::InsufficientScope,
            Code::AccountRequired,
        ],
    ),
    (
        "AgentRunDenied",
        &[Code::RunBoundToWorkItem, Code::AgentMismatch],
    ),
    (
        "VersionMismatch",
        &[Code::PreconditionFailed, Code::VersionMismatch],
    ),
    (
        "TokenNotRotatable",
        &[
            Code::TokenNotLive,
            Code::TokenAlreadyRotated,
            Code::TokenLimitReached,
        ],
    ),
    ("ServiceUnavailable", &[Code::Unavailable, Code::Overloaded]),
];

/// Adds problems to an operation: those given, and those that follow from its signature. Returns
/// the components that it references.
pub(super) fn describe(
    path: &str,
    operation: &mut Operation,
    problems: impl IntoIterator<Item = Code>,
) -> Vec<(String, RefOr<Response>)> {
    let mut codes = EVERYWHERE.to_vec();
    if path.contains('{') {
        codes.push(Code::NotFound);
    }
    codes.extend(problems);
    let mut statuses = BTreeMap::<u16, Vec<Code>>::new();
    for code in codes {
        let same = statuses.entry(code.status().as_u16()).or_default();
        if !same.contains(&code) {
            same.push(code);
        }
    }
    let mut shared = Vec::new();
    for (status, codes) in statuses {
        let full = response(status, &codes);
        let response = match name(&codes) {
            Some(name) => {
                let reference = Ref::from_response_name(&name);
                shared.push((name, full.into()));
                reference.into()
            }
            None => full.into(),
        };
        let responses = &mut operation.responses.responses;
        responses.insert(status.to_string(), response);
    }
    shared
}

/// Adds 304, which every read can return. Returns its component.
pub(super) fn not_modified(operation: &mut Operation) -> (String, RefOr<Response>) {
    const NAME: &str = "NotModified";
    let responses = &mut operation.responses.responses;
    responses.insert("304".to_owned(), Ref::from_response_name(NAME).into());
    let response = ResponseBuilder::new()
        .description("Not modified: `If-None-Match` matches the current version. No body.")
        .build();
    (NAME.to_owned(), headers::of_not_modified(response).into())
}

fn name(codes: &[Code]) -> Option<String> {
    match codes {
        [code] => Some(code.as_str().split('_').map(capitalized).collect()),
        codes => NAMES
            .iter()
            .find(|(_, named)| *named == codes)
            .map(|(name, _)| (*name).to_owned()),
    }
}

fn capitalized(word: &str) -> String {
    let (first, rest) = word.split_at(1);
    first.to_ascii_uppercase() + rest
}

fn response(status: u16, codes: &[Code]) -> Response {
    let lines = codes
        .iter()
        .map(|code| format!("`{}`: {}.", code.as_str(), code.title()));
    let narrowed = ObjectBuilder::new()
        .property(
            "status",
            ObjectBuilder::new()
                .schema_type(Type::Integer)
                .enum_values(Some([status])),
        )
        .property(
            "code",
            ObjectBuilder::new()
                .schema_type(Type::String)
                .enum_values(Some(codes.iter().map(|code| code.as_str()))),
        );
    let schema = AllOfBuilder::new()
        .item(Ref::from_schema_name("ProblemBody"))
        .item(narrowed);
    let examples = codes
        .iter()
        .map(|code| (code.as_str(), examples::reference(code.as_str())));
    let content = ContentBuilder::new()
        .schema(Some(schema))
        .examples_from_iter(examples)
        .build();
    let mut response = ResponseBuilder::new()
        .description(lines.collect::<Vec<_>>().join(" "))
        .content("application/problem+json", content)
        .build();
    response.headers = headers::of_problem(codes);
    response
}
