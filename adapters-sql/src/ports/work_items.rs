//! [`WorkItemStore`], for a store [with work items](SqlStore::with_work_items).

use async_trait::async_trait;
use openindex_domain::agent_run::WorkItemKey;
use openindex_domain::clock::Timestamp;
use openindex_domain::work_item::{
    ChangeFacts, ChangeWorkItem, ChangeWorkItemOutcome, CreateFacts, CreateWorkItem,
    CreateWorkItemOutcome, Placement, QueueSection, WorkItem, WorkItemCursor, WorkItemFilter,
    WorkItemStore,
};
use openindex_domain::{Listing, StoreError};

use super::{acting, runs};
use crate::store::{Step, Stop, run};
use crate::tables::{audit, tokens, users, work_items};
use crate::{Database, Lock, Result, SqlStore, Tx};

#[async_trait]
impl<D: Database> WorkItemStore for SqlStore<D, true, true> {
    async fn create_item(&self, change: CreateWorkItem) -> Result<CreateWorkItemOutcome> {
        run!(self, Change, |tx| create(tx, change))
    }

    async fn change_item(&self, change: ChangeWorkItem) -> Result<ChangeWorkItemOutcome> {
        run!(self, Change, |tx| change_item(tx, change))
    }

    async fn item(&self, key: WorkItemKey, now: Timestamp) -> Result<Option<WorkItem>> {
        run!(self, Read, |tx| work_items::by_key(tx, key, now))
    }

    async fn items(
        &self,
        filter: &WorkItemFilter,
        now: Timestamp,
        after: Option<WorkItemCursor>,
        limit: u32,
    ) -> Result<Listing<WorkItem>> {
        let filter = filter.clone();
        run!(self, Browse, |tx| work_items::page(
            tx, &filter, now, after, limit
        ))
    }

    async fn queue(
        &self,
        section: &QueueSection,
        now: Timestamp,
        limit: u32,
    ) -> Result<Listing<WorkItem>> {
        let section = section.clone();
        run!(self, Browse, |tx| work_items::queue(
            tx, &section, now, limit
        ))
    }
}

async fn create<D: Database>(
    tx: &mut Tx<'_, D>,
    change: CreateWorkItem,
) -> Step<CreateWorkItemOutcome> {
    let (assignee, now) = (change.item.assignee, change.actor.now);
    tx.lock(Lock::Owners(Some(&change.actor), assignee.as_slice()))
        .await?;
    tx.lock(match change.item.place {
        Placement::Domain(domain, _) => Lock::WorkDomain(domain),
        Placement::PartOf(parent) => Lock::WorkItem(parent),
    })
    .await?;
    tx.lock(Lock::RunsOfWorkItem(&change.actor, None)).await?;
    let mut facts = CreateFacts {
        assignee: users::by_optional_id(tx, assignee).await?,
        ..CreateFacts::default()
    };
    match change.item.place {
        Placement::Domain(domain, _) => {
            facts.last_number = work_items::last_number(tx, domain).await?;
        }
        Placement::PartOf(parent) => {
            facts.parent = work_items::by_key(tx, parent, now).await?;
        }
    }
    let actor = acting::author(tx, &change.actor_with_form(&facts)).await?;
    let decision = change.decide(actor.as_ref(), facts).map_err(Stop::Reply)?;
    match &decision.parent {
        Some(parent) => work_items::set_last_part(tx, parent).await?,
        None => work_items::set_last_number(tx, decision.item.key).await?,
    }
    work_items::insert(tx, &decision.item).await?;
    audit::insert(tx, &decision.audit).await?;
    Ok(CreateWorkItemOutcome::Created(decision.item))
}

async fn change_item<D: Database>(
    tx: &mut Tx<'_, D>,
    change: ChangeWorkItem,
) -> Step<ChangeWorkItemOutcome> {
    let (key, now) = (change.key, change.actor.now);
    let assignee = change.new_assignee();
    tx.lock(Lock::Owners(Some(&change.actor), assignee.as_slice()))
        .await?;
    tx.lock(Lock::WorkItem(key)).await?;
    tx.lock(Lock::RunsOfWorkItem(&change.actor, Some(key)))
        .await?;
    let actor = if change.stores_author() {
        acting::author(tx, &change.actor).await?
    } else {
        acting::record(tx, &change.actor).await?
    };
    let runs = tokens::runs_of_work_item(tx, key, now).await?;
    let read = work_items::by_key(tx, key, now).await;
    let (item, damaged) = StoreError::separate_damaged(read)?;
    let facts = ChangeFacts {
        item,
        damaged,
        has_sub_tasks: work_items::has_sub_tasks(tx, key).await?,
        assignee: users::by_optional_id(tx, assignee).await?,
        runs: runs.to_vec(),
    };
    let decision = change.decide(actor.as_ref(), &facts).map_err(Stop::Reply)?;
    let outcome = if let Some(item) = decision.item {
        work_items::update(tx, &item).await?;
        ChangeWorkItemOutcome::Changed(item)
    } else {
        work_items::delete(tx, key).await?;
        ChangeWorkItemOutcome::Deleted
    };
    runs::end(tx, &decision.runs, &runs).await?;
    audit::insert(tx, &change.audit).await?;
    Ok(outcome)
}
