//! Reads a whole request body as JSON into the type that a handler names.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::body::{Body as RawBody, Bytes, HttpBody as _};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::response::{IntoResponse as _, Response};
use http::request::Parts;
use http::{Extensions, HeaderMap, HeaderValue, header};
use serde_json::value::RawValue;
use tokio::time::timeout;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;

use super::given::{Given, Reader};
use super::head::is_form;
use super::limits::MAX_BODY_BYTES;
use super::requests::Request as Readable;
use super::{Code, Problem};
use crate::wire::{
    IntrospectTokens, MAX_INTROSPECTED, PlainSecret, ReportLeakedTokens, ScannerFinding,
};

/// Marks a request whose client waits for `100 Continue` before it sends the body. An extractor
/// that reads the body calls [`ask`](Self::ask) and fails; the request is then handled again, with
/// its body.
#[derive(Clone, Default)]
pub(crate) struct HeldBack(Arc<AtomicBool>);

impl HeldBack {
    pub(super) fn is_in(extensions: &Extensions) -> bool {
        extensions.get::<Self>().is_some()
    }

    /// Requests the body if the client still holds it back.
    pub(crate) fn ask(extensions: &Extensions) -> Result<(), Problem> {
        match extensions.get::<Self>() {
            Some(Self(wanted)) => {
                wanted.store(true, Ordering::Relaxed);
                // Never sent: the request is handled again.
                Err(Problem::internal())
            }
            None => Ok(()),
        }
    }

    pub(super) fn is_wanted(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Problem {
    /// Returns the response and closes the connection after it, because part of the request was not
    /// read.
    pub(super) fn into_last_response(self) -> Response {
        unread(self.into_response())
    }
}

/// Closes the connection after a response whose request body was not read.
pub(super) fn unread(mut response: Response) -> Response {
    let close = HeaderValue::from_static("close");
    response.headers_mut().insert(header::CONNECTION, close);
    response
}

/// A JSON object as the body. An absent body and null count as an empty object.
pub(super) struct Body<T>(pub(super) T);

impl<S: Send + Sync, T: Readable> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let bytes = receive(request).await?;
        parse(&bytes).map(Self)
    }
}

/// Reads a JSON body, after sending `100 Continue` to a client that waits for it.
async fn receive(request: Request) -> Result<Bytes, Problem> {
    let (parts, body) = request.into_parts();
    let is_empty = body.is_end_stream() && !HeldBack::is_in(&parts.extensions);
    check_type(&parts.headers, is_empty)?;
    HeldBack::ask(&parts.extensions)?;
    read(body, MAX_BODY_BYTES).await
}

/// The secrets in a leak report: an object with `tokens`, an array of secrets, or the array that
/// GitHub sends to its secret scanning partners. Only the tokens of the array are read; types, URLs
/// and sources are not stored.
pub(super) struct LeakReportBody(pub(super) Vec<PlainSecret>);

impl<S: Send + Sync> FromRequest<S> for LeakReportBody {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let bytes = receive(request).await?;
        let bytes = without_mark(&bytes);
        if !bytes.trim_ascii_start().starts_with(b"[") {
            return parse::<ReportLeakedTokens>(bytes).map(|report| Self(report.tokens));
        }
        let entries: Vec<&RawValue> =
            serde_json::from_slice(bytes).map_err(|error| not_json(&error))?;
        // Entries without a token are skipped, so that one of an unknown form does not keep the
        // others from being revoked.
        let found = entries.iter().filter_map(|entry| {
            let found = serde_json::from_str(entry.get());
            let found = found.map(|finding: ScannerFinding| finding.token);
            found.or_else(|_| serde_json::from_str(entry.get())).ok()
        });
        let found: Vec<PlainSecret> = found.collect();
        if found.is_empty() && !entries.is_empty() {
            return Err(Problem::invalid_field("tokens", &"must have a token"));
        }
        Ok(Self(found))
    }
}

