//! Runs the contract suite of the database stores against the in-memory store.

use std::sync::Arc;

use async_trait::async_trait;
use openindex_domain::admin_tokens::AdminTokenStore;
use openindex_domain::agent_run::AgentRunStore;
use openindex_domain::audit::AuditStore;
use openindex_domain::invite::InviteStore;
use openindex_domain::rate_limit::RateLimitStore;
use openindex_domain::session::SessionStore;
use openindex_domain::testing::{
    AccountHarness, AgentRunHarness, Harness, MemoryStore, WorkHarness,
};
use openindex_domain::token::{Digest, Token, TokenStore};
use openindex_domain::user::{Account, PasswordHash, User, UserId, UserStore};
use openindex_domain::work_item::{WorkItem, WorkItemStore};

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

#[async_trait]
impl AgentRunHarness for Memory {
    fn agent_runs(&self) -> Arc<dyn AgentRunStore> {
        self.0.clone()
    }
}

#[async_trait]
impl WorkHarness for Memory {
    fn work_items(&self) -> Arc<dyn WorkItemStore> {
        self.0.clone()
    }

    async fn put_work_item(&self, item: &WorkItem) {
        self.0.put_work_item(item.clone());
    }
}

#[async_trait]
impl AccountHarness for Memory {
    fn users(&self) -> Arc<dyn UserStore> {
        self.0.clone()
    }

    fn sessions(&self) -> Arc<dyn SessionStore> {
        self.0.clone()
    }

    fn invites(&self) -> Arc<dyn InviteStore> {
        self.0.clone()
    }

    fn admin_tokens(&self) -> Arc<dyn AdminTokenStore> {
        self.0.clone()
    }

    fn rate_limits(&self) -> Arc<dyn RateLimitStore> {
        self.0.clone()
    }

    async fn put_password(&self, user: UserId, hash: &PasswordHash) {
        let found = self.0.find(user).await.expect("the store works");
        self.0.put_account(Account {
            user: found.expect("the user is there"),
            password: Some(hash.clone()),
        });
    }
}

openindex_domain::token_store_contract! {
    #[tokio::test]
    Memory::default()
}

openindex_domain::account_store_contract! {
    #[tokio::test]
    Memory::default()
}

openindex_domain::agent_run_store_contract! {
    #[tokio::test]
    Memory::default()
}

openindex_domain::work_store_contract! {
    #[tokio::test]
    Memory::default()
}

mod accounts_and_work {
    use super::Memory;

    openindex_domain::account_and_work_store_contract! {
        #[tokio::test]
        Memory::default()
    }
}
