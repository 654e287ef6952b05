//! Verifies tokens at the server that issued them, in batches and without a cache.
//!
//! A [`RemoteVerifier`] takes the place of the use cases of tokens in a
//! [`Guard`](crate::guard::Guard), in a service that has no store of its own:
//!
//! ```no_run
//! use openindex_adapters_http::guard::Guard;
//! use openindex_adapters_http::remote::{RemoteSettings, RemoteVerifier};
//! use openindex_domain::token::Secret;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let token = Secret::parse(&std::env::var("OPENINDEX_TOKEN")?)?;
//! let settings = RemoteSettings::new("https://openindex.example.com".parse()?, token);
//! let guard = Guard::new(RemoteVerifier::new(settings)?);
//! # drop(guard);
//! # Ok(())
//! # }
//! ```
//!
//! Requests that arrive while a batch is under way are sent together as the next one, so a result is
//! never older than its request: a token is refused by the next request after its revocation. While
//! the server cannot be asked, every request is a 503.

use std::hash::{Hash, Hasher};
use std::net::IpAddr;
use std::num::NonZero;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::body::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use openindex_coalescing::{Coalescer, Options, Source};
use openindex_domain::access::{Principal, RemoteToken};
use openindex_domain::clock::Timestamp;
use openindex_domain::token::{
    Digest, Rejection, Scope, Secret, SecretPrefixes, TokenId, VerifyError,
};
use openindex_domain::{BoxError, StoreError};

pub use crate::base_url::{BaseUrl, InvalidBaseUrl};
use crate::guard::Verify;
use crate::wire::{
    IntrospectTokens, Introspection, Introspections, MAX_INTROSPECTED, PlainSecret, ProblemBody,
};

/// Maximum number of waiting requests; further ones fail.
const MAX_QUEUE: NonZero<usize> = NonZero::new(8_192).unwrap();
/// Maximum number of tokens in a batch.
const MAX_BATCH: NonZero<usize> = NonZero::new(MAX_INTROSPECTED).unwrap();
/// Maximum size of a response: several times that of the largest batch.
const MAX_RESPONSE_BYTES: usize = 4 * 1_024 * 1_024;
/// How long an unused connection is kept.
const IDLE: Duration = Duration::from_secs(30);

/// The server to ask, and how.
#[non_exhaustive]
pub struct RemoteSettings {
    /// The base URL of the server. Plain HTTP is accepted only on this machine.
    pub url: BaseUrl,
    /// The token with which this service authenticates; any live one.
    pub token: Secret,
    /// How long a batch may take, and how long a request may wait for one. Every verification
    /// completes within twice this time. By default 5 seconds.
    pub deadline: Duration,
    /// The maximum number of batches, and of connections, in flight. By default 2; more make
    /// batches smaller.
    pub batches: NonZero<usize>,
    /// The prefixes of the secrets that the server accepts. By default those of OpenIndex.
    pub prefixes: SecretPrefixes,
    /// Whether plain HTTP is accepted to any host, for a network that encrypts by itself. By
    /// default it is not, because the tokens of all callers are sent.
    pub allows_plain_http: bool,
    /// Adds headers to the request for a batch, such as the `traceparent` of the current span: that
    /// of the batch (`lookup batch`, at the debug level). By default, nothing.
    pub headers: Option<RequestHeaders>,
}

/// See [`RemoteSettings::headers`].
pub type RequestHeaders = Arc<dyn Fn(&mut HeaderMap) + Send + Sync>;

impl RemoteSettings {
    /// Creates settings with defaults.
    #[must_use]
    pub fn new(url: BaseUrl, token: Secret) -> Self {
        Self {
            url,
            token,
            deadline: Duration::from_secs(5),
            batches: NonZero::new(2).unwrap_or(NonZero::<usize>::MIN),
            prefixes: SecretPrefixes::DEFAULT,
            allows_plain_http: false,
            headers: None,
        }
    }
}

