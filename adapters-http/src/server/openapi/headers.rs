//! Response headers.

use std::collections::BTreeMap;

use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::header::{Header, HeaderBuilder};
use utoipa::openapi::{Components, Object, ObjectBuilder, Ref, RefOr, Response, Type};

use crate::server::Code;

/// The component for the header that every response has.
const REQUEST_ID: &str = "RequestId";

type Headers = BTreeMap<String, RefOr<Header>>;

/// Adds the component that [`of_every_response`] references.
pub(super) fn add_component(components: &mut Components) {
    let schema = ObjectBuilder::new()
        .schema_type(Type::String)
        .min_length(Some(1))
        .max_length(Some(128));
    let header = header(
        schema.build(),
        "Request id, also in the server log. A client can send its own as a UUID, 32 hexadecimal \
         digits or a `traceparent`; it is returned as 32 lower-case digits.",
        "req_0af7651916cd43dd8448eb211c80319c",
    );
    components
        .headers
        .insert(REQUEST_ID.to_owned(), header.into());
}

fn of_every_response() -> Headers {
    let reference = Ref::new(format!("#/components/headers/{REQUEST_ID}"));
    Headers::from([("X-Request-Id".to_owned(), RefOr::Ref(reference))])
}

/// Adds the headers of every successful response. Headers that a route declares are always present.
pub(super) fn complete(response: &mut RefOr<Response>) {
    if let RefOr::T(response) = response {
        for header in response.headers.values_mut() {
            if let RefOr::T(header) = header {
                require(header);
            }
        }
        response.headers.append(&mut of_every_response());
    }
}

/// Adds the headers of a 304. Only some resources have an `ETag`.
pub(super) fn of_not_modified(mut response: Response) -> Response {
    let text = Object::with_type(Type::String);
    let etag = header(text, "The `ETag` from the request.", r#""7""#);
    response.headers = of_every_response();
    response.headers.insert("ETag".to_owned(), etag.into());
    response
}

pub(super) fn of_problem(codes: &[Code]) -> Headers {
    let mut headers = of_every_response();
    let mut add = |name: &str, header: Header| headers.insert(name.to_owned(), header.into());
    let text = || Object::with_type(Type::String);
    let (challenged, unchallenged): (Vec<&Code>, Vec<&Code>) =
        codes.iter().partition(|code| is_challenge(**code));
    if let Some(code) = challenged.first() {
        let mut challenge = header(
            text(),
            "Authentication challenge, with the reason if a token was rejected (RFC 6750).",
            match code {
                Code::InsufficientScope => {
                    r#"Bearer realm="openindex", error="insufficient_scope", scope="admin""#
                }
                _ => r#"Bearer realm="openindex""#,
            },
        );
        if unchallenged.is_empty() {
            require(&mut challenge);
        }
        add("WWW-Authenticate", challenge);
    }
    if codes
        .iter()
        .any(|code| matches!(code.status().as_u16(), 429 | 503))
    {
        let seconds = ObjectBuilder::new()
            .schema_type(Type::Integer)
            .minimum(Some(1));
        let mut header = header(seconds.build(), "Seconds to wait before retrying.", 2);
        require(&mut header);
        add("Retry-After", header);
    }
    headers
}

fn is_challenge(code: Code) -> bool {
    code.status().as_u16() == 401 || code == Code::InsufficientScope
}

fn header(schema: Object, description: &str, example: impl Into<serde_json::Value>) -> Header {
    let mut header = HeaderBuilder::new()
        .schema(Some(schema))
        .description(Some(description))
        .build();
    header.example = Some(example.into());
    header
}

/// Marks a header as always present, for which utoipa has no field.
fn require(header: &mut Header) {
    let extensions = header.extensions.get_or_insert_with(Extensions::default);
    extensions.insert("required".to_owned(), true.into());
}