/// The tokens of an introspection: a form with one, or a JSON object with several.
pub(super) enum IntrospectionBody {
    One(PlainSecret),
    Many(Vec<PlainSecret>),
}

impl<S: Send + Sync> FromRequest<S> for IntrospectionBody {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        if is_form(request.headers()) {
            let (parts, body) = request.into_parts();
            HeldBack::ask(&parts.extensions)?;
            return read(body, MAX_BODY_BYTES)
                .await
                .and_then(|form| token_of(&form))
                .map(Self::One);
        }
        let IntrospectTokens { tokens } = parse(&receive(request).await?)?;
        if tokens.len() > MAX_INTROSPECTED {
            let limit = format!("must have at most {MAX_INTROSPECTED} entries");
            return Err(Problem::invalid_field("tokens", &limit));
        }
        Ok(Self::Many(tokens))
    }
}

/// Returns the only parameter `token` of a form. Others are ignored (RFC 6749 §3.2).
fn token_of(form: &[u8]) -> Result<PlainSecret, Problem> {
    let mut tokens = form_urlencoded::parse(form).filter(|(name, _)| name == "token");
    match (tokens.next(), tokens.next()) {
        (Some((_, token)), None) => Ok(PlainSecret::new(&token)),
        (None, _) => Err(Problem::invalid_field("token", &"is required")),
        (Some(_), Some(_)) => Err(Problem::invalid_field("token", &"must be given once")),
    }
}

/// Parses a body and checks every field.
fn parse<T: Readable>(bytes: &[u8]) -> Result<T, Problem> {
    let given = given(bytes)?;
    let mut reader = Reader::new(&given, "field");
    let value = reader.read(&required::<T>());
    if let Some(faults) = T::check(&reader) {
        reader.reject_all(faults);
    }
    reader.finish()?;
    // The reader has already reported why.
    value.ok_or_else(Problem::internal)
}

/// Returns the required fields of a body, from its schema.
fn required<T: Readable>() -> Vec<String> {
    match T::schema() {
        RefOr::T(Schema::Object(object)) => object.required,
        _ => Vec::new(),
    }
}

/// Removes the byte order mark that some editors write.
fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

/// Splits a body into its fields.
fn given(bytes: &[u8]) -> Result<Given, Problem> {
    let bytes = without_mark(bytes);
    if bytes.trim_ascii().is_empty() {
        return Ok(Given::default());
    }
    serde_json::from_slice(bytes).map_err(|error| {
        // The parser's message describes a syntax error; a type error gets our own.
        if error.is_data() {
            Problem::new(Code::InvalidRequest, "the body must be a JSON object")
        } else {
            not_json(&error)
        }
    })
}

fn not_json(error: &serde_json::Error) -> Problem {
    let detail = format!("the body is not valid JSON: {error}");
    Problem::new(Code::InvalidRequest, detail)
}

fn check_type(headers: &HeaderMap, is_empty: bool) -> Result<(), Problem> {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    match (types.next(), types.next()) {
        (None, _) if is_empty => Ok(()),
        (Some(value), None) if is_json(value.as_bytes()) => Ok(()),
        _ => Err(Problem::new(
            Code::UnsupportedMediaType,
            "the body must be UTF-8 JSON, sent with Content-Type: application/json",
        )),
    }
}

/// How many bytes of an unexpected body are inspected.
const MAX_UNREAD_BYTES: usize = 1_024;

/// Rejects the body of a request to a route that reads none. An empty object is accepted.
pub(super) async fn reject(body: RawBody, is_held_back: bool) -> Result<(), Problem> {
    let problem = || {
        Problem::new(
            Code::InvalidRequest,
            "this route accepts no body; send none, or an empty object",
        )
    };
    if is_held_back {
        return Err(problem());
    }
    if body.is_end_stream() {
        return Ok(());
    }
    let bytes = axum::body::to_bytes(body, MAX_UNREAD_BYTES)
        .await
        .map_err(|_| problem())?;
    let given = given(&bytes).map_err(|_| problem())?;
    if given.is_empty() {
        Ok(())
    } else {
        Reader::new(&given, "field").finish()
    }
}

