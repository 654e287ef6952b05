//! The spans of calls and lookups.

mod support;

use std::fs::File;
use std::sync::Arc;

use openindex_adapters_sqlite::SqliteOptions;
use openindex_domain::access::{Actor, CredentialId, Requirement};
use openindex_domain::audit::Subject;
use openindex_domain::testing::fixtures;
use openindex_domain::token::{ListFilter, RevokeToken, TokenAction, TokenStore};
use support::seeded;
use tracing::Level;
use tracing_subscriber::fmt::format::FmtSpan;

#[tokio::test]
async fn each_call_and_each_batch_of_lookups_has_a_span() {
    let sqlite = seeded(SqliteOptions::default()).await;
    let file = sqlite.directory.path().join("log");
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(Level::DEBUG)
        .with_span_events(FmtSpan::CLOSE)
        .with_ansi(false)
        .with_writer(Arc::new(File::create(&file).expect("a file")))
        .finish();
    let (now, digest) = (fixtures::NOW, fixtures::digest(1));
    let (token, owner) = (fixtures::token(1, now), fixtures::owner(1).id);
    let revocation = RevokeToken {
        actor: Actor {
            credential: CredentialId::Token(token.id),
            requirement: Requirement::HUMAN,
            now,
            form: None,
        },
        owner,
        token: token.id,
        audit: fixtures::audit(1, now, TokenAction::REVOKED, Subject::Token(token.id)),
    };
    {
        let _guard = tracing::subscriber::set_default(subscriber);
        let (store, filter) = (&sqlite.store, ListFilter::default());
        store.find_by_digest(&digest).await.expect("a result");
        let page = store.list(owner, &filter, now, None, 10);
        page.await.expect("a result");
        _ = store.revoke_token(revocation).await.expect("a result");
        store.purge_ended_before(now, 1).await.expect("a result");
        // The driver's thread lets go of the last span.
        store.close().await;
    }
    let log = std::fs::read_to_string(file).expect("text");
    for span in [
        r#"store call{port="TokenStore" method="find_by_digest"}"#,
        "lookup batch{keys=1 requests=1 outcome=Succeeded}",
        r#"store call{port="TokenStore" method="list" call=Read}"#,
        r#"store call{port="TokenStore" method="revoke_token" call=Change}"#,
        r#"store call{port="TokenStore" method="purge_ended_before" call=Maintenance}"#,
    ] {
        assert_eq!(log.matches(span).count(), 1, "{span} in {log}");
    }
}
