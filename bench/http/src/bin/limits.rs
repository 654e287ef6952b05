//! `limits`: the bare axum server that `oi-server` is compared with. It has one route, `GET /me`,
//! and no layers:
//!
//! - Without `--database-url`, it always returns the bytes in `OPENINDEX_BENCH_BODY`, to everyone.
//! - With it, it runs one prepared SELECT per request, by the digest of the bearer token, through
//!   the pool of the database library.

use std::net::SocketAddr;

use anyhow::Context as _;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use clap::Parser;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use sqlx::postgres::PgPoolOptions;
use sqlx::sqlite::SqlitePoolOptions;
use sqlx::{PgPool, SqlitePool};
use uuid::Uuid;

// As in `oi-server`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// As many as `oi-server` opens.
const POSTGRES_CONNECTIONS: u32 = 10;
const SQLITE_CONNECTIONS: u32 = 4;

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
    let router = Router::new().route("/me", get(me)).with_state(responder);
    let listener = tokio::net::TcpListener::bind(args.listen).await?;
    Ok(axum::serve(listener, router).await?)
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
