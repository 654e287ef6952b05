//! `limits`: the server that `oi-server` is compared with. It has the same HTTP library, accept
//! loop and layers, and one route, `GET /me`:
//!
//! - Without `--database-url`, it always returns the bytes in `OPENINDEX_BENCH_BODY`, to everyone.
//! - With it, it runs one prepared SELECT per request, by the digest of the bearer token, through
//!   the pool of the database library.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use axum::Json;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use clap::Parser;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use openindex_adapters_system::SystemEntropy;
use openindex_domain::entropy::Entropy as _;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use sqlx::postgres::PgPoolOptions;
use sqlx::sqlite::SqlitePoolOptions;
use sqlx::{PgPool, SqlitePool};
use tower::ServiceExt as _;
use tower_http::catch_panic::CatchPanicLayer;
use tracing::Instrument as _;
use tracing_subscriber::EnvFilter;
use uuid::Uuid;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// As many as `oi-server` opens.
const POSTGRES_CONNECTIONS: u32 = 10;
const SQLITE_CONNECTIONS: u32 = 4;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const MAX_HEADER_BYTES: usize = 16 * 1024;
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

#[derive(Parser)]
struct Args {
    #[arg(long)]
    listen: SocketAddr,
    #[arg(long)]
    database_url: Option<String>,
}

#[derive(Clone)]
enum Responder {
    Always(Bytes),
    Postgres(PgPool),
    Sqlite(SqlitePool),
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .json()
        .with_env_filter(EnvFilter::new("warn"))
        .with_writer(std::io::stderr)
        .init();
    let args = Args::parse();
    let responder = match args.database_url {
        None => Responder::Always(
            std::env::var("OPENINDEX_BENCH_BODY")
                .context("the body to return")?
                .into(),
        ),
        Some(url) if url.starts_with("sqlite:") => Responder::Sqlite(
            SqlitePoolOptions::new()
                .max_connections(SQLITE_CONNECTIONS)
                .test_before_acquire(false)
                .connect(&url)
                .await?,
        ),
        Some(url) => Responder::Postgres(
            PgPoolOptions::new()
                .max_connections(POSTGRES_CONNECTIONS)
                .test_before_acquire(false)
                .connect(&url)
                .await?,
        ),
    };
    let router = Router::new()
        .route("/me", get(me))
        .with_state(responder)
        .layer(middleware::from_fn(read_body))
        .layer(middleware::from_fn(limit_time))
        .layer(middleware::from_fn(limit_size))
        .layer(CatchPanicLayer::new())
        .layer(middleware::from_fn_with_state(
            Arc::new(SystemEntropy),
            observe,
        ));
    serve(tokio::net::TcpListener::bind(args.listen).await?, router).await
}

