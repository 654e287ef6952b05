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

openindex_domain::agent_run_store_contract! {
    #[tokio::test(flavor = "multi_thread")]
    Postgres::start().await
}

openindex_domain::work_store_contract! {
    #[tokio::test(flavor = "multi_thread")]
    Postgres::start().await
}

/// All of it works with the rights that `oi-server grants` prints.
mod served {
    use super::Postgres;

    openindex_domain::token_store_contract! {
        #[tokio::test(flavor = "multi_thread")]
        Postgres::start_served().await
    }

    openindex_domain::account_store_contract! {
        #[tokio::test(flavor = "multi_thread")]
        Postgres::start_served().await
    }

    openindex_domain::agent_run_store_contract! {
        #[tokio::test(flavor = "multi_thread")]
        Postgres::start_served().await
    }

    openindex_domain::work_store_contract! {
        #[tokio::test(flavor = "multi_thread")]
        Postgres::start_served().await
    }
}

/// Nothing but work items needs a store that keeps them.
mod without_work {
    use super::Postgres;

    openindex_domain::token_store_contract! {
        #[tokio::test(flavor = "multi_thread")]
        Postgres::start_without_work().await
    }

    openindex_domain::agent_run_store_contract! {
        #[tokio::test(flavor = "multi_thread")]
        Postgres::start_without_work().await
    }
}
