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

openindex_domain::agent_run_store_contract! {
    #[tokio::test(flavor = "multi_thread")]
    Sqlite::start().await
}

openindex_domain::damaged_row_contract! {
    #[tokio::test(flavor = "multi_thread")]
    Sqlite::start().await
}

openindex_domain::work_store_contract! {
    #[tokio::test(flavor = "multi_thread")]
    Sqlite::start().await
}

/// The same without work items: nothing of tokens, accounts and agent runs stands on them.
mod without_work {
    use super::Sqlite;

    openindex_domain::token_store_contract! {
        #[tokio::test(flavor = "multi_thread")]
        Sqlite::start_without_work().await
    }

    openindex_domain::account_store_contract! {
        #[tokio::test(flavor = "multi_thread")]
        Sqlite::start_without_work().await
    }

    openindex_domain::agent_run_store_contract! {
        #[tokio::test(flavor = "multi_thread")]
        Sqlite::start_without_work().await
    }
}

mod accounts_and_work {
    use super::Sqlite;

    openindex_domain::account_and_work_store_contract! {
        #[tokio::test(flavor = "multi_thread")]
        Sqlite::start().await
    }
}
