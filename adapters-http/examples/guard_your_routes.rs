//! Guards the axum routes of another service: the permission is the first argument of a handler.
//!
//! `cargo run -p openindex-adapters-http --example guard_your_routes` sends a few requests to
//! itself, prints the status of each response and exits.

#![expect(clippy::print_stdout, reason = "it prints its results")]

use axum::Router;
use axum::body::Body;
use axum::extract::FromRef;
use axum::routing::get;
use http::{Request, StatusCode, header};
use openindex_adapters_http::guard::{AnyToken, Guard, HumanAdmin};
use openindex_domain::audit::RequestContext;
use openindex_domain::testing::{InMemory, fixtures};
use openindex_domain::token::{Expiry, NewToken, Scope, TokenName};
use openindex_domain::user::Role;
use tower::ServiceExt as _;

/// State of the service; the extractors get a [`Guard`] from it.
#[derive(Clone)]
struct MyState {
    guard: Guard,
}

impl FromRef<MyState> for Guard {
    fn from_ref(state: &MyState) -> Self {
        state.guard.clone()
    }
}

async fn reports(AnyToken(principal): AnyToken) -> String {
    format!("reports for {}", principal.user_id())
}

async fn settings(HumanAdmin(principal): HumanAdmin) -> String {
    format!("settings, changed by {}", principal.user_id())
}

async fn status(app: &Router, path: &str, token: Option<&str>) -> StatusCode {
    let mut request = Request::get(path);
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    let request = request.body(Body::empty()).expect("a request");
    let response = app.clone().oneshot(request).await.expect("a response");
    response.status()
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // In production: `Tokens::new` on a database store, the system's clock and its entropy.
    let memory = InMemory::default();
    let tokens = memory.tokens.clone();
    let app = Router::new()
        .route("/reports", get(reports))
        .route("/settings", get(settings))
        .with_state(MyState {
            guard: Guard::new(tokens.clone()),
        });

    let ada = fixtures::user(1).id;
    let admin = memory.live_token(ada, Role::Admin).secret;
    let principal = tokens.verify(admin.expose()).await?;
    let wanted = NewToken::new(TokenName::parse("reader")?, Scope::ReadWrite, Expiry::Never);
    let context = RequestContext::default();
    let reader = tokens.create(&principal, wanted, &context).await?;

    for (who, token) in [
        ("anonymous", None),
        ("reader", Some(reader.secret.expose())),
        ("admin", Some(admin.expose())),
    ] {
        for path in ["/reports", "/settings"] {
            println!("{who:9} {path:10} {}", status(&app, path, token).await);
        }
    }
    let read = reader.secret.expose();
    assert_eq!(
        status(&app, "/reports", None).await,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(status(&app, "/reports", Some(read)).await, StatusCode::OK);
    assert_eq!(
        status(&app, "/settings", Some(read)).await,
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        status(&app, "/settings", Some(admin.expose())).await,
        StatusCode::OK
    );

    tokens.revoke(&principal, reader.token.id, &context).await?;
    assert_eq!(
        status(&app, "/reports", Some(read)).await,
        StatusCode::UNAUTHORIZED
    );
    println!(
        "reader    /reports   {} after its revocation",
        StatusCode::UNAUTHORIZED
    );
    Ok(())
}
