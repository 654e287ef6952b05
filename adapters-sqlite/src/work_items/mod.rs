//! [`WorkItemStore`] on SQLite, for a store [with work items](SqliteStore::with_work_items).

mod query;
mod rows;

use async_trait::async_trait;
use openindex_domain::agent_run::{AgentId, DomainKey, WorkItemKey};
use openindex_domain::clock::Timestamp;
use openindex_domain::token::TokenId;
use openindex_domain::user::UserId;
use openindex_domain::work_item::{
    ChangeFacts, ChangeWorkItem, ChangeWorkItemOutcome, CreateFacts, CreateWorkItem,
    CreateWorkItemOutcome, Holder, Placement, QueueSection, WorkItem, WorkItemCursor,
    WorkItemFilter, WorkItemStore,
};
use openindex_domain::{Damaged, DamagedColumn, Listing, StoreError};
use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;
use sqlx::{QueryBuilder, Sqlite, SqliteConnection, SqliteExecutor};

use crate::error::store_error;
use crate::rows::exactly_one;
use crate::{SqliteStore, acting, agent_runs, audit, users};
use rows::select_work_item;

#[async_trait]
impl WorkItemStore for SqliteStore {
    async fn create_item(
        &self,
        change: CreateWorkItem,
    ) -> Result<CreateWorkItemOutcome, StoreError> {
        let mut transaction = self.begin().await?;
        let mut facts = CreateFacts {
            assignee: users::by_optional_id(&mut transaction, change.item.assignee).await?,
            ..CreateFacts::default()
        };
        match change.item.place {
            Placement::Domain(domain, _) => {
                facts.last_number = last_number(&mut transaction, domain).await?;
            }
            Placement::PartOf(parent) => {
                facts.parent = by_key(&mut *transaction, parent, change.actor.now).await?;
            }
        }
        let actor = acting::record(&mut transaction, &change.actor_with_form(&facts)).await?;
        let decision = match change.decide(actor.as_ref(), facts) {
            Ok(decision) => decision,
            Err(outcome) => return Ok(outcome),
        };
        match &decision.parent {
            Some(parent) => set_last_part(&mut transaction, parent).await?,
            None => set_last_number(&mut transaction, decision.item.key).await?,
        }
        insert(&mut transaction, &decision.item).await?;
        audit::insert(&mut transaction, &decision.audit).await?;
        transaction.commit().await?;
        Ok(CreateWorkItemOutcome::Created(decision.item))
    }

    async fn change_item(
        &self,
        change: ChangeWorkItem,
    ) -> Result<ChangeWorkItemOutcome, StoreError> {
        let (key, now) = (change.key, change.actor.now);
        let mut transaction = self.begin().await?;
        let actor = acting::record(&mut transaction, &change.actor).await?;
        let runs = agent_runs::of_work_item(&mut transaction, key, now).await?;
        let read = by_key(&mut *transaction, key, now).await;
        let (item, damaged) = StoreError::separate_damaged(read)?;
        let facts = ChangeFacts {
            item,
            damaged,
            has_sub_tasks: has_sub_tasks(&mut transaction, key).await?,
            assignee: users::by_optional_id(&mut transaction, change.new_assignee()).await?,
            runs: runs.to_vec(),
        };
        let decision = match change.decide(actor.as_ref(), &facts) {
            Ok(decision) => decision,
            Err(outcome) => return Ok(outcome),
        };
        let outcome = if let Some(item) = decision.item {
            update(&mut transaction, &item).await?;
            ChangeWorkItemOutcome::Changed(item)
        } else {
            delete(&mut transaction, key).await?;
            ChangeWorkItemOutcome::Deleted
        };
        agent_runs::end(&mut transaction, &decision.runs, &runs).await?;
        audit::insert(&mut transaction, &change.audit).await?;
        transaction.commit().await?;
        Ok(outcome)
    }

    async fn item(&self, key: WorkItemKey, now: Timestamp) -> Result<Option<WorkItem>, StoreError> {
        by_key(self.readers()?, key, now).await
    }

    async fn items(
        &self,
        filter: &WorkItemFilter,
        now: Timestamp,
        after: Option<WorkItemCursor>,
        limit: u32,
    ) -> Result<Listing<WorkItem>, StoreError> {
        self.fetch_items(query::page(filter, now, after, limit), now)
            .await
    }

    async fn queue(
        &self,
        section: &QueueSection,
        now: Timestamp,
        limit: u32,
    ) -> Result<Listing<WorkItem>, StoreError> {
        self.fetch_items(query::queue(section, now, limit), now)
            .await
    }
}

impl SqliteStore {
    async fn fetch_items(
        &self,
        mut query: QueryBuilder<Sqlite>,
        now: Timestamp,
    ) -> Result<Listing<WorkItem>, StoreError> {
        let mut browsing = self.browse().await?;
        let found = query.build().fetch_all(browsing.connection()).await;
        let found = found.map_err(store_error)?;
        Listing::read(found.iter().map(|row| rows::work_item(row, now)))
    }
}

pub(crate) async fn by_key(
    executor: impl SqliteExecutor<'_>,
    key: WorkItemKey,
    now: Timestamp,
) -> Result<Option<WorkItem>, StoreError> {
    let query = select_work_item!("w.domain = ?1 AND w.number = ?2 AND w.part = ?3");
    with_key(sqlx::query(query), &key)
        .fetch_optional(executor)
        .await
        .map_err(store_error)?
        .map(|row| rows::work_item(&row, now))
        .transpose()
}

