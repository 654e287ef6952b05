//! Interprets a response: a value, a problem, or something that OpenIndex did not send.

use openindex_domain::clock::Timestamp;
use serde::de::DeserializeOwned;
use time::PrimitiveDateTime;
use time::format_description::FormatItem;
use time::macros::format_description;
use ureq::http::{HeaderMap, header};
use zeroize::Zeroizing;

use crate::wire::{IncompleteExport, ProblemBody};

use super::proxy::Route;
use super::{BaseUrl, Cause, ClientError, Effect, Origin, Problem, failure};

/// Maximum number of characters shown of a redirect's target.
const MAX_LOCATION_CHARS: usize = 200;

const HTTP_DATE: &[FormatItem<'_>] = format_description!(
    "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
);

/// Returns the problem that interrupted an export.
pub(super) fn cut_off(url: &str, mark: IncompleteExport) -> ClientError {
    ClientError::Problem(Box::new(Problem {
        url: url.to_owned(),
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
            matching: None,
        },
        effect: Effect::None,
    }))
}

/// A complete response.
pub(super) struct ApiResponse<'t> {
    pub(super) base: &'t BaseUrl,
    /// The proxy that sees the requests and may respond itself.
    pub(super) proxy: Option<&'t Route>,
    /// URL of the request, without its query.
    pub(super) url: String,
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Zeroizing<Vec<u8>>,
    /// Whether the request was for a change.
    pub(super) changing: bool,
}

impl ApiResponse<'_> {
    /// Returns the value of a successful response; any other response is an error.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T, ClientError> {
        self.check()?;
        if self.is_page() {
            let reason = format!("{}, not JSON", self.page());
            return Err(self.unexpected(reason, Origin::Page));
        }
        let mut json = serde_json::Deserializer::from_slice(&self.body);
        serde_path_to_error::deserialize(&mut json).map_err(|error| {
            let (reason, origin) = mismatch(&error);
            self.unexpected(reason, origin)
        })
    }

    /// Accepts any response that OpenIndex sent; a page, redirect or login of a proxy is an error.
    pub(super) fn check_direct(&self) -> Result<(), ClientError> {
        match self.status {
            300..400 | 407 => self.check(),
            200..300 if self.is_page() => {
                let reason = format!("{}, not sent by OpenIndex", self.page());
                Err(self.unexpected(reason, Origin::Page))
            }
            _ if self.is_page() => self.check(),
            _ => Ok(()),
        }
    }

    /// Accepts only an empty response with this status, because a proxy's page may be a 200 as
    /// well.
    pub(super) fn confirm(&self, status: u16) -> Result<(), ClientError> {
        self.check()?;
        if self.status == status && self.body.is_empty() {
            return Ok(());
        }
        let (reason, origin) = if self.is_page() {
            let page = self.page();
            (format!("{page}, not sent by OpenIndex"), Origin::Page)
        } else {
            let reason = format!("expected {status} without a body");
            (reason, Origin::Other)
        };
        let mut error = self.unexpected(reason, origin);
        // Unexpected JSON does not confirm the change.
        if let ClientError::UnexpectedResponse { effect, .. } = &mut error
            && *effect == Effect::Done
        {
            *effect = Effect::Possible;
        }
        Err(error)
    }

    /// Describes the page in a response, and the proxy that returned it.
    pub(super) fn page(&self) -> String {
        self.returned(&failure::page(&self.body))
    }

    /// Adds the name of a proxy that sees the requests; in a tunnel, a proxy returns nothing.
    fn returned(&self, what: &str) -> String {
        self.proxy.map_or_else(
            || what.to_owned(),
            |route| format!("the proxy {route} returned {what}"),
        )
    }

    /// Accepts a successful response; any other is an error.
    pub(super) fn check(&self) -> Result<(), ClientError> {
        if (200..300).contains(&self.status) {
            return Ok(());
        }
        if let Ok(body) = serde_json::from_slice::<ProblemBody>(&self.body) {
            return Err(ClientError::Problem(Box::new(Problem {
                url: self.url.clone(),
                status: self.status,
                retry_after: self.retry_after(),
                request_id: self.header("x-request-id").map(str::to_owned),
                // The server rejects requests when overloaded before it reads them.
                effect: if body.code == "overloaded" {
                    Effect::None
                } else {
                    self.effect()
                },
                body,
            })));
        }
        // Only a proxy that sees requests can have sent it; in a tunnel it sees none.
        let proxy = self.proxy;
        if let (407, Some(route)) = (self.status, proxy) {
            return Err(ClientError::Transport {
                url: self.base.to_string(),
                reason: failure::login_required(Some(route)),
                cause: Cause::ProxyLogin,
                effect: Effect::None,
            });
        }
        let page = self.is_page().then(|| failure::page(&self.body));
        let (reason, origin) = match (self.status, self.header("location"), page) {
            (300..400, Some(to), _) => {
                // The query may contain the state of a login.
                let to = to.split(['?', '#']).next().unwrap_or_default();
                let to: String = to.chars().take(MAX_LOCATION_CHARS).collect();
                let redirect = self.returned(&format!("a redirect to {to}"));
                let reason = format!("{redirect}, which is not followed");
                (reason, Origin::Redirect)
            }
            (407, ..) => ("a proxy requires a login".to_owned(), Origin::Gateway),
            (502..=504, _, page) => {
                let page = page.map_or_else(String::new, |page| format!(": {page}"));
                let sender = proxy.map_or_else(
                    || "a proxy or gateway".to_owned(),
                    |route| format!("the proxy {route}, or a gateway behind it"),
                );
                let reason = format!("sent by {sender}, not by OpenIndex{page}");
                (reason, Origin::Gateway)
            }
            (_, _, Some(page)) => {
                let page = self.returned(&page);
                (format!("{page}, not sent by OpenIndex"), Origin::Page)
            }
            _ => ("not an OpenIndex error response".to_owned(), Origin::Other),
        };
        Err(self.unexpected(reason, origin))
    }
}

