use std::fmt;

use openindex_domain::clock::Timestamp;
use openindex_domain::token::TokenId;
use openindex_domain::user::PersonName;
use serde::de::DeserializeOwned;
use ureq::http::Method;

use crate::wire::{
    CreatePat, CreatedPat, Discovery, Me, PageQuery, Pat, PatList, PatQuery, PatchMe, PlainSecret,
    RotatePat,
};

use super::query::path;
use super::transport::Transport;
use super::{BaseUrl, ClientError, ClientOptions};

/// Speaks to one server, as whoever the token belongs to.
///
/// Blocking; connections are kept for the next request. Its `Debug` does not show the token.
///
/// # Errors
///
/// Every method answers with [`ClientError`]: [`Problem`](ClientError::Problem) when the server
/// refused, and the other variants when there was no answer to be used.
pub struct Client(pub(super) Transport);

/// How a server answered when asked whether it is well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probe {
    /// The HTTP status: 200 is well, 503 is not (yet) ready.
    pub status: u16,
    /// The time on its clock, to the second, when it says so.
    pub server_time: Option<Timestamp>,
}

impl Client {
    /// A client with [default options](ClientOptions::default). Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// [`ClientError::InsecureTransport`] when there is a token and `api_url` is plain `http` on
    /// another machine; [`ClientError::UnsendableToken`].
    pub fn new(api_url: &BaseUrl, token: Option<&PlainSecret>) -> Result<Self, ClientError> {
        Self::with_options(api_url, token, &ClientOptions::default())
    }

    /// As [`Client::new`], with options.
    ///
    /// # Errors
    ///
    /// As [`Client::new`].
    pub fn with_options(
        api_url: &BaseUrl,
        token: Option<&PlainSecret>,
        options: &ClientOptions,
    ) -> Result<Self, ClientError> {
        Transport::new(api_url, token, options).map(Self)
    }

    /// Whether the server runs. Any response of it is one, and none of a proxy or a captive portal;
    /// the token is not sent.
    pub fn health(&self) -> Result<Probe, ClientError> {
        self.probe("/health")
    }

    /// Whether the server can serve: its store answers and is migrated. The token is not sent.
    pub fn ready(&self) -> Result<Probe, ClientError> {
        self.probe("/ready")
    }

    /// Where the API is, and the server's version. The token is not sent.
    pub fn discovery(&self) -> Result<Discovery, ClientError> {
        let answer = self.0.get_public("/.well-known/openindex.json")?;
        self.0.read(&answer)
    }

    /// The OpenAPI document of the server. The token is not sent.
    pub fn openapi(&self) -> Result<serde_json::Value, ClientError> {
        let answer = self.0.get_public("/openapi.json")?;
        self.0.read(&answer)
    }

    /// Who the token acts as.
    pub fn me(&self) -> Result<Me, ClientError> {
        self.get("/me")
    }

    /// Changes the caller's name. Repeating it is not an error.
    pub fn me_rename(&self, name: PersonName) -> Result<Me, ClientError> {
        let answer = self.0.send(Method::PATCH, "/me", Some(&PatchMe { name }))?;
        self.0.read(&answer)
    }

    /// Returns one page of the caller's tokens that match, the newest first.
    pub fn pats_list(&self, filter: &PatQuery, page: &PageQuery) -> Result<PatList, ClientError> {
        self.get(&path("/me/pats", filter, page))
    }

    /// Issues a token. Not to be repeated without looking when the answer got lost: see
    /// [`ClientError::Transport`].
    pub fn pat_create(&self, wanted: &CreatePat) -> Result<CreatedPat, ClientError> {
        let answer = self.0.send(Method::POST, "/me/pats", Some(wanted))?;
        self.0.read(&answer)
    }

    /// One of the caller's tokens.
    pub fn pat_get(&self, id: TokenId) -> Result<Pat, ClientError> {
        self.get(&format!("/me/pats/{id}"))
    }

    /// Revokes one of the caller's tokens: once this has returned, nobody gets in with it.
    pub fn pat_delete(&self, id: TokenId) -> Result<(), ClientError> {
        self.delete(&format!("/me/pats/{id}"))
    }

    /// Replaces one of the caller's tokens by a new one with the same name and scope. Not to be
    /// repeated without looking, like [`pat_create`](Self::pat_create).
    pub fn pat_rotate(&self, id: TokenId, wanted: &RotatePat) -> Result<CreatedPat, ClientError> {
        let path = format!("/me/pats/{id}/rotate");
        let answer = self.0.send(Method::POST, &path, Some(wanted))?;
        self.0.read(&answer)
    }

    /// Where it sends its requests.
    #[must_use]
    pub const fn api_url(&self) -> &BaseUrl {
        self.0.base()
    }

    /// The proxy on the way, as in `http://proxy.example:3128 (https_proxy)`, without its password.
    #[must_use]
    pub fn proxy(&self) -> Option<String> {
        self.0.proxy()
    }

    /// The server's clock as its last response gave it, to the second.
    #[must_use]
    pub fn server_time(&self) -> Option<Timestamp> {
        self.0.server_time()
    }

    pub(super) fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        let answer = self.0.send(Method::GET, path, None::<&()>)?;
        self.0.read(&answer)
    }

    pub(super) fn post<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        let answer = self.0.send(Method::POST, path, None::<&()>)?;
        self.0.read(&answer)
    }

    pub(super) fn delete(&self, path: &str) -> Result<(), ClientError> {
        let answer = self.0.send(Method::DELETE, path, None::<&()>)?;
        self.0.confirm(&answer, 204)
    }

    fn probe(&self, path: &str) -> Result<Probe, ClientError> {
        let answer = self.0.get_public(path)?;
        self.0.check_direct(&answer)?;
        Ok(Probe {
            status: answer.status,
            server_time: answer.server_time(),
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
