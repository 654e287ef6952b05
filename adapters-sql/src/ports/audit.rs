//! [`AuditStore`].

use async_trait::async_trait;
use openindex_domain::Listing;
use openindex_domain::audit::{
    AuditCursor, AuditEvent, AuditFilter, AuditStore, Subject, SubjectName,
};
use openindex_domain::token::TokenId;

use crate::store::run;
use crate::tables::audit;
use crate::{Database, Result, SqlStore};

#[async_trait]
impl<D: Database, const ACCOUNTS: bool, const WORK_ITEMS: bool> AuditStore
    for SqlStore<D, ACCOUNTS, WORK_ITEMS>
{
    async fn events(
        &self,
        filter: &AuditFilter,
        after: Option<AuditCursor>,
        limit: u32,
    ) -> Result<Listing<AuditEvent>> {
        let filter = *filter;
        run!(self, Browse, |tx| audit::page(tx, &filter, after, limit))
    }

    async fn end_events(&self, tokens: &[TokenId]) -> Result<Listing<AuditEvent>> {
        let tokens = tokens.to_vec();
        run!(self, Browse, |tx| audit::ends_of(tx, tokens))
    }

    async fn names(&self, subjects: &[Subject]) -> Result<Vec<SubjectName>> {
        let subjects = subjects.to_vec();
        run!(self, Browse, |tx| audit::names(tx, &subjects))
    }

    async fn append(&self, event: AuditEvent) -> Result<()> {
        run!(self, Change, |tx| audit::insert(tx, &event))
    }
}