async fn me(State(responder): State<Responder>, headers: HeaderMap) -> Response {
    let found = match responder {
        Responder::Always(body) => {
            return ([(header::CONTENT_TYPE, "application/json")], body).into_response();
        }
        Responder::Postgres(pool) => postgres(&pool, digest(&headers)).await,
        Responder::Sqlite(pool) => sqlite(&pool, digest(&headers)).await,
    };
    match found {
        Ok(Some(me)) => Json(me).into_response(),
        Ok(None) => StatusCode::UNAUTHORIZED.into_response(),
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

fn digest(headers: &HeaderMap) -> [u8; 32] {
    let bearer = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.as_bytes().strip_prefix(b"Bearer "))
        .unwrap_or_default();
    Sha256::digest(bearer).into()
}

#[derive(Serialize)]
struct Me {
    user: User,
    token: Token,
}

#[derive(Serialize)]
struct User {
    id: String,
    email: String,
    name: String,
    role: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Token {
    id: String,
    kind: &'static str,
    name: String,
    scope: String,
    effective_scope: String,
    expires_at: Option<String>,
}

/// The user's id, email address, name and role; the token's id, name and scope.
type Row = (Uuid, String, String, String, Uuid, String, String);

impl Me {
    fn of((user, email, name, role, token, token_name, scope): Row) -> Self {
        Self {
            user: User {
                id: format!("usr_{}", user.simple()),
                email,
                name,
                role,
            },
            token: Token {
                id: format!("pat_{}", token.simple()),
                kind: "personal",
                name: token_name,
                effective_scope: scope.clone(),
                scope,
                expires_at: None,
            },
        }
    }
}

async fn postgres(pool: &PgPool, digest: [u8; 32]) -> sqlx::Result<Option<Me>> {
    let row = sqlx::query_as::<_, Row>(
        "SELECT u.id, u.email, u.name, u.role, t.id, t.name, t.scope \
         FROM tokens t JOIN users u ON u.id = t.owner_id \
         WHERE t.digest = $1 AND t.revoked_at IS NULL AND u.suspended_at IS NULL",
    )
    .bind(&digest[..])
    .fetch_optional(pool)
    .await?;
    Ok(row.map(Me::of))
}

async fn sqlite(pool: &SqlitePool, digest: [u8; 32]) -> sqlx::Result<Option<Me>> {
    let row = sqlx::query_as::<_, Row>(
        "SELECT u.id, u.email, u.name, u.role, t.id, t.name, t.scope \
         FROM tokens t JOIN users u ON u.id = t.owner_id \
         WHERE t.digest = ?1 AND t.revoked_at IS NULL AND u.suspended_at IS NULL",
    )
    .bind(&digest[..])
    .fetch_optional(pool)
    .await?;
    Ok(row.map(Me::of))
}

// --- The layers around the route, as in oi-server ---

async fn observe(
    State(entropy): State<Arc<SystemEntropy>>,
    request: Request,
    next: Next,
) -> Response {
    let begun = Instant::now();
    let mut random = [0; 16];
    let id = match entropy.fill(&mut random) {
        Ok(()) => format!("req_{}", Uuid::from_bytes(random).simple()),
        Err(_) => "-".to_owned(),
    };
    let method = request.method().clone();
    let span = tracing::info_span!("request", id, %method);
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "-".to_owned(), |path| path.as_str().to_owned());
    async move {
        let mut response = next.run(request).await;
        let headers = response.headers_mut();
        if let Ok(value) = HeaderValue::from_str(&id) {
            headers.insert(REQUEST_ID, value);
        }
        headers
            .entry(header::CACHE_CONTROL)
            .or_insert(HeaderValue::from_static("no-store"));
        headers.insert(
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        );
        let status = response.status().as_u16();
        let micros = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        tracing::info!(route, status, micros, "request completed");
        response
    }
    .instrument(span)
    .await
}

async fn limit_size(request: Request, next: Next) -> Response {
    let headers: usize = request
        .headers()
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len())
        .sum();
    if headers > MAX_HEADER_BYTES {
        return StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE.into_response();
    }
    next.run(request).await
}

async fn limit_time(request: Request, next: Next) -> Response {
    match tokio::time::timeout(REQUEST_TIMEOUT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

async fn read_body(request: Request, next: Next) -> Response {
    use hyper::body::Body as _;
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    match axum::body::to_bytes(body, 64 * 1024).await {
        Ok(bytes) => {
            next.run(Request::from_parts(parts, Body::from(bytes)))
                .await
        }
        Err(_) => StatusCode::PAYLOAD_TOO_LARGE.into_response(),
    }
}

async fn serve(listener: tokio::net::TcpListener, router: Router) -> anyhow::Result<()> {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(30))
        .max_header_size(64 * 1024);
    let connections = GracefulShutdown::new();
    loop {
        let (stream, peer) = listener.accept().await?;
        let _ = stream.set_nodelay(true);
        let peer = peer.ip();
        let service = router.clone().map_request(
            move |mut request: hyper::Request<hyper::body::Incoming>| {
                request.extensions_mut().insert(peer);
                request
            },
        );
        let service = TowerToHyperService::new(service);
        let connection = connections.watch(http.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            let _ = connection.await;
        });
    }
}
