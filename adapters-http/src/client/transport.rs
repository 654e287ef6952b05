use std::io::{self, Read as _, Write};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use openindex_domain::clock::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use ureq::http::request::Builder;
use ureq::http::{self, HeaderMap, HeaderName, HeaderValue, Method, Request, Response, header};
use ureq::tls::TlsConfig;
use ureq::{Agent, AsSendBody, Body};
use zeroize::Zeroizing;

use crate::wire::{IncompleteExport, PlainSecret};

use super::connect::{MarkingConnector, MarkingResolver, Via};
use super::forward;
use super::proxy::Route;
use super::query::with_query;
use super::response::{ApiResponse, cut_off, is_page, server_time};
use super::{BaseUrl, ClientError, ClientOptions, Effect, ExportError, Origin, failure};

/// Maximum size of a response body in bytes. A list of thousands of users is smaller, so a larger
/// body is not from OpenIndex.
const MAX_BODY_BYTES: u64 = 8 * 1024 * 1024;
/// Maximum size in bytes where one response lists the tokens of all users.
const MAX_LARGE_BODY_BYTES: u64 = 256 * 1024 * 1024;
/// Size of the buffer for an export, in bytes.
const STREAM_BYTES: usize = 64 * 1024;
/// How many bytes at the end of an export are searched for the incomplete marker.
const TAIL_BYTES: usize = 4 * 1024;
const MAX_HEADER_BYTES: usize = 64 * 1024;
const TRACE_PARENT: HeaderName = HeaderName::from_static("traceparent");

/// Sends requests to one server.
pub(super) struct Transport {
    agent: Agent,
    base: BaseUrl,
    /// Marked as sensitive, so that `Debug` hides it.
    authorization: Option<HeaderValue>,
    timeout: Duration,
    /// Whether secrets may be sent to this server.
    confidential: bool,
    proxy: Option<Route>,
    /// Login of a proxy that sees the requests, marked as sensitive.
    proxy_login: Option<HeaderValue>,
    trace_parent: Option<HeaderValue>,
    /// The server's time from its last response, accurate to the second.
    server_time: Mutex<Option<Timestamp>>,
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
        // For an http server the proxy sees the requests; for an https server it opens a tunnel.
        let (tunnel, forwarding) = if base.is_https() {
            (proxy.as_ref(), None)
        } else {
            (None, proxy.as_ref())
        };
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .user_agent(options.user_agent.as_str())
            .accept("application/json")
            .timeout_resolve(Some(options.connect_timeout))
            .timeout_connect(Some(options.connect_timeout))
            .timeout_global(Some(options.timeout))
            .max_response_header_size(MAX_HEADER_BYTES)
            .proxy(tunnel.map(|route| route.proxy.clone()))
            .tls_config(
                TlsConfig::builder()
                    .root_certs(options.root_certificates())
                    .build(),
            )
            .build();
        let uri = |route: &Route| route.proxy.uri().clone();
        let via = match (tunnel, forwarding) {
            (Some(route), _) => Via::Tunnel(uri(route)),
            (None, Some(route)) => Via::Forwarded(uri(route)),
            (None, None) => Via::Direct,
        };
        let proxy_login = forwarding.and_then(|route| forward::login(&route.proxy));
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
            proxy_login,
            trace_parent: options.trace_parent.clone(),
            server_time: Mutex::new(None),
        })
    }

    /// Returns the proxy, without its user name and password, and the variable that selected it.
    pub(super) fn proxy(&self) -> Option<String> {
        self.proxy.as_ref().map(ToString::to_string)
    }

    /// Returns the server's time from its last response (RFC 9110 §6.6.1), accurate to the second.
    pub(super) fn server_time(&self) -> Option<Timestamp> {
        *self
            .server_time
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) const fn base(&self) -> &BaseUrl {
        &self.base
    }

    pub(super) fn check_confidential(&self) -> Result<(), ClientError> {
        if self.confidential {
            Ok(())
        } else {
            Err(insecure(&self.base))
        }
    }

    /// Starts a request with the token.
    pub(super) fn call(&self, method: Method, path: impl Into<String>) -> Call<'_> {
        Call {
            transport: self,
            changing: method != Method::GET,
            method,
            path: path.into(),
            body: None,
            authorization: self.authorization.as_ref(),
            version: None,
            max_bytes: MAX_BODY_BYTES,
        }
    }

    /// Streams a response of any size to `sink` as it arrives. Returns the number of bytes.
    pub(super) fn stream(&self, path: &str, sink: &mut dyn Write) -> Result<u64, ExportError> {
        let request = self.request(Method::GET, path, self.authorization.as_ref());
        let url = url_of(&request);
        let request = request
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
        let response = self
            .agent
            .run(request)
            .map_err(|error| self.transport_error(&error, false))?;
        let (mut response, mut body) = self.head(url, response, false);
        // Without either header, the end of the export looks like a broken connection.
        let has_end = body.content_length().is_some()
            || response.headers.contains_key(header::TRANSFER_ENCODING);
        // A page of a captive portal or proxy must not pass as an export.
        if response.status != 200 || is_page(&response.headers) {
            self.read_body(&mut response, &mut body, MAX_BODY_BYTES)?;
            response.check()?;
            let reason = format!("{}, not an export", response.page());
            return Err(response.unexpected(reason, Origin::Page).into());
        }
        if !has_end {
            let what = "the response has no length or chunked encoding".to_owned();
            return Err(response.unexpected(what, Origin::Other).into());
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
                        Some(mark) => cut_off(&response.url, mark),
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
        let headers = [
            (header::AUTHORIZATION, authorization),
            (header::PROXY_AUTHORIZATION, self.proxy_login.as_ref()),
            (TRACE_PARENT, self.trace_parent.as_ref()),
        ];
        headers
            .into_iter()
            .fold(request, |request, (name, value)| match value {
                Some(value) => request.header(name, value),
                None => request,
            })
    }

    /// Returns a response whose body is still to be read.
    fn head(
        &self,
        url: String,
        response: Response<Body>,
        changing: bool,
    ) -> (ApiResponse<'_>, Body) {
        let (parts, body) = response.into_parts();
        self.record_time(&parts.headers);
        let response = ApiResponse {
            base: &self.base,
            // In a tunnel, a proxy returns nothing.
            proxy: self.proxy.as_ref().filter(|_| !self.base.is_https()),
            url,
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: Zeroizing::default(),
            changing,
        };
        (response, body)
    }

    /// Reads the body to its end.
    fn read_body(
        &self,
        response: &mut ApiResponse<'_>,
        body: &mut Body,
        max_bytes: u64,
    ) -> Result<(), ClientError> {
        match body.with_config().limit(max_bytes).read_to_vec() {
            Ok(body) => {
                response.body = Zeroizing::new(body);
                Ok(())
            }
            Err(ureq::Error::BodyExceedsLimit(_)) => {
                let reason = "the response is too large".to_owned();
                Err(response.unexpected(reason, Origin::Other))
            }
            Err(error) => {
                let mut error = self.transport_error(&error, response.changing);
                // The head of the response already says whether the change was made.
                if let ClientError::Transport { effect, .. } = &mut error {
                    *effect = response.effect();
                }
                Err(error)
            }
        }
    }

    fn record_time(&self, headers: &HeaderMap) {
        if let Some(at) = server_time(headers) {
            *self
                .server_time
                .lock()
                .unwrap_or_else(PoisonError::into_inner) = Some(at);
        }
    }

    fn transport_error(&self, error: &ureq::Error, changing: bool) -> ClientError {
        let seconds = self.timeout.as_secs();
        let described = failure::describe(error, &self.base, self.proxy.as_ref(), seconds);
        ClientError::Transport {
            url: self.base.to_string(),
            reason: described.reason,
            cause: described.cause,
            effect: if changing {
                described.effect
            } else {
                Effect::None
            },
        }
    }
}