/// A body of any kind and size that is not read.
pub(super) struct Ignored;

impl<S: Sync> FromRequestParts<S> for Ignored {
    type Rejection = Infallible;

    async fn from_request_parts(_: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self)
    }
}

/// How long the rest of an ignored body may take to arrive.
const REST_OF_IGNORED: Duration = Duration::from_millis(250);

/// Sends a response to a request whose body is ignored. What has arrived of a small body is read, so
/// that the connection can be used again; otherwise the connection is closed.
pub(super) async fn ignore(body: RawBody, response: Response) -> Response {
    if body.is_end_stream() {
        return response;
    }
    // A proxy that announces a body need not send it.
    match timeout(REST_OF_IGNORED, read(body, MAX_BODY_BYTES)).await {
        Ok(Ok(_)) => response,
        _ => unread(response),
    }
}

/// Marks a form whose body was larger than its limit, for its page to say so.
#[derive(Clone, Copy)]
pub(crate) struct TooLargeForm;

/// Reads a whole body of at most `limit` bytes.
///
/// # Errors
///
/// 413 when it is too large, 400 when it ends early.
pub(super) async fn read(body: RawBody, limit: usize) -> Result<Bytes, Problem> {
    axum::body::to_bytes(body, limit)
        .await
        .map_err(|error| unreadable(&error, limit))
}

/// Returns whether the content type is JSON in UTF-8, the only encoding of JSON (RFC 8259 §8.1).
fn is_json(content_type: &[u8]) -> bool {
    let mut parts = content_type
        .split(|byte| *byte == b';')
        .map(<[u8]>::trim_ascii);
    let json = parts
        .next()
        .is_some_and(|essence| essence.eq_ignore_ascii_case(b"application/json"));
    json && parts.all(|parameter| {
        let mut sides = parameter.splitn(2, |byte| *byte == b'=');
        let is_charset = sides
            .next()
            .is_some_and(|name| name.eq_ignore_ascii_case(b"charset"));
        let value = sides.next().unwrap_or_default().trim_ascii();
        let value = value.strip_prefix(b"\"").unwrap_or(value);
        let value = value.strip_suffix(b"\"").unwrap_or(value);
        !is_charset || value.eq_ignore_ascii_case(b"utf-8") || value.eq_ignore_ascii_case(b"utf8")
    })
}

fn unreadable(error: &axum::Error, limit: usize) -> Problem {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.is::<http_body_util::LengthLimitError>() {
            return body_too_large(limit);
        }
        cause = error.source();
    }
    Problem::new(Code::InvalidRequest, "the body is incomplete")
}