/// The settings cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RemoteError {
    /// Tokens would be sent unencrypted.
    #[error("{0} would receive tokens unencrypted; use https, or set allows_plain_http")]
    PlainHttp(BaseUrl),
    /// The system's root certificates cannot be read.
    #[error("no root certificates: {0}")]
    Certificates(std::io::Error),
    /// The URL has no valid form with the path of the endpoint.
    #[error("{0} is not a base URL")]
    Url(BaseUrl),
}

/// Verifies tokens at another server. Cheap to clone.
#[derive(Clone)]
pub struct RemoteVerifier {
    lookups: Coalescer<Authority>,
    prefixes: SecretPrefixes,
}

impl RemoteVerifier {
    /// Creates a verifier. It connects when the first token is verified.
    ///
    /// # Errors
    ///
    /// [`RemoteError`] if the settings cannot be used.
    pub fn new(settings: RemoteSettings) -> Result<Self, RemoteError> {
        let RemoteSettings {
            url,
            token,
            deadline,
            batches,
            prefixes,
            allows_plain_http,
            headers,
        } = settings;
        if !(url.is_https() || url.is_loopback() || allows_plain_http) {
            return Err(RemoteError::PlainHttp(url));
        }
        let endpoint = format!("{url}/auth/introspect");
        let endpoint = endpoint.parse().map_err(|_| RemoteError::Url(url))?;
        let authorization = format!("Bearer {}", token.expose());
        let mut authorization =
            HeaderValue::try_from(authorization).unwrap_or(HeaderValue::from_static(""));
        authorization.set_sensitive(true);
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(deadline));
        let connector = HttpsConnectorBuilder::new()
            .with_native_roots()
            .map_err(RemoteError::Certificates)?
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(batches.get())
            .build(connector);
        let authority = Authority {
            client,
            endpoint,
            authorization,
            headers,
        };
        let options = Options {
            workers: batches,
            max_batch: MAX_BATCH,
            max_queue: MAX_QUEUE,
            deadline,
        };
        Ok(Self {
            lookups: Coalescer::new(authority, options),
            prefixes,
        })
    }

    /// Verifies a presented secret and returns the principal that it authenticates, which has no
    /// [`token`](Principal::token) but a [`token_id`](Principal::token_id).
    ///
    /// # Errors
    ///
    /// - [`VerifyError::Rejected`] when the secret is not accepted: [`Rejection::Malformed`]
    ///   without asking the server, and [`Rejection::NotAccepted`] whatever the server's reason,
    ///   which it does not tell another service.
    /// - [`VerifyError::Store`] when the server cannot be asked.
    pub async fn verify(&self, presented: &str) -> Result<Principal, VerifyError> {
        let secret = self.prefixes.parse(presented);
        let secret = secret.map_err(Rejection::Malformed)?;
        let found = self.lookups.get(Presented::new(secret)).await;
        match found {
            Ok(Some(token)) => Ok(Principal::of_remote(token)),
            Ok(None) => Err(Rejection::NotAccepted.into()),
            Err(error) => Err(StoreError::unavailable(error).into()),
        }
    }
}

#[async_trait]
impl Verify for RemoteVerifier {
    async fn verify(&self, presented: &str, _: Option<IpAddr>) -> Result<Principal, VerifyError> {
        Self::verify(self, presented).await
    }

    fn prefixes(&self) -> SecretPrefixes {
        self.prefixes
    }

    fn depends_on(&self) -> &'static str {
        "token server"
    }
}

/// A presented secret, compared by its digest.
#[derive(Clone)]
struct Presented(Arc<(Digest, Secret)>);

impl Presented {
    fn new(secret: Secret) -> Self {
        Self(Arc::new((secret.digest(), secret)))
    }
}

impl PartialEq for Presented {
    fn eq(&self, other: &Self) -> bool {
        self.0.0 == other.0.0
    }
}

