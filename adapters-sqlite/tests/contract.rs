//! SQLite passes the suite that every store must pass.

mod support;

use support::Sqlite;

openindex_domain::token_store_contract! {
    #[tokio::test(flavor = "multi_thread")]
    Sqlite::start().await
}

openindex_domain::account_store_contract! {
    #[tokio::test(flavor = "multi_thread")]
    Sqlite::start().await
}
