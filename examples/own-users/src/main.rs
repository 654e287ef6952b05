//! A notes service with users of its own, in one SQLite file. Its users sign in with a cookie of the
//! service (it asks for no password, which a real one would), and create, list, rotate and delete
//! tokens for its API, which the guard protects.
//!
//! `cargo run -p own-users -- notes.db` serves on 127.0.0.1:8090:
//!
//! ```sh
//! curl -c jar -d email=ada@example.com localhost:8090/sign-up          # the first user: an admin
//! curl -b jar --json '{"name": "ci", "scope": "admin"}' localhost:8090/tokens
//! export TOKEN=oi_pat_…                                                # its `token`
//! curl -H "Authorization: Bearer $TOKEN" -d 'Buy milk' localhost:8090/api/notes
//! curl -b jar -X POST localhost:8090/tokens/pat_…/rotate               # its `id`
//! curl -H "Authorization: Bearer $TOKEN" -X POST localhost:8090/users/usr_…/suspend
//! ```

use axum::extract::{Form, FromRef, FromRequestParts, Path, State};
use axum::http::{StatusCode, header, request::Parts};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use openindex_adapters_http::guard::{Context, Guard, GuardSettings, HumanAdmin, Problem};
use openindex_adapters_http::wire::{CreatePat, CreatedPat, PatList};
use openindex_adapters_sqlite::{SqliteDatabase, SqliteOptions, SqliteStore, TablePrefix};
use openindex_adapters_system::{Maintenance, SystemClock, SystemEntropy};
use openindex_domain::access::{Principal, Requirement};
use openindex_domain::token::{ListFilter, NewToken, RotationOptions, TokenError, Tokens};
use openindex_domain::user::{Email, Owner, PersonName, Role, UserId};
use openindex_domain::{OpaqueSecret, StoreError};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};
use std::error::Error;
use std::{env, net::Ipv4Addr, path::Path as File, process::ExitCode, sync::Arc};
use tokio::signal::unix::{SignalKind, signal};

#[derive(Clone, FromRef)]
struct Notes {
    pool: SqlitePool,
    tokens: Tokens,
    guard: Guard,
}

impl Notes {
    fn unavailable(&self, error: sqlx::Error) -> Problem {
        let error = TokenError::from(StoreError::unavailable(error));
        self.guard.problem(error)
    }
}

/// A user who is signed in with the cookie of this service, and so may manage their tokens.
struct SignedIn(Principal);

impl FromRequestParts<Notes> for SignedIn {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, notes: &Notes) -> Result<Self, Problem> {
        let cookie = parts
            .headers
            .get(header::COOKIE)
            .and_then(|it| it.to_str().ok());
        let secret = cookie.and_then(|it| OpaqueSecret::parse(it.strip_prefix("session=")?));
        let secret = secret.ok_or_else(Problem::authentication_required)?;
        let user = sqlx::query_scalar("SELECT user_id FROM sessions WHERE digest = ?");
        let user = user
            .bind(secret.digest().as_bytes().to_vec())
            .fetch_optional(&notes.pool);
        let user = user.await.map_err(|error| notes.unavailable(error))?;
        let user = user.ok_or_else(Problem::authentication_required)?;
        let principal = notes.tokens.on_behalf_of(UserId::from_uuid(user)).await;
        Ok(Self(principal.map_err(|error| notes.guard.problem(error))?))
    }
}

#[derive(serde::Deserialize)]
struct SignUp {
    email: String,
}

