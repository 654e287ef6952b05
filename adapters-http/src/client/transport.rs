use std::io::{self, Read as _, Write};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use openindex_domain::clock::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use time::PrimitiveDateTime;
use time::format_description::FormatItem;
use time::macros::format_description;
use ureq::http::request::Builder;
use ureq::http::{HeaderMap, HeaderValue, Method, Request, header};
use ureq::tls::TlsConfig;
use ureq::{Agent, Body};
use zeroize::Zeroizing;

use crate::wire::{IncompleteExport, PlainSecret, ProblemBody};

use super::connect::{MarkingConnector, MarkingResolver};
use super::proxy::Route;
use super::{BaseUrl, ClientError, ClientOptions, Effect, ExportError, Origin, Problem, failure};

/// The most that is read of an answer. A list of thousands of users is smaller; whoever sends
/// more is no OpenIndex server.
const MAX_BODY_BYTES: u64 = 8 * 1024 * 1024;
/// The same where an answer names everybody's tokens in one piece.
const MAX_LARGE_BODY_BYTES: u64 = 256 * 1024 * 1024;
/// How much of an export is held at once.
const STREAM_BYTES: usize = 64 * 1024;
/// How much of an export's end is searched for the mark that it is not complete.
const TAIL_BYTES: usize = 4 * 1024;
const MAX_HEADER_BYTES: usize = 64 * 1024;
/// How much of a redirect's address is shown.
const MAX_LOCATION_CHARS: usize = 200;

const HTTP_DATE: &[FormatItem<'_>] = format_description!(
    "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
);

/// The connection to one server: requests in, answers out.
pub(super) struct Transport {
    agent: Agent,
    base: BaseUrl,
    /// Marked as sensitive, which keeps it out of `Debug`.
    authorization: Option<HeaderValue>,
    timeout: Duration,
    /// Whether a secret may be sent there.
    confidential: bool,
    proxy: Option<Route>,
    /// The server's clock as the last response gave it, to the second.
    server_time: Mutex<Option<Timestamp>>,
}

/// The problem that ended an export before its end.
fn cut_off(mark: IncompleteExport) -> ClientError {
    ClientError::Problem(Box::new(Problem {
        status: mark.status,
        retry_after: None,
        request_id: None,
        body: ProblemBody {
            type_uri: format!("urn:openindex:problem:{}", mark.code),
            title: String::new(),
            status: mark.status,
            detail: mark.detail,
            code: mark.code,
            errors: Vec::new(),
            next_command: None,
            holder: None,
            successor_id: None,
        },
        effect: Effect::None,
    }))
}

/// What came back, whole.
pub(super) struct Answer {
    pub(super) status: u16,
    headers: HeaderMap,
    body: Zeroizing<Vec<u8>>,
    /// Whether the request asked for a change.
    changing: bool,
}

impl Transport {
    pub(super) fn new(
        base: &BaseUrl,
        token: Option<&PlainSecret>,
        options: &ClientOptions,
    ) -> Result<Self, ClientError> {
        let confidential = base.is_https() || base.is_loopback() || options.allow_insecure_http;
        let authorization = match token {
            None => None,
            Some(_) if !confidential => return Err(insecure(base)),
            Some(token) => Some(bearer(token)?),
        };
        let proxy = options.proxies.route(base)?;
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .user_agent(options.user_agent.as_str())
            .accept("application/json")
            .timeout_resolve(Some(options.connect_timeout))
            .timeout_connect(Some(options.connect_timeout))
            .timeout_global(Some(options.timeout))
            .max_response_header_size(MAX_HEADER_BYTES)
            .proxy(proxy.as_ref().map(|route| route.proxy.clone()))
            .tls_config(
                TlsConfig::builder()
                    .root_certs(options.root_certificates())
                    .build(),
            )
            .build();
        let via = proxy.as_ref().map(|route| route.proxy.uri().clone());
        let (connector, resolver) = (
            MarkingConnector::new(via.clone()),
            MarkingResolver::new(via),
        );
        Ok(Self {
            agent: Agent::with_parts(config, connector, resolver),
            base: base.clone(),
            authorization,
            timeout: options.timeout,
            confidential,
            proxy,
            server_time: Mutex::new(None),
        })
    }

    /// The proxy on the way, without its user name and password, and the variable that named it.
    pub(super) fn proxy(&self) -> Option<String> {
        self.proxy.as_ref().map(ToString::to_string)
    }

    /// The server's clock as the last response gave it (RFC 9110 §6.6.1), to the second.
    pub(super) fn server_time(&self) -> Option<Timestamp> {
        *self
            .server_time
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) const fn base(&self) -> &BaseUrl {
        &self.base
    }

