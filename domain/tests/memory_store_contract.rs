//! The in-memory store passes the suite that the databases pass.

use std::sync::Arc;

use async_trait::async_trait;
use openindex_domain::audit::AuditStore;
use openindex_domain::testing::{Harness, MemoryStore, UserHarness};
use openindex_domain::token::{Digest, Token, TokenStore};
use openindex_domain::user::{User, UserStore};

#[derive(Default)]
struct Memory(Arc<MemoryStore>);

#[async_trait]
impl Harness for Memory {
    fn tokens(&self) -> Arc<dyn TokenStore> {
        self.0.clone()
    }

    fn audit(&self) -> Arc<dyn AuditStore> {
        self.0.clone()
    }

    async fn put_user(&self, user: &User) {
        self.0.put_user(user.clone());
    }

    async fn put_token(&self, token: &Token, digest: &Digest) {
        self.0.put_token(token.clone(), *digest);
    }
}

impl UserHarness for Memory {
    fn users(&self) -> Arc<dyn UserStore> {
        self.0.clone()
    }
}

openindex_domain::token_store_contract! {
    #[tokio::test]
    Memory::default()
}

openindex_domain::user_store_contract! {
    #[tokio::test]
    Memory::default()
}