/// A request to be sent.
pub(super) struct Call<'t> {
    transport: &'t Transport,
    method: Method,
    path: String,
    body: Option<Zeroizing<Vec<u8>>>,
    authorization: Option<&'t HeaderValue>,
    version: Option<u64>,
    max_bytes: u64,
    /// Whether the request is for a change.
    changing: bool,
}

impl<'t> Call<'t> {
    /// Adds the parameters that `query` serializes to; absent fields are omitted.
    pub(super) fn query(mut self, query: &impl Serialize) -> Self {
        self.path = with_query(self.path, query);
        self
    }

    /// Sets the JSON body, which may contain secrets.
    pub(super) fn body(mut self, body: &impl Serialize) -> Self {
        // Structs of strings and numbers always serialize; an empty body would be a 400.
        self.body = Some(Zeroizing::new(serde_json::to_vec(body).unwrap_or_default()));
        self
    }

    /// Applies the change only to this version, if one is given.
    pub(super) const fn if_match(mut self, version: Option<u64>) -> Self {
        self.version = version;
        self
    }

    /// Omits the token.
    pub(super) const fn public(mut self) -> Self {
        self.authorization = None;
        self
    }

    /// Accepts a large response; `changing` says whether the request is for a change.
    pub(super) const fn large(mut self, changing: bool) -> Self {
        (self.max_bytes, self.changing) = (MAX_LARGE_BODY_BYTES, changing);
        self
    }

    /// Sends the request; the response must have a value.
    pub(super) fn read<T: DeserializeOwned>(self) -> Result<T, ClientError> {
        self.send()?.read()
    }

    /// Sends the request; the response must be empty and have this status.
    pub(super) fn confirm(self, status: u16) -> Result<(), ClientError> {
        self.send()?.confirm(status)
    }

    /// Sends the request and returns any response.
    pub(super) fn send(self) -> Result<ApiResponse<'t>, ClientError> {
        let Self { transport, .. } = self;
        let mut request = transport.request(self.method, &self.path, self.authorization);
        if let Some(version) = self.version {
            request = request.header(header::IF_MATCH, format!("\"{version}\""));
        }
        if self.body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        // Without a length, a POST without a body would be chunked, and its end sent in a separate
        // packet. A server that ignores it may respond and close the connection before it arrives.
        let has_length = self.body.is_some() || request.method_ref() == Some(&Method::POST);
        let url = url_of(&request);
        let sent = if has_length {
            let body = self.body.unwrap_or_default();
            run(&transport.agent, request.body(body.as_slice()))
        } else {
            run(&transport.agent, request.body(()))
        };
        let response = sent.map_err(|error| transport.transport_error(&error, self.changing))?;
        let (mut response, mut body) = transport.head(url, response, self.changing);
        transport.read_body(&mut response, &mut body, self.max_bytes)?;
        Ok(response)
    }
}

fn run(
    agent: &Agent,
    request: Result<Request<impl AsSendBody>, http::Error>,
) -> Result<Response<Body>, ureq::Error> {
    agent.run(request?)
}

/// Returns the URL of a request, without its query, which may contain search terms.
fn url_of(request: &Builder) -> String {
    let url = request
        .uri_ref()
        .map(ToString::to_string)
        .unwrap_or_default();
    url.split('?').next().unwrap_or_default().to_owned()
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