    /// Sends a request with the token, and a JSON body if there is one.
    pub(super) fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> Result<Answer, ClientError> {
        self.send_if_match(method, path, body, None)
    }

    /// As [`Transport::send`], for a change of something that must have this version.
    pub(super) fn send_if_match(
        &self,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
        version: Option<u64>,
    ) -> Result<Answer, ClientError> {
        let mut request = self.request(method, path, self.authorization.as_ref());
        if let Some(version) = version {
            request = request.header(header::IF_MATCH, format!("\"{version}\""));
        }
        self.exchange(request, body, MAX_BODY_BYTES)
    }

    /// As [`Transport::send`] for a POST whose response may be large, and which may be a question
    /// that changes nothing.
    pub(super) fn post_large(
        &self,
        path: &str,
        body: &impl Serialize,
        changing: bool,
    ) -> Result<Answer, ClientError> {
        let request = self.request(Method::POST, path, self.authorization.as_ref());
        self.exchange_as(request, Some(body), MAX_LARGE_BODY_BYTES, changing)
    }

    /// Asks for something that everyone may see: the token stays at home.
    pub(super) fn get_public(&self, path: &str) -> Result<Answer, ClientError> {
        let request = self.request(Method::GET, path, None);
        self.exchange(request, None::<&()>, MAX_BODY_BYTES)
    }

    pub(super) fn check_confidential(&self) -> Result<(), ClientError> {
        if self.confidential {
            Ok(())
        } else {
            Err(insecure(&self.base))
        }
    }

    /// Sends secrets that need no token beside them, which stays at home.
    pub(super) fn post_public(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<Answer, ClientError> {
        self.check_confidential()?;
        let request = self.request(Method::POST, path, None);
        self.exchange(request, Some(body), MAX_BODY_BYTES)
    }

    /// Asks with the token for something of any size and passes it on as it arrives. Answers how
    /// many bytes it had.
    pub(super) fn stream(&self, path: &str, sink: &mut dyn Write) -> Result<u64, ExportError> {
        let request = self
            .request(Method::GET, path, self.authorization.as_ref())
            .body(())
            .map_err(|error| self.transport_error(&error.into(), false))?;
        let request = self
            .agent
            .configure_request(request)
            .accept("*/*")
            .timeout_global(None)
            .timeout_recv_response(Some(self.timeout))
            .timeout_per_read(Some(self.timeout))
            .build();
        let sent = self.agent.run(request);
        let (parts, mut body) = sent
            .map_err(|error| self.transport_error(&error, false))?
            .into_parts();
        self.note_time(&parts.headers);
        let status = parts.status.as_u16();
        // Without either, the end of the export looks like a broken connection.
        let has_end = body.content_length().is_some()
            || parts.headers.contains_key(header::TRANSFER_ENCODING);
        // A page of a captive portal or a proxy must not be taken for the export.
        if status != 200 || is_page(&parts.headers) {
            let answer = self.whole(status, parts.headers, &mut body, MAX_BODY_BYTES, false)?;
            self.check(&answer)?;
            let reason = format!("{}, not an export", failure::page(&answer.body));
            return Err(self.unexpected(status, reason, Origin::Page).into());
        }
        if !has_end {
            let what = "it does not say where the response ends".to_owned();
            return Err(self.unexpected(status, what, Origin::Other).into());
        }
        let mut reader = body.as_reader();
        let mut piece = vec![0; STREAM_BYTES];
        let mut tail = Vec::new();
        let mut total = 0;
        loop {
            let length = match reader.read(&mut piece) {
                Ok(0) => return Ok(total),
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    let end = String::from_utf8_lossy(&tail);
                    let cause = match IncompleteExport::at_end_of(&end) {
                        Some(mark) => cut_off(mark),
                        None => self.transport_error(&error.into(), false),
                    };
                    return Err(ExportError::Incomplete(cause));
                }
            };
            sink.write_all(&piece[..length])
                .map_err(ExportError::Sink)?;
            total += length as u64;
            tail.extend_from_slice(&piece[..length]);
            tail.drain(..tail.len().saturating_sub(TAIL_BYTES));
        }
    }

