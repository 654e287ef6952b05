//! [`WorkItemStore`] on PostgreSQL, for a store [with work items](PostgresStore::with_work_items).
//! [`locks`] describes the order of changes.

mod query;
mod write;

use async_trait::async_trait;
use openindex_domain::clock::Timestamp;
use openindex_domain::work_item::{
    ChangeFacts, ChangeWorkItem, ChangeWorkItemOutcome, CreateFacts, CreateWorkItem,
    CreateWorkItemOutcome, Placement, QueueSection, WorkItem, WorkItemCursor, WorkItemFilter,
    WorkItemKey, WorkItemStore,
};
use openindex_domain::{Listing, StoreError};
use sqlx::PgConnection;

use crate::error::store_error;
use crate::store::begin;
use crate::{PostgresStore, acting, agent_runs, audit, locks, users};

pub(crate) use query::by_key;

#[async_trait]
impl WorkItemStore for PostgresStore {
    async fn create_item(
        &self,
        change: CreateWorkItem,
    ) -> Result<CreateWorkItemOutcome, StoreError> {
        self.call(move |connection| Box::pin(async move { create(connection, &change).await }))
            .await
    }

    async fn change_item(
        &self,
        change: ChangeWorkItem,
    ) -> Result<ChangeWorkItemOutcome, StoreError> {
        self.call(move |connection| Box::pin(async move { change_item(connection, &change).await }))
            .await
    }

    async fn item(&self, key: WorkItemKey, now: Timestamp) -> Result<Option<WorkItem>, StoreError> {
        self.call(move |connection| Box::pin(by_key(connection, key, now)))
            .await
    }

    async fn items(
        &self,
        filter: &WorkItemFilter,
        now: Timestamp,
        after: Option<WorkItemCursor>,
        limit: u32,
    ) -> Result<Listing<WorkItem>, StoreError> {
        let query = query::page(filter, now, after, limit);
        self.browse(move |connection| Box::pin(query::fetch(connection, query, now)))
            .await
    }

    async fn queue(
        &self,
        section: &QueueSection,
        now: Timestamp,
        limit: u32,
    ) -> Result<Listing<WorkItem>, StoreError> {
        let query = query::queue(section, now, limit);
        self.browse(move |connection| Box::pin(query::fetch(connection, query, now)))
            .await
    }
}

async fn create(
    connection: &mut PgConnection,
    change: &CreateWorkItem,
) -> Result<CreateWorkItemOutcome, StoreError> {
    let (assignee, now) = (change.item.assignee, change.actor.now);
    let mut transaction = begin(connection).await?;
    locks::users(&mut transaction, Some(&change.actor), assignee.as_slice()).await?;
    match change.item.place {
        Placement::Domain(domain, _) => locks::work_domain(&mut transaction, domain).await?,
        Placement::PartOf(parent) => locks::work_item(&mut transaction, parent).await?,
    }
    locks::runs_of_work_item(&mut transaction, &change.actor, None).await?;
    let mut facts = CreateFacts {
        assignee: users::by_optional_id(&mut transaction, assignee).await?,
        ..CreateFacts::default()
    };
    match change.item.place {
        Placement::Domain(domain, _) => {
            facts.last_number = query::last_number(&mut transaction, domain).await?;
        }
        Placement::PartOf(parent) => facts.parent = by_key(&mut transaction, parent, now).await?,
    }
    let actor = acting::record(&mut transaction, &change.actor_with_form(&facts)).await?;
    let decision = match change.decide(actor.as_ref(), facts) {
        Ok(decision) => decision,
        Err(outcome) => return Ok(outcome),
    };
    let item = decision.item;
    match &decision.parent {
        Some(parent) => write::set_last_part(&mut transaction, parent).await?,
        None => write::set_last_number(&mut transaction, item.key).await?,
    }
    write::insert(&mut transaction, &item).await?;
    audit::insert(&mut transaction, &decision.audit).await?;
    transaction.commit().await.map_err(store_error)?;
    Ok(CreateWorkItemOutcome::Created(item))
}

async fn change_item(
    connection: &mut PgConnection,
    change: &ChangeWorkItem,
) -> Result<ChangeWorkItemOutcome, StoreError> {
    let (key, now) = (change.key, change.actor.now);
    let assignee = change.new_assignee();
    let mut transaction = begin(connection).await?;
    locks::users(&mut transaction, Some(&change.actor), assignee.as_slice()).await?;
    locks::work_item(&mut transaction, key).await?;
    locks::runs_of_work_item(&mut transaction, &change.actor, Some(key)).await?;
    let actor = acting::record(&mut transaction, &change.actor).await?;
    let runs = agent_runs::of_work_item(&mut transaction, key, now).await?;
    let (item, damaged) = StoreError::separate_damaged(by_key(&mut transaction, key, now).await)?;
    let facts = ChangeFacts {
        item,
        damaged,
        has_sub_tasks: query::has_sub_tasks(&mut transaction, key).await?,
        assignee: users::by_optional_id(&mut transaction, assignee).await?,
        runs: runs.to_vec(),
    };
    let decision = match change.decide(actor.as_ref(), &facts) {
        Ok(decision) => decision,
        Err(outcome) => return Ok(outcome),
    };
    let outcome = if let Some(item) = decision.item {
        write::update(&mut transaction, &item).await?;
        ChangeWorkItemOutcome::Changed(item)
    } else {
        write::delete(&mut transaction, key).await?;
        ChangeWorkItemOutcome::Deleted
    };
    agent_runs::end(&mut transaction, &decision.runs, &runs).await?;
    audit::insert(&mut transaction, &change.audit).await?;
    transaction.commit().await.map_err(store_error)?;
    Ok(outcome)
}
