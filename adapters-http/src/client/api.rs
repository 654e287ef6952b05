use std::fmt;

use openindex_domain::clock::Timestamp;
use openindex_domain::token::TokenId;
use openindex_domain::user::PersonName;
use ureq::http::Method;

use crate::wire::{
    CreatePat, CreatedPat, Discovery, Me, PageQuery, Pat, PatList, PatQuery, PatchMe, PlainSecret,
    RotatePat,
};

use super::calls::calls;
use super::transport::{Call, Transport};
use super::{BaseUrl, ClientError, ClientOptions};

/// A client for one server, authenticated by one token.
///
/// Blocking; connections are reused. `Debug` does not show the token.
///
/// # Errors
///
/// Every method returns [`ClientError`]: [`Problem`](ClientError::Problem) if the server rejected
/// the request, other variants if there was no usable response.
pub struct Client(pub(super) Transport);

/// The result of a health or readiness probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probe {
    /// HTTP status: 200 means healthy, 503 not (yet) ready.
    pub status: u16,
    /// The server's time, accurate to the second, if it sent one.
    pub server_time: Option<Timestamp>,
}

impl Client {
    /// Creates a client with [default options](ClientOptions::default). Sends nothing.
    ///
    /// # Errors
    ///
    /// [`ClientError::InsecureTransport`] for a token with a plain `http` URL of another machine;
    /// [`ClientError::UnsendableToken`].
    pub fn new(api_url: &BaseUrl, token: Option<&PlainSecret>) -> Result<Self, ClientError> {
        Self::with_options(api_url, token, &ClientOptions::default())
    }

    /// Creates a client with options; see [`Client::new`].
    ///
    /// # Errors
    ///
    /// The same as [`Client::new`].
    pub fn with_options(
        api_url: &BaseUrl,
        token: Option<&PlainSecret>,
        options: &ClientOptions,
    ) -> Result<Self, ClientError> {
        Transport::new(api_url, token, options).map(Self)
    }

    /// Checks that the server is alive. Any response of the server counts, but not one of a proxy
    /// or captive portal. The token is not sent.
    pub fn health(&self) -> Result<Probe, ClientError> {
        self.probe("/health")
    }

    /// Checks that the server is ready: its database is reachable and migrated. The token is not
    /// sent.
    pub fn ready(&self) -> Result<Probe, ClientError> {
        self.probe("/ready")
    }

    /// Returns the base URL of the API and the server version. The token is not sent.
    pub fn discovery(&self) -> Result<Discovery, ClientError> {
        self.public("/.well-known/openindex.json").read()
    }

    /// Returns the OpenAPI document of the server. The token is not sent.
    pub fn openapi(&self) -> Result<serde_json::Value, ClientError> {
        self.public("/openapi.json").read()
    }

    calls! {
        /// Returns the owner of the token and the token.
        me() -> Me = GET "/me";

        /// Returns one page of the caller's tokens that match the filters.
        pats_list(filter: &PatQuery, page: &PageQuery) -> PatList = GET "/me/pats" ? filter page;

        /// Creates a token. Do not retry blindly after a lost response: see
        /// [`ClientError::Transport`].
        pat_create(wanted: &CreatePat) -> CreatedPat = POST "/me/pats", wanted;

        /// Returns one of the caller's tokens.
        pat_get(id: TokenId) -> Pat = GET "/me/pats/{id}";

        /// Deletes one of the caller's tokens: once this returns, the token is no longer accepted.
        pat_delete(id: TokenId) = DELETE "/me/pats/{id}";

        /// Rotates one of the caller's tokens: creates one with the same name and scope and a new
        /// secret. Do not retry blindly, as with [`pat_create`](Self::pat_create).
        pat_rotate(id: TokenId, wanted: &RotatePat) -> CreatedPat
            = POST "/me/pats/{id}/rotate", wanted;

        /// Deletes the token of the client, of any kind: once this returns, it is no longer
        /// accepted. An agent run ends.
        own_token_delete() = DELETE "/me/token";

        /// Rotates the token of the client, as [`pat_rotate`](Self::pat_rotate) does.
        own_token_rotate(wanted: &RotatePat) -> CreatedPat = POST "/me/token/rotate", wanted;
    }

    /// Changes the caller's name. Sending the current name is not an error.
    pub fn me_rename(&self, name: PersonName) -> Result<Me, ClientError> {
        let call = self.0.call(Method::PATCH, "/me");
        call.body(&PatchMe { name }).read()
    }

    /// Returns the base URL of the requests.
    #[must_use]
    pub const fn api_url(&self) -> &BaseUrl {
        self.0.base()
    }

    /// Returns the proxy in use, for example `http://proxy.example:3128 (https_proxy)`, without its
    /// password.
    #[must_use]
    pub fn proxy(&self) -> Option<String> {
        self.0.proxy()
    }

    /// Returns the server's time from its last response, accurate to the second.
    #[must_use]
    pub fn server_time(&self) -> Option<Timestamp> {
        self.0.server_time()
    }

    fn public(&self, path: &str) -> Call<'_> {
        self.0.call(Method::GET, path).public()
    }

    fn probe(&self, path: &str) -> Result<Probe, ClientError> {
        let response = self.public(path).send()?;
        response.check_direct()?;
        Ok(Probe {
            status: response.status,
            server_time: response.server_time(),
        })
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("api_url", self.api_url())
            .finish_non_exhaustive()
    }
}