    fn request(&self, method: Method, path: &str, authorization: Option<&HeaderValue>) -> Builder {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base));
        match authorization {
            Some(authorization) => request.header(header::AUTHORIZATION, authorization),
            None => request,
        }
    }

    fn exchange(
        &self,
        request: Builder,
        body: Option<&impl Serialize>,
        max_bytes: u64,
    ) -> Result<Answer, ClientError> {
        let changing = request.method_ref() != Some(&Method::GET);
        self.exchange_as(request, body, max_bytes, changing)
    }

    fn exchange_as(
        &self,
        request: Builder,
        body: Option<&impl Serialize>,
        max_bytes: u64,
        changing: bool,
    ) -> Result<Answer, ClientError> {
        // Structs of strings and numbers always serialize; an empty body would be a 400. It may hold
        // secrets.
        let content = body.map(|body| Zeroizing::new(serde_json::to_vec(body).unwrap_or_default()));
        let request = match &content {
            Some(_) => request.header(header::CONTENT_TYPE, "application/json"),
            None => request,
        };
        // A POST without a body would be sent in no chunks, whose end comes in a packet of its own,
        // after which a server that does not look for it may have answered and closed the connection.
        let has_length = content.is_some() || request.method_ref() == Some(&Method::POST);
        let sent = if has_length {
            request
                .body(content.unwrap_or_default().as_slice())
                .map_err(ureq::Error::from)
                .and_then(|request| self.agent.run(request))
        } else {
            request
                .body(())
                .map_err(ureq::Error::from)
                .and_then(|request| self.agent.run(request))
        };
        let (parts, mut body) = sent
            .map_err(|error| self.transport_error(&error, changing))?
            .into_parts();
        self.note_time(&parts.headers);
        let status = parts.status.as_u16();
        self.whole(status, parts.headers, &mut body, max_bytes, changing)
    }

    /// Reads a response to its end.
    fn whole(
        &self,
        status: u16,
        headers: HeaderMap,
        body: &mut Body,
        max_bytes: u64,
        changing: bool,
    ) -> Result<Answer, ClientError> {
        let mut answer = Answer {
            status,
            headers,
            body: Zeroizing::default(),
            changing,
        };
        match body.with_config().limit(max_bytes).read_to_vec() {
            Ok(body) => answer.body = Zeroizing::new(body),
            Err(ureq::Error::BodyExceedsLimit(_)) => {
                let reason = "the response is larger than any that a server gives".to_owned();
                return Err(self.unanswered(&answer, reason, Origin::Other));
            }
            Err(error) => {
                let mut error = self.transport_error(&error, changing);
                // The head of the response has said already what became of the request.
                if let ClientError::Transport { effect, .. } = &mut error {
                    *effect = answer.effect(Origin::Version);
                }
                return Err(error);
            }
        }
        Ok(answer)
    }

    /// The value in a successful response; the problem in any other.
    pub(super) fn read<T: DeserializeOwned>(&self, answer: &Answer) -> Result<T, ClientError> {
        self.check(answer)?;
        if answer.is_page() {
            let reason = format!("{}, not JSON", failure::page(&answer.body));
            return Err(self.unanswered(answer, reason, Origin::Page));
        }
        let mut json = serde_json::Deserializer::from_slice(&answer.body);
        serde_path_to_error::deserialize(&mut json).map_err(|error| {
            let (reason, origin) = mismatch(&error);
            self.unanswered(answer, reason, origin)
        })
    }

    /// Lets nothing pass but the status with which a server says that it was done, without a body: a
    /// proxy's page may be a 200, too.
    pub(super) fn confirm(&self, answer: &Answer, status: u16) -> Result<(), ClientError> {
        self.check(answer)?;
        if answer.status == status && answer.body.is_empty() {
            return Ok(());
        }
        let (reason, origin) = if answer.is_page() {
            let page = failure::page(&answer.body);
            (format!("{page}, not sent by OpenIndex"), Origin::Page)
        } else {
            let reason = format!("a change is confirmed with {status} and no body");
            (reason, Origin::Other)
        };
        Err(self.unanswered(answer, reason, origin))
    }

    /// Lets a successful response pass.
    pub(super) fn check(&self, answer: &Answer) -> Result<(), ClientError> {
        if (200..300).contains(&answer.status) {
            return Ok(());
        }
        if let Ok(body) = serde_json::from_slice::<ProblemBody>(&answer.body) {
            return Err(ClientError::Problem(Box::new(Problem {
                status: answer.status,
                retry_after: answer.retry_after(),
                request_id: answer.header("x-request-id").map(str::to_owned),
                // It turns requests away before it looks at them.
                effect: if body.code == "overloaded" {
                    Effect::None
                } else {
                    answer.effect(Origin::Version)
                },
                body,
            })));
        }
        let page = answer.is_page().then(|| failure::page(&answer.body));
        let (reason, origin) = match (answer.status, answer.header("location"), page) {
            (300..400, Some(to), _) => {
                // A query may hold the state of a login.
                let to = to.split(['?', '#']).next().unwrap_or_default();
                let to: String = to.chars().take(MAX_LOCATION_CHARS).collect();
                let reason = format!("a redirect to {to}, which is not followed");
                (reason, Origin::Redirect)
            }
            (407, ..) => ("a proxy requires a login".to_owned(), Origin::Gateway),
            (502..=504, _, page) => {
                let page = page.map_or_else(String::new, |page| format!(": {page}"));
                let reason = format!("sent by a proxy or gateway, not by OpenIndex{page}");
                (reason, Origin::Gateway)
            }
            (_, _, Some(page)) => (format!("{page}, not sent by OpenIndex"), Origin::Page),
            _ => ("no problem details".to_owned(), Origin::Other),
        };
        Err(self.unanswered(answer, reason, origin))
    }

    fn unanswered(&self, answer: &Answer, reason: String, origin: Origin) -> ClientError {
        ClientError::UnexpectedAnswer {
            url: self.base.to_string(),
            status: answer.status,
            reason,
            origin,
            retry_after: answer.retry_after(),
            effect: answer.effect(origin),
        }
    }

    /// As [`Transport::unanswered`], where no change was asked for.
    fn unexpected(&self, status: u16, reason: String, origin: Origin) -> ClientError {
        ClientError::UnexpectedAnswer {
            url: self.base.to_string(),
            status,
            reason,
            origin,
            retry_after: None,
            effect: Effect::None,
        }
    }

    fn note_time(&self, headers: &HeaderMap) {
        if let Some(at) = server_time(headers) {
            *self
                .server_time
                .lock()
                .unwrap_or_else(PoisonError::into_inner) = Some(at);
        }
    }

    fn transport_error(&self, error: &ureq::Error, changing: bool) -> ClientError {
        let seconds = self.timeout.as_secs();
        let told = failure::tell(error, &self.base, self.proxy.as_ref(), seconds);
        ClientError::Transport {
            url: self.base.to_string(),
            reason: told.reason,
            cause: told.cause,
            effect: if changing { told.effect } else { Effect::None },
        }
    }
}

