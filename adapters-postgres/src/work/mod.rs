//! [`WorkStore`] on PostgreSQL, for a store [with work](PostgresStore::with_work). How a change
//! keeps its order among others is told in [`locks`].

mod query;
mod write;

use async_trait::async_trait;
use openindex_domain::clock::Timestamp;
use openindex_domain::work::{
    Bucket, ChangeFacts, ChangeItem, ChangeItemOutcome, CreateFacts, CreateItem, CreateItemOutcome,
    ItemCursor, ItemFilter, Place, WorkItem, WorkItemKey, WorkStore,
};
use openindex_domain::{Listing, StoreError};
use sqlx::PgConnection;

use crate::error::store_error;
use crate::store::begin;
use crate::{PostgresStore, acting, agent_runs, audit, locks, users};

pub(crate) use query::by_key;

#[async_trait]
impl WorkStore for PostgresStore {
    async fn create_item(&self, change: CreateItem) -> Result<CreateItemOutcome, StoreError> {
        self.call(move |connection| Box::pin(async move { create(connection, &change).await }))
            .await
    }

    async fn change_item(&self, change: ChangeItem) -> Result<ChangeItemOutcome, StoreError> {
        self.call(move |connection| Box::pin(async move { change_one(connection, &change).await }))
            .await
    }

    async fn item(&self, key: WorkItemKey, now: Timestamp) -> Result<Option<WorkItem>, StoreError> {
        self.call(move |connection| Box::pin(by_key(connection, key, now)))
            .await
    }

    async fn items(
        &self,
        filter: &ItemFilter,
        now: Timestamp,
        after: Option<ItemCursor>,
        limit: u32,
    ) -> Result<Listing<WorkItem>, StoreError> {
        let query = query::page(filter, now, after, limit);
        self.browse(move |connection| Box::pin(query::fetch(connection, query, now)))
            .await
    }

    async fn queue(
        &self,
        bucket: &Bucket,
        now: Timestamp,
        limit: u32,
    ) -> Result<Listing<WorkItem>, StoreError> {
        let query = query::queue(bucket, now, limit);
        self.browse(move |connection| Box::pin(query::fetch(connection, query, now)))
            .await
    }
}

async fn create(
    connection: &mut PgConnection,
    change: &CreateItem,
) -> Result<CreateItemOutcome, StoreError> {
    let (assignee, now) = (change.item.assignee, change.actor.now);
    let mut transaction = begin(connection).await?;
    locks::users(&mut transaction, Some(&change.actor), assignee.as_slice()).await?;
    match change.item.place {
        Place::Domain(domain, _) => locks::work_domain(&mut transaction, domain).await?,
        Place::PartOf(whole) => locks::work_item(&mut transaction, whole).await?,
    }
    locks::runs_of_work_item(&mut transaction, &change.actor, None).await?;
    let mut facts = CreateFacts {
        assignee: users::by_optional_id(&mut transaction, assignee).await?,
        ..CreateFacts::default()
    };
    match change.item.place {
        Place::Domain(domain, _) => {
            facts.last_number = query::last_number(&mut transaction, domain).await?;
        }
        Place::PartOf(whole) => facts.parent = by_key(&mut transaction, whole, now).await?,
    }
    let actor = acting::record(&mut transaction, &change.actor_making(&facts)).await?;
    let decision = match change.decide(actor.as_ref(), facts) {
        Ok(decision) => decision,
        Err(outcome) => return Ok(outcome),
    };
    let item = decision.item;
    match &decision.parent {
        Some(parent) => write::last_part(&mut transaction, parent).await?,
        None => write::last_number(&mut transaction, item.key).await?,
    }
    write::insert(&mut transaction, &item).await?;
    audit::insert(&mut transaction, &decision.audit).await?;
    transaction.commit().await.map_err(store_error)?;
    Ok(CreateItemOutcome::Created(item))
}

async fn change_one(
    connection: &mut PgConnection,
    change: &ChangeItem,
) -> Result<ChangeItemOutcome, StoreError> {
    let (key, now) = (change.key, change.actor.now);
    let assignee = change.new_assignee();
    let mut transaction = begin(connection).await?;
    locks::users(&mut transaction, Some(&change.actor), assignee.as_slice()).await?;
    locks::work_item(&mut transaction, key).await?;
    locks::runs_of_work_item(&mut transaction, &change.actor, Some(key)).await?;
    let actor = acting::record(&mut transaction, &change.actor).await?;
    let runs = agent_runs::of_work_item(&mut transaction, key, now).await?;
    let (item, damaged) = StoreError::separate(by_key(&mut transaction, key, now).await)?;
    let facts = ChangeFacts {
        item,
        damaged,
        has_parts: query::has_parts(&mut transaction, key).await?,
        assignee: users::by_optional_id(&mut transaction, assignee).await?,
        runs: runs.to_vec(),
    };
    let decision = match change.decide(actor.as_ref(), &facts) {
        Ok(decision) => decision,
        Err(outcome) => return Ok(outcome),
    };
    let outcome = if let Some(item) = decision.item {
        write::update(&mut transaction, &item).await?;
        ChangeItemOutcome::Changed(item)
    } else {
        write::delete(&mut transaction, key).await?;
        ChangeItemOutcome::Deleted
    };
    agent_runs::end(&mut transaction, &decision.runs, &runs).await?;
    audit::insert(&mut transaction, &change.audit).await?;
    transaction.commit().await.map_err(store_error)?;
    Ok(outcome)
}
