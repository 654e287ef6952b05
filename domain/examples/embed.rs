//! Embeds tokens in another service: creates, verifies and revokes one in-process, without IO.
//!
//! `cargo run -p openindex-domain --example embed --features testing`

use openindex_domain::audit::RequestContext;
use openindex_domain::testing::{InMemory, fixtures};
use openindex_domain::token::{Expiry, NewToken, Rejection, Scope, TokenName, VerifyError};
use openindex_domain::use_cases::UseCases;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // In production, use `Tokens::new` with a database store, the system clock and its entropy.
    let UseCases { tokens, users, .. } = InMemory::default().use_cases;
    let (ada, request) = (fixtures::user(1), RequestContext::default());
    let first = TokenName::parse("first")?;
    let admin = users.bootstrap(ada.email, ada.name, first).await?;
    let admin = tokens.verify(admin.issued.secret.expose()).await?;

    let new_token = NewToken::new(
        TokenName::parse("ci")?,
        Scope::ReadWrite,
        Expiry::parse("2026-12-31")?,
    );
    let issued = tokens.create(&admin, new_token, &request).await?;

    let principal = tokens.verify(issued.secret.expose()).await?;
    assert_eq!(principal.effective_scope(), Scope::ReadWrite);

    tokens.revoke(&admin, issued.token.id, &request).await?;
    match tokens.verify(issued.secret.expose()).await {
        Err(VerifyError::Rejected(Rejection::Revoked { .. })) => Ok(()),
        other => Err(format!("revoked a moment ago, but {other:?}").into()),
    }
}
