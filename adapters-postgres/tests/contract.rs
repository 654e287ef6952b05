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

openindex_domain::damaged_row_contract! {
    #[tokio::test(flavor = "multi_thread")]
    Postgres::start().await
}

openindex_domain::work_store_contract! {
    #[tokio::test(flavor = "multi_thread")]
    Postgres::start().await
}

/// Everything works with the privileges that `oi-server grants` prints.
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

/// Only work items require a store with work items.
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

/// Tokens and runs work with a table prefix, and with the privileges on these tables. That each
/// statement gets the prefix, the suites of SQLite check.
mod prefixed {
    use super::Postgres;

    openindex_domain::token_store_contract! {
        #[tokio::test(flavor = "multi_thread")]
        Postgres::start_prefixed_and_served().await
    }

    openindex_domain::agent_run_store_contract! {
        #[tokio::test(flavor = "multi_thread")]
        Postgres::start_prefixed_and_served().await
    }
}

/// Tokens require neither accounts nor work items.
mod without_accounts {
    use super::Postgres;

    openindex_domain::token_store_contract! {
        #[tokio::test(flavor = "multi_thread")]
        Postgres::start_without_accounts().await
    }

    openindex_domain::agent_run_store_contract! {
        #[tokio::test(flavor = "multi_thread")]
        Postgres::start_without_accounts().await
    }
}

mod accounts_and_work {
    use super::Postgres;

    openindex_domain::account_and_work_store_contract! {
        #[tokio::test(flavor = "multi_thread")]
        Postgres::start().await
    }
}

/// A measurement that never fails because of a time: `OPENINDEX_PAIRS=2000 cargo nextest run -p
/// openindex-adapters-postgres how_long --run-ignored all --no-capture`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement: run it on an idle machine"]
#[expect(clippy::print_stdout, reason = "its result")]
async fn how_long_a_failed_sign_in_takes_for_known_and_unknown_accounts() {
    let store = Postgres::start().await;
    let pairs = std::env::var("OPENINDEX_PAIRS");
    let pairs = pairs.map_or(300, |pairs| pairs.parse().expect("a number"));
    let begun = std::time::Instant::now();
    let microseconds = || begun.elapsed().as_secs_f64() * 1e6;
    let times = openindex_domain::testing::rejection_times(&store, pairs, microseconds).await;
    println!("in microseconds, {pairs} pairs: {times:?}");
}
