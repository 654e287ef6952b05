use std::convert::Infallible;
use std::net::IpAddr;
use std::ops::Deref;

use axum::extract::FromRequestParts;
use http::request::Parts;
use openindex_domain::audit::{RequestContext, RequestId};

/// The client address, as a request extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

/// The request context for the audit log: the [`RequestId`] and [`ClientAddress`] that a middleware
/// has set as request extensions. Empty without them.
///
/// ```
/// use std::net::SocketAddr;
///
/// use axum::extract::{ConnectInfo, Request};
/// use axum::middleware::{Next, from_fn};
/// use axum::response::Response;
/// use axum::{Router, routing::get};
/// use openindex_adapters_http::guard::{ClientAddress, Context};
/// use openindex_domain::audit::RequestId;
///
/// /// Behind a proxy, read its header for the address instead.
/// async fn describe(mut request: Request, next: Next) -> Response {
///     let id = request.headers().get("x-request-id");
///     let id = id.and_then(|id| RequestId::of_client(id.to_str().ok()?));
///     let from = request.extensions().get::<ConnectInfo<SocketAddr>>();
///     let from = from.map(|from| ClientAddress(from.0.ip()));
///     let extensions = request.extensions_mut();
///     id.map(|id| extensions.insert(id));
///     from.map(|from| extensions.insert(from));
///     next.run(request).await
/// }
///
/// async fn seen(context: Context) -> String {
///     format!("{:?} from {:?}", context.request_id, context.client_address)
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let app = Router::new().route("/", get(seen)).layer(from_fn(describe));
/// let app = app.into_make_service_with_connect_info::<SocketAddr>();
/// # use tower::ServiceExt as _;
/// # let app = app.oneshot(SocketAddr::from(([192, 0, 2, 1], 1))).await?;
/// # let id = "4bf92f3577b34da6a3ce929d0e0e4736";
/// # let request = axum::http::Request::get("/").header("x-request-id", id);
/// # let response = app.oneshot(request.body(axum::body::Body::empty())?).await?;
/// # let body = axum::body::to_bytes(response.into_body(), 1_000).await?;
/// # let body = std::str::from_utf8(&body)?;
/// # assert!(body.contains(id) && body.contains("192.0.2.1"), "{body}");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct Context(pub RequestContext);

impl Deref for Context {
    type Target = RequestContext;

    fn deref(&self) -> &RequestContext {
        &self.0
    }
}

impl<S: Sync> FromRequestParts<S> for Context {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(parts))
    }
}

impl Context {
    /// Returns the context of a request.
    pub(crate) fn of(parts: &Parts) -> Self {
        Self(RequestContext {
            request_id: parts.extensions.get::<RequestId>().cloned(),
            client_address: parts
                .extensions
                .get::<ClientAddress>()
                .map(|address| address.0),
            form: None,
        })
    }
}
