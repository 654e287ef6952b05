use std::io::{self, Read as _, Write};
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
use ureq::{Agent, Body, Proxy, Timeout};
use zeroize::Zeroizing;

use crate::wire::{PlainSecret, ProblemBody};

use super::{BaseUrl, ClientError, ClientOptions, ExportError, Problem};

/// The most that is read of an answer. A list of thousands of users is smaller; whoever sends
/// more is no OpenIndex server.
const MAX_BODY_BYTES: u64 = 8 * 1024 * 1024;
/// The same where an answer names everybody's tokens in one piece.
const MAX_LARGE_BODY_BYTES: u64 = 256 * 1024 * 1024;
/// How much of an export is held at once.
const STREAM_BYTES: usize = 64 * 1024;
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
}

/// What came back, whole.
pub(super) struct Answer {
    pub(super) status: u16,
    headers: HeaderMap,
    body: Zeroizing<Vec<u8>>,
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
        // A proxy must not see what is meant for this machine.
        let proxy = if base.is_loopback() {
            None
        } else {
            Proxy::try_from_env()
        };
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .user_agent(options.user_agent.as_str())
            .accept("application/json")
            .timeout_connect(Some(options.connect_timeout))
            .timeout_global(Some(options.timeout))
            .max_response_header_size(MAX_HEADER_BYTES)
            .proxy(proxy)
            .tls_config(
                TlsConfig::builder()
                    .root_certs(options.root_certificates())
                    .build(),
            )
            .build();
        Ok(Self {
            agent: Agent::new_with_config(config),
            base: base.clone(),
            authorization,
            timeout: options.timeout,
            confidential,
        })
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

    /// As [`Transport::send`], for an answer that may be large.
    pub(super) fn send_large(
        &self,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> Result<Answer, ClientError> {
        let request = self.request(method, path, self.authorization.as_ref());
        self.exchange(request, body, MAX_LARGE_BODY_BYTES)
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
            .map_err(|error| self.transport_error(&error.into()))?;
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
            .map_err(|error| self.transport_error(&error))?
            .into_parts();
        let status = parts.status.as_u16();
        // Without either, the end of the export looks like a broken connection.
        let has_end = body.content_length().is_some()
            || parts.headers.contains_key(header::TRANSFER_ENCODING);
        if !parts.status.is_success() {
            let answer = self.whole(status, parts.headers, &mut body, MAX_BODY_BYTES)?;
            self.check(&answer)?;
        }
        if !has_end {
            let what = "it does not say where the answer ends".to_owned();
            return Err(self.unexpected(status, what, None).into());
        }
        let mut reader = body.as_reader();
        let mut piece = vec![0; STREAM_BYTES];
        let mut total = 0;
        loop {
            let length = match reader.read(&mut piece) {
                Ok(0) => return Ok(total),
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(self.transport_error(&error.into()).into()),
            };
            sink.write_all(&piece[..length])
                .map_err(ExportError::Sink)?;
            total += length as u64;
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
            .map_err(|error| self.transport_error(&error))?
            .into_parts();
        self.whole(parts.status.as_u16(), parts.headers, &mut body, max_bytes)
    }

    /// Reads an answer to its end.
    fn whole(
        &self,
        status: u16,
        headers: HeaderMap,
        body: &mut Body,
        max_bytes: u64,
    ) -> Result<Answer, ClientError> {
        let body =
            body.with_config()
                .limit(max_bytes)
                .read_to_vec()
                .map_err(|error| match error {
                    ureq::Error::BodyExceedsLimit(_) => self.unexpected(
                        status,
                        "the answer is larger than any that a server gives".to_owned(),
                        None,
                    ),
                    error => self.transport_error(&error),
                })?;
        Ok(Answer {
            status,
            headers,
            body: Zeroizing::new(body),
        })
    }

    /// The value in a successful answer; the problem in any other.
    pub(super) fn read<T: DeserializeOwned>(&self, answer: &Answer) -> Result<T, ClientError> {
        self.check(answer)?;
        serde_json::from_slice(&answer.body).map_err(|error| {
            // serde's own message quotes the body.
            let what = match error.classify() {
                serde_json::error::Category::Data => "JSON of another form",
                _ => "not JSON",
            };
            self.unexpected(answer.status, what.to_owned(), None)
        })
    }

    /// Lets a successful answer pass.
    pub(super) fn check(&self, answer: &Answer) -> Result<(), ClientError> {
        if (200..300).contains(&answer.status) {
            return Ok(());
        }
        let retry_after = answer.retry_after();
        if let Ok(body) = serde_json::from_slice::<ProblemBody>(&answer.body) {
            return Err(ClientError::Problem(Box::new(Problem {
                status: answer.status,
                retry_after,
                request_id: answer.header("x-request-id").map(str::to_owned),
                body,
            })));
        }
        let reason = match answer.header("location") {
            Some(to) if (300..400).contains(&answer.status) => {
                let to: String = to.chars().take(MAX_LOCATION_CHARS).collect();
                format!("a redirect to {to}, which is not followed")
            }
            _ => "no problem details".to_owned(),
        };
        Err(self.unexpected(answer.status, reason, retry_after))
    }

    fn unexpected(&self, status: u16, reason: String, retry_after: Option<u64>) -> ClientError {
        ClientError::UnexpectedAnswer {
            url: self.base.to_string(),
            status,
            reason,
            retry_after,
        }
    }

    fn transport_error(&self, error: &ureq::Error) -> ClientError {
        let (reason, may_have_arrived) = match error {
            ureq::Error::HostNotFound => ("there is no host of that name".to_owned(), false),
            ureq::Error::ConnectionFailed => ("the connection failed".to_owned(), false),
            ureq::Error::Timeout(Timeout::Resolve | Timeout::Connect) => {
                ("no connection in time".to_owned(), false)
            }
            ureq::Error::Timeout(_) => (
                format!("no answer within {} seconds", self.timeout.as_secs()),
                true,
            ),
            ureq::Error::Io(error) => match error.kind() {
                io::ErrorKind::ConnectionRefused => ("connection refused".to_owned(), false),
                io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset => (
                    "the connection was closed without an answer".to_owned(),
                    true,
                ),
                _ => (error.to_string(), true),
            },
            ureq::Error::Tls(_) | ureq::Error::Rustls(_) => (format!("TLS: {error}"), false),
            ureq::Error::Protocol(_) => ("it does not speak HTTP".to_owned(), true),
            other => (other.to_string(), true),
        };
        ClientError::Transport {
            url: self.base.to_string(),
            reason,
            may_have_arrived,
        }
    }
}

impl Answer {
    /// The server's time, from the `Date` header (RFC 9110 §6.6.1), to the second.
    pub(super) fn server_time(&self) -> Option<Timestamp> {
        let at = PrimitiveDateTime::parse(self.header("date")?, HTTP_DATE).ok()?;
        Timestamp::from_datetime(at.assume_utc())
    }

    fn retry_after(&self) -> Option<u64> {
        self.header("retry-after")?.trim().parse().ok()
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
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