impl Eq for Presented {}

impl Hash for Presented {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.0.hash(state);
    }
}

/// The introspection endpoint of the server.
struct Authority {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    endpoint: Uri,
    authorization: HeaderValue,
    headers: Option<RequestHeaders>,
}

/// Why a batch failed.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error("the server of the tokens cannot be asked")]
    Unreachable(#[source] BoxError),
    #[error("the server does not accept the token of this service: {0}")]
    NotAccepted(String),
    // A base URL has no credentials and no query.
    #[error("the server of the tokens responded with {status} ({endpoint}); check the base URL")]
    Status { status: StatusCode, endpoint: Uri },
    #[error("the response of the server of the tokens cannot be read")]
    Unreadable(#[source] BoxError),
    #[error("the server described a token with an invalid {0}")]
    Invalid(&'static str),
}

impl Source for Authority {
    type Key = Presented;
    type Value = RemoteToken;
    type Error = Failed;

    async fn fetch(&self, keys: &[Presented]) -> Result<Vec<Option<RemoteToken>>, Failed> {
        let secrets = keys.iter().map(|key| PlainSecret::new(key.0.1.expose()));
        let tokens = IntrospectTokens {
            tokens: secrets.collect(),
        };
        let body = serde_json::to_vec(&tokens).map_err(|error| Failed::Unreadable(error.into()))?;
        let mut request = Request::new(Full::from(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.endpoint.clone();
        let headers = request.headers_mut();
        if let Some(add_to) = &self.headers {
            add_to(headers);
        }
        headers.insert(header::AUTHORIZATION, self.authorization.clone());
        let json = HeaderValue::from_static("application/json");
        headers.insert(header::CONTENT_TYPE, json);
        let response = self.client.request(request).await;
        let response = response.map_err(|error| Failed::Unreachable(error.into()))?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, MAX_RESPONSE_BYTES).collect().await;
        let body = body.map_err(Failed::Unreadable)?.to_bytes();
        match head.status {
            StatusCode::OK => {}
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                let problem = serde_json::from_slice::<ProblemBody>(&body);
                let code = problem.map_or_else(|_| head.status.to_string(), |body| body.code);
                return Err(Failed::NotAccepted(code));
            }
            status => {
                let endpoint = self.endpoint.clone();
                return Err(Failed::Status { status, endpoint });
            }
        }
        let found = serde_json::from_slice::<Introspections>(&body);
        let found = found.map_err(|error| Failed::Unreadable(error.into()))?;
        let described = found.tokens.iter().map(described);
        let described: Vec<_> = described.collect::<Result<_, _>>()?;
        let kinds = keys.iter().map(|key| key.0.1.kind());
        if kinds
            .zip(&described)
            .any(|(kind, found)| found.as_ref().is_some_and(|token| token.id.kind() != kind))
        {
            return Err(Failed::Invalid("kind"));
        }
        Ok(described)
    }
}

/// Returns the token that an introspection describes; `None` if it is not accepted.
fn described(found: &Introspection) -> Result<Option<RemoteToken>, Failed> {
    if !found.active {
        return Ok(None);
    }
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let id: TokenId = text(&found.jti)
        .parse()
        .map_err(|_| Failed::Invalid("jti"))?;
    let owner = text(&found.sub)
        .parse()
        .map_err(|_| Failed::Invalid("sub"))?;
    let scopes = text(&found.scope);
    let scopes = scopes.split(' ').filter_map(Scope::parse);
    let scope = scopes.max().ok_or(Failed::Invalid("scope"))?;
    let expires_at = match found.exp {
        Some(seconds) => Some(
            Timestamp::from_unix_millis(seconds.saturating_mul(1_000))
                .ok_or(Failed::Invalid("exp"))?,
        ),
        None => None,
    };
    Ok(Some(RemoteToken::new(id, owner, scope, expires_at)))
}