async fn has_sub_tasks(
    connection: &mut SqliteConnection,
    key: WorkItemKey,
) -> Result<bool, StoreError> {
    if key.part.is_some() {
        return Ok(false);
    }
    sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM work_items WHERE domain = ?1 AND number = ?2 AND part > 0)",
    )
    .bind(key.domain.as_str())
    .bind(key.number.get())
    .fetch_one(connection)
    .await
    .map_err(store_error)
}

async fn last_number(
    connection: &mut SqliteConnection,
    domain: DomainKey,
) -> Result<u32, StoreError> {
    let number: Option<i64> =
        sqlx::query_scalar("SELECT last_number FROM work_domains WHERE key = ?1")
            .bind(domain.as_str())
            .fetch_optional(connection)
            .await
            .map_err(store_error)?;
    u32::try_from(number.unwrap_or_default())
        .map_err(|_| Damaged::new("work_domains", &domain, DamagedColumn("last_number")).into())
}

/// Stores the number of the domain's last item.
async fn set_last_number(
    connection: &mut SqliteConnection,
    key: WorkItemKey,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO work_domains (key, last_number) VALUES (?1, ?2) \
         ON CONFLICT (key) DO UPDATE SET last_number = excluded.last_number",
    )
    .bind(key.domain.as_str())
    .bind(key.number.get())
    .execute(connection)
    .await
    .map_err(store_error)?;
    Ok(())
}

/// Stores the number of the item's last part.
async fn set_last_part(
    connection: &mut SqliteConnection,
    parent: &WorkItem,
) -> Result<(), StoreError> {
    let query =
        "UPDATE work_items SET last_part = ?4 WHERE domain = ?1 AND number = ?2 AND part = ?3";
    let updated = with_key(sqlx::query(query), &parent.key)
        .bind(parent.last_part)
        .execute(connection)
        .await
        .map_err(store_error)?
        .rows_affected();
    exactly_one(updated, "work item")
}

async fn insert(connection: &mut SqliteConnection, item: &WorkItem) -> Result<(), StoreError> {
    with_fields(
        "INSERT INTO work_items (domain, number, part, kind, title, description, search_text, \
         status, priority, target, assignee_id, claim_agent, claim_user_id, claim_run_id, \
         claimed_at, created_by, created_at, updated_at, resolved_at, version, last_part, \
         claim_on_behalf_id) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, \
         ?18, ?19, ?20, ?21, ?22)",
        item,
    )?
    .execute(connection)
    .await
    .map_err(store_error)?;
    Ok(())
}

async fn update(connection: &mut SqliteConnection, item: &WorkItem) -> Result<(), StoreError> {
    let updated = with_fields(
        "UPDATE work_items SET kind = ?4, title = ?5, description = ?6, search_text = ?7, \
         status = ?8, priority = ?9, target = ?10, assignee_id = ?11, claim_agent = ?12, \
         claim_user_id = ?13, claim_run_id = ?14, claimed_at = ?15, created_by = ?16, \
         created_at = ?17, updated_at = ?18, resolved_at = ?19, version = ?20, last_part = ?21, \
         claim_on_behalf_id = ?22 \
         WHERE domain = ?1 AND number = ?2 AND part = ?3",
        item,
    )?
    .execute(connection)
    .await
    .map_err(store_error)?
    .rows_affected();
    exactly_one(updated, "work item")
}

async fn delete(connection: &mut SqliteConnection, key: WorkItemKey) -> Result<(), StoreError> {
    let query = "DELETE FROM work_items WHERE domain = ?1 AND number = ?2 AND part = ?3";
    let deleted = with_key(sqlx::query(query), &key)
        .execute(connection)
        .await
        .map_err(store_error)?
        .rows_affected();
    exactly_one(deleted, "work item")
}

type Statement<'q> = Query<'q, Sqlite, SqliteArguments>;

/// Binds the key, as the parameters 1 to 3.
fn with_key<'q>(query: Statement<'q>, key: &'q WorkItemKey) -> Statement<'q> {
    query
        .bind(key.domain.as_str())
        .bind(key.number.get())
        .bind(rows::part(*key))
}

/// Binds all 22 parameters.
fn with_fields<'q>(query: &'static str, item: &'q WorkItem) -> Result<Statement<'q>, StoreError> {
    let claim = item.claim.as_ref();
    let holder = claim.map(|claim| &claim.holder);
    Ok(with_key(sqlx::query(query), &item.key)
        .bind(item.kind.as_str())
        .bind(item.title.as_str())
        .bind(item.description.as_str())
        .bind(item.search_text())
        .bind(item.status.as_str())
        .bind(item.priority.rank())
        .bind(item.target.as_str())
        .bind(item.assignee.map(UserId::uuid))
        .bind(holder.and_then(Holder::agent).map(AgentId::as_str))
        .bind(holder.and_then(Holder::person).map(UserId::uuid))
        .bind(claim.and_then(|claim| claim.run).map(TokenId::uuid))
        .bind(claim.map(|claim| claim.at.unix_millis()))
        .bind(item.created_by.uuid())
        .bind(item.created_at.unix_millis())
        .bind(item.updated_at.unix_millis())
        .bind(item.resolved_at.map(Timestamp::unix_millis))
        .bind(i64::try_from(item.version).map_err(StoreError::corrupt)?)
        .bind(item.last_part)
        .bind(claim.and_then(|claim| claim.on_behalf).map(UserId::uuid)))
}