pub(super) fn body_too_large(limit: usize) -> Problem {
    Problem::new(
        Code::BodyTooLarge,
        format!("the body must not exceed {limit} bytes"),
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::wire::{
        ClaimInvite, CreateInvite, CreatePat, CreateWorkItem, OnBehalfOf, PatchMe, PatchUser,
        PatchWorkItem, RevokePats, RotatePat, StartAgentRun,
    };

    /// Properties of every request, tested with one that has all fields set.
    trait Check {
        fn check<T: Readable + serde::Serialize>(&mut self, whole: &Value);
    }

    fn every_request(check: &mut impl Check) {
        let user = "usr_0199f3a1c6d07c35b2f0e8a4d1c7b9e2";
        check.check::<ClaimInvite>(&json!({"code": "c", "name": "Ada", "email": "a@b.c",
            "password": "kettle walrus teapot", "tokenName": "ci"}));
        check.check::<CreateInvite>(&json!({"email": "a@b.c", "role": "admin"}));
        check.check::<CreatePat>(&json!({"name": "ci", "scope": "admin",
            "expiresAt": "2026-12-31", "expiresIn": 60}));
        check.check::<CreateWorkItem>(&json!({"domain": "OPS", "kind": "task",
            "parent": "OPS-1", "title": "x", "description": "y", "priority": "low",
            "executionTarget": "agent", "assignee": "me"}));
        check.check::<PatchMe>(&json!({"name": "Ada King"}));
        check.check::<PatchUser>(&json!({"role": "member", "email": "a@b.c"}));
        check.check::<PatchWorkItem>(&json!({"title": "x", "description": "y",
            "status": "todo", "priority": "low", "executionTarget": "agent",
            "assignee": user}));
        check.check::<ReportLeakedTokens>(&json!({"tokens": ["oi_pat_x"]}));
        check.check::<RevokePats>(&json!({"user": user, "scope": "admin", "status": "live",
            "unusedSince": "2026-01-01", "expiringBefore": "2026-12-31T00:00:00Z",
            "dryRun": true, "expected": "0".repeat(64),
            "cursor": "pat_0199f3a1c6d07c35b2f0e8a4d1c7b9e2"}));
        check.check::<RotatePat>(&json!({"expiresAt": "", "expiresIn": 60,
            "overlapSeconds": 60}));
        check.check::<StartAgentRun>(&json!({"agentId": "a", "workItemKey": "OPS-1",
            "ttlSeconds": 60, "scope": "read_write"}));
        check.check::<OnBehalfOf>(&json!({"agentId": "a"}));
    }

    fn wrong<T>(read: Result<T, Problem>) -> Vec<(String, String)> {
        let errors = read.err().map(|problem| problem.body().errors);
        let errors = errors.unwrap_or_default().into_iter();
        errors.map(|error| (error.field, error.message)).collect()
    }

    struct Agrees;

    impl Check for Agrees {
        fn check<T: Readable + serde::Serialize>(&mut self, whole: &Value) {
            let RefOr::T(Schema::Object(schema)) = T::schema() else {
                panic!("not an object: {whole}");
            };
            let whole = whole.as_object().unwrap();
            assert!(schema.properties.keys().eq(whole.keys()), "{whole:?}");
            for field in whole.keys() {
                let mut less = whole.clone();
                less.remove(field);
                let read = serde_json::from_value::<T>(less.into());
                assert_eq!(read.is_err(), schema.required.contains(field), "{field}");
            }
            let empty = wrong(parse::<T>(b"{}"));
            for field in &schema.required {
                let missing = (field.clone(), "is required".to_owned());
                assert!(empty.contains(&missing), "{empty:?}");
            }
        }
    }

    #[test]
    fn what_the_description_requires_is_required_and_nothing_else() {
        every_request(&mut Agrees);
    }

    struct ReadsBack;

    impl Check for ReadsBack {
        fn check<T: Readable + serde::Serialize>(&mut self, whole: &Value) {
            let sent = |value: &T| serde_json::to_value(value).unwrap();
            let value: T = serde_json::from_value(whole.clone()).unwrap();
            let once = sent(&value);
            let again: T = serde_json::from_value(once.clone()).unwrap();
            assert_eq!(sent(&again), once);
            assert_eq!(
                once.as_object().unwrap().len(),
                whole.as_object().unwrap().len()
            );
        }
    }

    #[test]
    fn what_a_client_sends_is_read_as_it_was_meant() {
        every_request(&mut ReadsBack);
    }

    struct Errors<'a>(&'a Value);

    impl Check for Errors<'_> {
        fn check<T: Readable + serde::Serialize>(&mut self, whole: &Value) {
            for field in whole
                .as_object()
                .unwrap()
                .keys()
                .map(String::as_str)
                .chain(["x"])
            {
                let mut changed = whole.clone();
                changed[field] = self.0.clone();
                if let Err(problem) = parse::<T>(changed.to_string().as_bytes()) {
                    assert_ne!(problem.code(), Code::Internal, "{changed}");
                    assert!(!problem.body().errors.is_empty(), "{changed}");
                }
            }
        }
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".{0,20}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 8, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::hash_map("[a-z]{1,3}", inner, 0..3)
                    .prop_map(|map| map.into_iter().collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn whatever_stands_in_a_field_is_read_or_told_of(value in values()) {
            every_request(&mut Errors(&value));
        }
    }

    #[test]
    fn all_errors_are_reported_in_the_order_of_the_fields() {
        let body = br#"{"zz": 1, "expiresIn": "60", "scope": "root", "expiresIn": 60, "aa": {}}"#;
        let known = "expected one of: name, scope, expiresAt, expiresIn";
        assert_eq!(
            wrong(parse::<CreatePat>(body)),
            [
                ("name", "is required".to_owned()),
                ("scope", "must be read_write or admin".to_owned()),
                ("expiresIn", "must not be repeated".to_owned()),
                ("aa", format!("is an unknown field; {known}")),
                ("zz", format!("is an unknown field; {known}")),
            ]
            .map(|(field, message)| (field.to_owned(), message))
        );
    }

    fn wrong_number<T: Readable>(fields: &str, field: &str, number: &str) -> Option<String> {
        let body = format!(r#"{{{fields}"{field}": {number}}}"#);
        let mut wrong = wrong(parse::<T>(body.as_bytes()));
        assert!(wrong.len() <= 1, "{body}: {wrong:?}");
        wrong.pop().map(|(reported, message)| {
            assert_eq!(reported, field, "{body}");
            message
        })
    }

    #[test]
    fn every_integer_is_one_by_its_value_and_not_by_its_spelling() {
        type Wrong<'a> = &'a dyn Fn(&str) -> Option<String>;
        let pat = r#""name": "ci", "scope": "admin", "#;
        let fields: [Wrong<'_>; 4] = [
            &|number| wrong_number::<CreatePat>(pat, "expiresIn", number),
            &|number| wrong_number::<RotatePat>("", "expiresIn", number),
            &|number| wrong_number::<RotatePat>("", "overlapSeconds", number),
            &|number| wrong_number::<StartAgentRun>(r#""agentId": "a", "#, "ttlSeconds", number),
        ];
        for wrong in fields {
            for number in ["3600", "3600.0", "3.6e3", "3600E0", "36000e-1", "0.36e+4"] {
                assert_eq!(wrong(number), None, "{number}");
            }
            for number in [
                "3600.5",
                "0.1",
                "\"3600\"",
                "\"3600.0\"",
                "true",
                "[3600]",
                "{}",
            ] {
                let must = Some("must be a whole number".to_owned());
                assert_eq!(wrong(number), must, "{number}");
            }
            // Out of range, even where a double cannot represent the difference.
            for number in [
                "9007199254740993",
                "9007199254740993.0",
                "1e300",
                "-3600",
                "-1e300",
            ] {
                let message = wrong(number).unwrap_or_default();
                let is_range = message.starts_with("must be ") && !message.contains("whole");
                assert!(is_range, "{number}: {message}");
            }
        }
        // An integer zero has no sign.
        let overlap = fields[2];
        for zero in ["0", "-0", "-0.0", "0e9"] {
            assert_eq!(overlap(zero), None, "{zero}");
        }
        for field in [fields[0], fields[1], fields[3]] {
            assert!(field("-0").is_some());
        }
    }

    #[test]
    fn an_unreadable_value_is_reported_with_its_field_and_the_other_errors() {
        let deep = format!("{}{}", "[".repeat(1_000), "]".repeat(1_000));
        for (field, value, message) in [
            (
                "overlapSeconds",
                "1e400",
                "must be from 0 to 86400 seconds (24 hours)",
            ),
            (
                "overlapSeconds",
                "-1e400",
                "must be from 0 to 86400 seconds (24 hours)",
            ),
            ("overlapSeconds", "[1e400]", "has a number out of range"),
            ("overlapSeconds", &deep, "is nested too deeply"),
            ("overlapSeconds", r#""\ud800""#, "is not valid JSON"),
            ("expiresAt", "1e400", "must be a string"),
        ] {
            let body = format!(r#"{{"{field}": {value}, "later": 1e400}}"#);
            let wrong = wrong(parse::<RotatePat>(body.as_bytes()));
            let (fields, messages): (Vec<_>, Vec<_>) = wrong.into_iter().unzip();
            assert_eq!(fields, [field, "later"], "{value:.20}");
            assert_eq!(messages[0], message, "{value:.20}");
        }
        let expires_in = wrong(parse::<RotatePat>(br#"{"expiresIn": 1e400}"#));
        assert_eq!(expires_in[0].0, "expiresIn");
        assert!(expires_in[0].1.starts_with("must be "), "{expires_in:?}");
    }

    #[test]
    fn a_name_of_a_field_is_a_string() {
        for body in [&b"{1: 2}"[..], b"{null: 2}", b"{agentId: \"a\"}"] {
            let problem = parse::<OnBehalfOf>(body).map(|_| ()).unwrap_err();
            assert!(problem.body().detail.contains("key must be a string"));
        }
    }

    #[test]
    fn a_value_is_of_its_own_type() {
        for (value, message) in [
            ("\"3600\"", Some("must be a whole number")),
            ("3600.5", Some("must be a whole number")),
            ("true", Some("must be a whole number")),
            ("3600.0", None),
            ("3.6e3", None),
            (
                "9223372036854775808",
                Some("must be from 0 to 86400 seconds (24 hours)"),
            ),
            ("1e300", Some("must be from 0 to 86400 seconds (24 hours)")),
            ("null", None),
        ] {
            let body = format!(r#"{{"overlapSeconds": {value}}}"#);
            let wrong = wrong(parse::<RotatePat>(body.as_bytes()));
            let message = message.map(|message| ("overlapSeconds".to_owned(), message.to_owned()));
            assert_eq!(wrong, Vec::from_iter(message), "{value}");
        }
        for value in ["\"true\"", "\"false\"", "0", "1", "[]"] {
            let body = format!(r#"{{"status": "live", "dryRun": {value}}}"#);
            let must = ("dryRun".to_owned(), "must be true or false".to_owned());
            assert_eq!(
                wrong(parse::<RevokePats>(body.as_bytes())),
                [must],
                "{value}"
            );
        }
    }

    #[test]
    fn a_body_that_is_not_a_json_object_is_an_error_without_its_text() {
        let deep = [b"[".repeat(10_000), b"]".repeat(10_000)].concat();
        let nested = [br#"{"agentId":"#.to_vec(), b"[".repeat(10_000)].concat();
        for body in [
            &br#"{"agentId": "hunter2"} x"#[..],
            br#"{"agentId": NaN}"#,
            b"{\"agentId\": \"\xff\"}",
            br#"{"agentId": "hunter2"#,
            b"\"hunter2\"",
            b"[]",
            b"7",
            &deep,
            &nested,
        ] {
            let problem = parse::<OnBehalfOf>(body).map(|_| ()).unwrap_err();
            assert_eq!(problem.code(), Code::InvalidRequest);
            assert!(!problem.body().detail.contains("hunter2"), "{problem:?}");
        }
        for body in [
            &b"\xef\xbb\xbf{\"agentId\": \"a\"}"[..],
            b"",
            b" ",
            b"null",
            b"{}",
        ] {
            assert!(parse::<OnBehalfOf>(body).is_ok(), "{body:?}");
        }
    }

    #[test]
    fn a_body_is_json_in_utf_8() {
        for json in [
            "application/json",
            "Application/JSON; charset=UTF-8",
            "application/json;charset=\"utf-8\"",
            "application/json; profile=x",
        ] {
            assert!(is_json(json.as_bytes()), "{json}");
        }
        for other in [
            "application/json; charset=latin1",
            "application/json; charset=utf-16",
            "application/jsonx",
            "text/plain",
            "",
        ] {
            assert!(!is_json(other.as_bytes()), "{other}");
        }
    }
}