/// Adds a user to the service's own table, and an owner of tokens with the same id.
async fn sign_up(
    State(notes): State<Notes>,
    context: Context,
    Form(SignUp { email }): Form<SignUp>,
) -> Result<([(header::HeaderName, String); 1], String), (StatusCode, String)> {
    let invalid = |error: &dyn ToString| (StatusCode::BAD_REQUEST, error.to_string());
    let failed = |error: sqlx::Error| match error.as_database_error() {
        Some(error) if error.is_unique_violation() => (
            StatusCode::CONFLICT,
            "this address has signed up\n".to_owned(),
        ),
        _ => (StatusCode::SERVICE_UNAVAILABLE, "try again\n".to_owned()),
    };
    let profile = Email::parse(&email).map_err(|error| invalid(&error))?;
    let name = PersonName::parse(&email).map_err(|error| invalid(&error))?;
    let id = UserId::generate(notes.tokens.now(), &SystemEntropy).map_err(|it| invalid(&it))?;
    let secret = OpaqueSecret::generate(&SystemEntropy).map_err(|error| invalid(&error))?;
    // The owner first: without one, the user could do nothing, and not sign up again.
    let owner = Owner::new(id, Role::Member).with_profile(profile, name);
    let put = notes.tokens.put_owner(owner.clone(), &context).await;
    put.map_err(|error| invalid(&error))?;
    let first =
        "INSERT INTO users SELECT ?, ?, NOT EXISTS (SELECT 1 FROM users) RETURNING is_admin";
    let first = sqlx::query_scalar(first).bind(id.uuid()).bind(&email);
    if first.fetch_one(&notes.pool).await.map_err(failed)? {
        let admin = Owner {
            role: Role::Admin,
            ..owner
        };
        let put = notes.tokens.put_owner(admin, &context).await;
        put.map_err(|error| invalid(&error))?;
    }
    let session = sqlx::query("INSERT INTO sessions VALUES (?, ?)");
    let session = session
        .bind(secret.digest().as_bytes().to_vec())
        .bind(id.uuid());
    session.execute(&notes.pool).await.map_err(failed)?;
    // Over https, add `Secure`.
    let cookie = format!(
        "session={}; HttpOnly; SameSite=Strict; Path=/",
        secret.expose()
    );
    Ok(([(header::SET_COOKIE, cookie)], format!("{id}\n")))
}