/// Describes why a body did not match. serde's own message quotes the body, except for a missing
/// field, whose name is known.
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
        None if within.is_empty() => "unexpected JSON".to_owned(),
        None => format!("the field {path} has an unexpected type"),
    };
    (reason, Origin::Version)
}

/// Parses the `Date` header (RFC 9110 §6.6.1).
pub(super) fn server_time(headers: &HeaderMap) -> Option<Timestamp> {
    let date = headers.get(header::DATE)?.to_str().ok()?;
    let at = PrimitiveDateTime::parse(date, HTTP_DATE).ok()?;
    Timestamp::from_datetime(at.assume_utc())
}

impl ApiResponse<'_> {
    /// Returns the server's time.
    pub(super) fn server_time(&self) -> Option<Timestamp> {
        server_time(&self.headers)
    }

    /// Creates an error for an unexpected response.
    pub(super) fn unexpected(&self, reason: String, origin: Origin) -> ClientError {
        ClientError::UnexpectedResponse {
            url: self.url.clone(),
            status: self.status,
            reason,
            origin,
            retry_after: self.retry_after(),
            effect: self.effect(),
        }
    }

    /// Returns what an unexpected response says about the requested change. A page may replace the
    /// server's own response, or stand for none.
    pub(super) fn effect(&self) -> Effect {
        let is_json = self.media_type().is_some_and(|of| of.ends_with("json"));
        match self.status {
            _ if !self.changing => Effect::None,
            200..300 if is_json => Effect::Done,
            200..300 | 500.. => Effect::Possible,
            _ => Effect::None,
        }
    }

    pub(super) fn is_page(&self) -> bool {
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

/// Returns whether a response is an HTML page.
pub(super) fn is_page(headers: &HeaderMap) -> bool {
    media_type(headers)
        .is_some_and(|of| matches!(of.as_str(), "text/html" | "application/xhtml+xml"))
}

/// Returns the media type in lower case, without parameters.
fn media_type(headers: &HeaderMap) -> Option<String> {
    let whole = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    Some(whole.split(';').next()?.trim().to_ascii_lowercase())
}
