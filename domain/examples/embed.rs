//! Embeds tokens in a service with users of its own: creates, verifies and revokes a token, and
//! suspends its owner, in-process and without IO.
//!
//! `cargo run -p openindex-domain --example embed --features testing`

use openindex_domain::audit::RequestContext;
use openindex_domain::testing::{InMemory, fixtures};
use openindex_domain::token::{Expiry, NewToken, Rejection, Scope, TokenName, VerifyError};
use openindex_domain::user::{Owner, Role};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // In production, use `Tokens::new` with a database store, the system clock and its entropy.
    let tokens = InMemory::default().use_cases.tokens;
    let request = RequestContext::default();

    // A user signs up; the id is the service's own.
    let ada = Owner::new(fixtures::user(1).id, Role::Member);
    tokens.put_owner(ada.clone(), &request).await?;

    // Later, she is signed in and creates a token.
    let signed_in = tokens.on_behalf_of(ada.id).await?;
    let new_token = NewToken::new(
        TokenName::parse("ci")?,
        Scope::ReadWrite,
        Expiry::parse("2026-12-31")?,
    );
    let issued = tokens.create(&signed_in, new_token, &request).await?;

    let principal = tokens.verify(issued.secret.expose()).await?;
    assert_eq!(principal.user_id(), ada.id);

    // Suspended, none of her tokens is accepted; deleted, a token never is again.
    tokens.suspend_owner(ada.id, &request).await?;
    let rejected = tokens.verify(issued.secret.expose()).await;
    assert!(matches!(
        rejected,
        Err(VerifyError::Rejected(Rejection::OwnerSuspended))
    ));
    tokens.unsuspend_owner(ada.id, &request).await?;
    tokens.revoke(&signed_in, issued.token.id, &request).await?;
    match tokens.verify(issued.secret.expose()).await {
        Err(VerifyError::Rejected(Rejection::Revoked { .. })) => Ok(()),
        other => Err(format!("revoked a moment ago, but {other:?}").into()),
    }
}