type Created = ([(header::HeaderName, &'static str); 1], Json<CreatedPat>);

/// The secret is in this response only; no cache may keep it.
fn shown_once(created: CreatedPat) -> Created {
    ([(header::CACHE_CONTROL, "no-store")], Json(created))
}

async fn create(
    SignedIn(user): SignedIn,
    State(notes): State<Notes>,
    context: Context,
    Json(wanted): Json<CreatePat>,
) -> Result<Created, Problem> {
    let wanted = NewToken::try_from(wanted).map_err(|error| notes.guard.problem(error))?;
    let created = notes.tokens.create(&user, wanted, &context).await;
    let created = created.map_err(|error| notes.guard.problem(error))?;
    Ok(shown_once(CreatedPat::new(&created, notes.tokens.now())))
}

async fn list(
    SignedIn(user): SignedIn,
    State(notes): State<Notes>,
) -> Result<Json<PatList>, Problem> {
    let page = notes
        .tokens
        .list(&user, &ListFilter::default(), None, 100)
        .await;
    let page = page.map_err(|error| notes.guard.problem(error))?;
    Ok(Json(PatList::new(&page, notes.tokens.now())))
}

async fn rotate(
    SignedIn(user): SignedIn,
    State(notes): State<Notes>,
    context: Context,
    Path(id): Path<String>,
) -> Result<Created, Problem> {
    let id = id
        .parse()
        .map_err(|_| notes.guard.problem(TokenError::NotFound))?;
    let rotated = notes
        .tokens
        .rotate(&user, id, RotationOptions::default(), &context)
        .await;
    let rotated = rotated.map_err(|error| notes.guard.problem(error))?;
    Ok(shown_once(CreatedPat::new(&rotated, notes.tokens.now())))
}

async fn revoke(
    SignedIn(user): SignedIn,
    State(notes): State<Notes>,
    context: Context,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let id = id
        .parse()
        .map_err(|_| notes.guard.problem(TokenError::NotFound))?;
    let revoked = notes.tokens.revoke(&user, id, &context).await;
    revoked.map_err(|error| notes.guard.problem(error))?;
    Ok(StatusCode::NO_CONTENT)
}

/// Suspends a user: the next request with one of their tokens, or with their cookie, is a 401.
async fn suspend(
    HumanAdmin(_): HumanAdmin,
    State(notes): State<Notes>,
    context: Context,
    Path(user): Path<String>,
) -> Result<StatusCode, Problem> {
    let Ok(user) = user.parse() else {
        return Ok(StatusCode::NOT_FOUND);
    };
    let suspended = notes.tokens.suspend_owner(user, &context).await;
    suspended.map_err(|error| notes.guard.problem(error))?;
    Ok(StatusCode::NO_CONTENT)
}

/// Behind the guard's layer, which verified the token: the principal is among the extensions.
async fn add_note(
    Extension(caller): Extension<Principal>,
    State(notes): State<Notes>,
    text: String,
) -> Result<StatusCode, Problem> {
    let insert = sqlx::query("INSERT INTO notes VALUES (?, ?)");
    let insert = insert.bind(caller.user_id().uuid()).bind(text);
    let inserted = insert.execute(&notes.pool).await;
    inserted.map_err(|error| notes.unavailable(error))?;
    Ok(StatusCode::CREATED)
}

async fn notes(
    Extension(caller): Extension<Principal>,
    State(notes): State<Notes>,
) -> Result<Json<Vec<String>>, Problem> {
    let texts = sqlx::query_scalar("SELECT text FROM notes WHERE user_id = ?");
    let texts = texts
        .bind(caller.user_id().uuid())
        .fetch_all(&notes.pool)
        .await;
    texts.map(Json).map_err(|error| notes.unavailable(error))
}

async fn open(file: &File) -> Result<(Router, Tokens), Box<dyn Error>> {
    let connect = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true);
    let pool = SqlitePool::connect_with(connect).await?;
    sqlx::raw_sql(
        "CREATE TABLE IF NOT EXISTS users (id BLOB PRIMARY KEY, email TEXT UNIQUE, is_admin INTEGER);
         CREATE TABLE IF NOT EXISTS sessions (digest BLOB PRIMARY KEY, user_id BLOB);
         CREATE TABLE IF NOT EXISTS notes (user_id BLOB, text TEXT);",
    )
    .execute(&pool)
    .await?;
    // Beside those tables, with a prefix before the names of its own.
    let options = SqliteOptions::default().with_table_prefix(TablePrefix::parse("oi_")?);
    let store = SqliteStore::new(SqliteDatabase::beside(&pool, options).await?);
    store.migrate().await?;
    let tokens = Tokens::new(
        Arc::new(store),
        Arc::new(SystemClock),
        Arc::new(SystemEntropy),
    );
    // In the terms of this service, not of OpenIndex.
    let own = GuardSettings::of_service("notes", "https://notes.example/problems/");
    let guard = Guard::new(tokens.clone()).with_settings(own);
    let api = Router::new()
        .route("/notes", get(notes).post(add_note))
        .route_layer(guard.layer(Requirement::ANY_TOKEN));
    let app = Router::new()
        .route("/sign-up", post(sign_up))
        .route("/tokens", get(list).post(create))
        .route("/tokens/{id}", axum::routing::delete(revoke))
        .route("/tokens/{id}/rotate", post(rotate))
        .route("/users/{id}/suspend", post(suspend))
        .nest("/api", api);
    let state = Notes {
        pool,
        tokens: tokens.clone(),
        guard,
    };
    Ok((app.with_state(state), tokens))
}

async fn serve(file: &File) -> Result<(), Box<dyn Error>> {
    let (app, tokens) = open(file).await?;
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 8090)).await;
    let listener = listener.map_err(|error| format!("port 8090: {error}"))?;
    let mut terminated = signal(SignalKind::terminate())?;
    let server = axum::serve(listener, app).with_graceful_shutdown(async move {
        tokio::select! { _ = tokio::signal::ctrl_c() => {}, _ = terminated.recv() => {} }
    });
    // Also writes the last-used times that are in memory when the server stops.
    Ok(Maintenance::new(tokens).run(server.into_future()).await?)
}

#[tokio::main]
async fn main() -> ExitCode {
    // The log says why a request failed; its client sees only a 503.
    tracing_subscriber::fmt().init();
    let file = env::args().nth(1).unwrap_or_else(|| "notes.db".to_owned());
    match serve(File::new(&file)).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let causes =
                std::iter::successors(error.source(), |cause: &&dyn Error| (*cause).source());
            let causes: String = causes.map(|cause| format!(": {cause}")).collect();
            tracing::error!(file, "cannot serve: {error}{causes}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests;
