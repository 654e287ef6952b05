//! [`AuditStore`].

use async_trait::async_trait;
use openindex_domain::audit::{
    AuditCursor, AuditEvent, AuditFilter, AuditStore, Subject, SubjectName,
};
use openindex_domain::token::TokenId;
use openindex_domain::{Listing, StoreError};

use crate::tables::audit;
use crate::{Database, SqlStore};

#[async_trait]
impl<D: Database, const WORK_ITEMS: bool> AuditStore for SqlStore<D, WORK_ITEMS> {
    async fn events(
        &self,
        filter: &AuditFilter,
        after: Option<AuditCursor>,
        limit: u32,
    ) -> Result<Listing<AuditEvent>, StoreError> {
        let filter = *filter;
        self.browse(move |mut tx| {
            Box::pin(async move { audit::page(&mut tx, &filter, after, limit).await })
        })
        .await
    }

    async fn end_events(&self, tokens: &[TokenId]) -> Result<Listing<AuditEvent>, StoreError> {
        let tokens = tokens.to_vec();
        self.browse(move |mut tx| Box::pin(async move { audit::ends_of(&mut tx, tokens).await }))
            .await
    }

    async fn names(&self, subjects: &[Subject]) -> Result<Vec<SubjectName>, StoreError> {
        let subjects = subjects.to_vec();
        self.browse(move |mut tx| Box::pin(async move { audit::names(&mut tx, &subjects).await }))
            .await
    }

    async fn append(&self, event: AuditEvent) -> Result<(), StoreError> {
        self.change(move |mut tx| {
            Box::pin(async move { Ok(audit::insert(&mut tx, &event).await?) })
        })
        .await
    }
}
