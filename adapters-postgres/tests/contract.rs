//! PostgreSQL passes the suite that every store must pass.

mod support;

use support::Postgres;

openindex_domain::token_store_contract! {
    #[tokio::test(flavor = "multi_thread")]
    Postgres::start().await
}

openindex_domain::account_store_contract! {
    #[tokio::test(flavor = "multi_thread")]
    Postgres::start().await
}
