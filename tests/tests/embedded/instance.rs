//! A service that embeds the tokens and has users of its own, also for the example
//! `embedded_fixture`.

use std::sync::Arc;

use openindex_adapters_postgres::PostgresStore;
use openindex_adapters_sqlite::SqliteStore;
use openindex_adapters_system::{SystemClock, SystemEntropy};
use openindex_domain::StoreHealth as _;
use openindex_domain::audit::RequestContext;
use openindex_domain::token::{
    Expiry, NewToken, Scope, TokenName, TokenStore, TokenWithSecret, Tokens,
};
use openindex_domain::user::UserId;
use openindex_tests::fixture::revealed;
use openindex_tests::{Database, Kind};
use serde_json::Value;
use tokio::runtime::Runtime;

enum Store {
    Sqlite(Arc<SqliteStore>),
    Postgres(Arc<PostgresStore>),
}

pub(crate) struct Instance {
    pub(crate) runtime: Runtime,
    pub(crate) tokens: Tokens,
    store: Store,
}

impl Instance {
    /// Migrates the database and opens it.
    pub(crate) fn open(database: &Database) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let url = database.url();
        let (store, tokens) = runtime.block_on(async {
            match database.kind() {
                Kind::Sqlite => {
                    let store = Arc::new(SqliteStore::connect(url).await.expect("a store"));
                    store.migrate().await.expect("migrated");
                    store.ready().await.expect("ready");
                    (Store::Sqlite(store.clone()), tokens(store))
                }
                Kind::Postgres => {
                    let store = Arc::new(PostgresStore::connect(url).await.expect("a store"));
                    store.migrate().await.expect("migrated");
                    store.ready().await.expect("ready");
                    (Store::Postgres(store.clone()), tokens(store))
                }
            }
        });
        Self {
            runtime,
            tokens,
            store,
        }
    }

    pub(crate) fn close(self) {
        self.runtime.block_on(async {
            match &self.store {
                Store::Sqlite(store) => store.close().await,
                Store::Postgres(store) => store.close().await,
            }
        });
    }

    /// Creates a token of an owner.
    pub(crate) async fn create(&self, owner: UserId, name: &str) -> TokenWithSecret {
        let principal = self.tokens.on_behalf_of(owner).await.expect("the owner");
        let name = TokenName::parse(name).expect("a name");
        let request = NewToken::new(name, Scope::ReadWrite, Expiry::Never);
        let context = RequestContext::default();
        let created = self.tokens.create(&principal, request, &context);
        created.await.expect("a token")
    }

    /// Asserts that each token is accepted, or rejected for its reason, and that a new one can be
    /// created.
    pub(crate) fn assert_works(&self, document: &Value) {
        let secret = |name: &str| {
            let secret = document["secrets"][name].as_str().expect("a secret");
            revealed(secret)
        };
        let owner = document["owner"].as_str().expect("an id");
        let owner = UserId::from_uuid(owner.parse().expect("an id"));
        self.runtime.block_on(async {
            for live in ["live", "successor"] {
                let verified = self.tokens.verify(&secret(live)).await;
                assert_eq!(verified.expect("accepted").user_id(), owner, "{live}");
            }
            for (name, reason) in [
                ("revoked", "revoked"),
                ("rotated", "revoked"),
                ("suspended", "suspended"),
            ] {
                let verified = self.tokens.verify(&secret(name)).await;
                let rejection = verified.expect_err("rejected").to_string();
                assert!(rejection.contains(reason), "{name}: {rejection}");
            }
            let new = self.create(owner, "new").await;
            let verified = self.tokens.verify(new.secret.expose()).await;
            assert_eq!(verified.expect("accepted").user_id(), owner);
        });
    }
}

fn tokens(store: Arc<dyn TokenStore>) -> Tokens {
    Tokens::new(store, Arc::new(SystemClock), Arc::new(SystemEntropy))
}