/// What is unexpected about a body. serde's own message quotes it, unless a field is missing, whose
/// name is ours.
fn mismatch(error: &serde_path_to_error::Error<serde_json::Error>) -> (String, Origin) {
    let (path, said) = (error.path().to_string(), error.inner().to_string());
    let within = match path.as_str() {
        "." | "?" => String::new(),
        path => format!(" in {path}"),
    };
    if error.inner().classify() != serde_json::error::Category::Data {
        return ("not JSON".to_owned(), Origin::Other);
    }
    let missing = said
        .strip_prefix("missing field `")
        .and_then(|rest| rest.split_once('`'));
    let reason = match missing {
        Some((field, _)) => format!("the field {field} is missing{within}"),
        None if within.is_empty() => "JSON of another form".to_owned(),
        None => format!("the field {path} is of another type"),
    };
    (reason, Origin::Version)
}

/// From the `Date` header (RFC 9110 §6.6.1).
fn server_time(headers: &HeaderMap) -> Option<Timestamp> {
    let date = headers.get(header::DATE)?.to_str().ok()?;
    let at = PrimitiveDateTime::parse(date, HTTP_DATE).ok()?;
    Timestamp::from_datetime(at.assume_utc())
}

impl Answer {
    /// The server's time.
    pub(super) fn server_time(&self) -> Option<Timestamp> {
        server_time(&self.headers)
    }

    /// What this says of the change that was requested, if it is not what was expected.
    fn effect(&self, origin: Origin) -> Effect {
        let is_json = self.media_type().is_some_and(|of| of.ends_with("json"));
        match self.status {
            _ if !self.changing => Effect::None,
            200..300 if is_json => Effect::Done,
            200..300 if origin == Origin::Page => Effect::None,
            200..300 | 500.. => Effect::Possible,
            _ => Effect::None,
        }
    }

    fn is_page(&self) -> bool {
        is_page(&self.headers)
    }

    fn media_type(&self) -> Option<String> {
        media_type(&self.headers)
    }

    fn retry_after(&self) -> Option<u64> {
        self.header("retry-after")?.trim().parse().ok()
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// Whether a response is a page for a browser.
fn is_page(headers: &HeaderMap) -> bool {
    media_type(headers)
        .is_some_and(|of| matches!(of.as_str(), "text/html" | "application/xhtml+xml"))
}

/// The media type without its parameters, in lower case.
fn media_type(headers: &HeaderMap) -> Option<String> {
    let whole = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    Some(whole.split(';').next()?.trim().to_ascii_lowercase())
}

fn insecure(base: &BaseUrl) -> ClientError {
    ClientError::InsecureTransport {
        host: base.host().to_owned(),
    }
}

fn bearer(token: &PlainSecret) -> Result<HeaderValue, ClientError> {
    let text = Zeroizing::new(format!("Bearer {}", token.expose()));
    let mut value = HeaderValue::from_str(&text).map_err(|_| ClientError::UnsendableToken)?;
    value.set_sensitive(true);
    Ok(value)
}
