//! Tokens inside another service: issue, verify, revoke, in-process and without IO.
//!
//! `cargo run -p openindex-domain --example embed --features testing`

use std::sync::Arc;

use openindex_domain::audit::RequestContext;
use openindex_domain::testing::{FixedClock, MemoryStore, SeededEntropy, fixtures};
use openindex_domain::token::{
    Expiry, IssueToken, Rejection, Scope, TokenName, Tokens, VerifyError,
};
use openindex_domain::user::Users;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // In production: a database store, the system's clock and the system's entropy.
    let (store, clock, entropy) = (
        Arc::new(MemoryStore::default()),
        Arc::new(FixedClock::default()),
        Arc::new(SeededEntropy::new(1)),
    );
    let tokens = Tokens::new(store.clone(), clock.clone(), entropy.clone());
    let ada = fixtures::user(1);
    let first = Users::new(store, clock, entropy)
        .bootstrap(ada.email, ada.name, TokenName::parse("first")?)
        .await?;

    let principal = tokens.verify(first.issued.secret.expose()).await?;
    let wanted = IssueToken {
        name: TokenName::parse("ci")?,
        scope: Scope::ReadWrite,
        expires: Expiry::parse("2026-12-31")?,
    };
    let issued = tokens
        .issue(&principal, wanted, &RequestContext::default())
        .await?;

    let who = tokens.verify(issued.secret.expose()).await?;
    assert_eq!(who.effective_scope(), Scope::ReadWrite);
    tokens
        .revoke(&principal, issued.token.id, &RequestContext::default())
        .await?;
    let after = tokens.verify(issued.secret.expose()).await;
    assert!(matches!(
        after,
        Err(VerifyError::Rejected(Rejection::Revoked { .. }))
    ));
    Ok(())
}
