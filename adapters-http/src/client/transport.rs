use std::io;

use openindex_domain::clock::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use time::PrimitiveDateTime;
use time::format_description::FormatItem;
use time::macros::format_description;
use ureq::http::{HeaderMap, HeaderValue, Method, Request, header};
use ureq::tls::TlsConfig;
use ureq::{Agent, Proxy, Timeout};
use zeroize::Zeroizing;

use crate::wire::{PlainSecret, ProblemBody};

use super::{BaseUrl, ClientError, ClientOptions, Problem};

/// The most that is read of an answer. A list of thousands of users is smaller; whoever sends
/// more is no OpenIndex server.
const MAX_BODY_BYTES: u64 = 8 * 1024 * 1024;
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
    timeout_seconds: u64,
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
        let authorization = match token {
            None => None,
            Some(_) if !base.is_https() && !base.is_loopback() && !options.allow_insecure_http => {
                return Err(ClientError::InsecureTransport {
                    host: base.host().to_owned(),
                });
            }
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
            timeout_seconds: options.timeout.as_secs(),
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
        self.exchange(method, path, body, self.authorization.as_ref())
    }

    /// Asks for something that everyone may see: the token stays at home.
    pub(super) fn get_public(&self, path: &str) -> Result<Answer, ClientError> {
        self.exchange(Method::GET, path, None::<&()>, None)
    }

    fn exchange(
        &self,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
        authorization: Option<&HeaderValue>,
    ) -> Result<Answer, ClientError> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base));
        if let Some(authorization) = authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        let sent = match body {
            None => request
                .body(())
                .map_err(ureq::Error::from)
                .and_then(|request| self.agent.run(request)),
            Some(body) => request
                .header(header::CONTENT_TYPE, "application/json")
                // Structs of strings and numbers always serialize; an empty body would be a 400.
                .body(serde_json::to_vec(body).unwrap_or_default())
                .map_err(ureq::Error::from)
                .and_then(|request| self.agent.run(request)),
        };
        let (parts, mut body) = sent
            .map_err(|error| self.transport_error(&error))?
            .into_parts();
        let status = parts.status.as_u16();
        let body = body
            .with_config()
            .limit(MAX_BODY_BYTES)
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
            headers: parts.headers,
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
                format!("no answer within {} seconds", self.timeout_seconds),
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

fn bearer(token: &PlainSecret) -> Result<HeaderValue, ClientError> {
    let text = Zeroizing::new(format!("Bearer {}", token.expose()));
    let mut value = HeaderValue::from_str(&text).map_err(|_| ClientError::UnsendableToken)?;
    value.set_sensitive(true);
    Ok(value)
}
