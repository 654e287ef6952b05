use async_trait::async_trait;

use crate::agent_run::WorkItemKey;
use crate::clock::Timestamp;
use crate::store::{Listing, StoreError};
use crate::work_item::{
    ChangeFacts, ChangeWorkItem, ChangeWorkItemOutcome, Claim, CreateFacts, CreateWorkItem,
    CreateWorkItemOutcome, Placement, QueueSection, WorkItem, WorkItemCursor, WorkItemFilter,
    WorkItemStore,
};

use super::{MemoryStore, State};

impl MemoryStore {
    /// Inserts a work item without any checks, as the starting point of a test.
    pub fn put_work_item(&self, item: WorkItem) {
        let mut state = self.state();
        if item.key.part.is_none() {
            let last = state.last_numbers.entry(item.key.domain).or_default();
            *last = item.key.number.get().max(*last);
        }
        state.work_items.insert(item.key, item);
    }
}

impl State {
    /// Returns the item in its state at `now`.
    fn work_item(&self, key: WorkItemKey, now: Timestamp) -> Option<WorkItem> {
        let stored = self.work_items.get(&key)?;
        let is_valid = |claim: &Claim| {
            let run = claim.run.and_then(|run| self.token(run));
            let deleted = claim.person().is_some_and(|id| self.deleted.contains(&id));
            claim.is_valid(run.map(|run| run.status(now)), deleted)
        };
        Some(WorkItem {
            claim: stored.claim.clone().filter(is_valid),
            ..stored.clone()
        })
    }

    fn all_work_items(&self, now: Timestamp) -> impl Iterator<Item = WorkItem> {
        let keys = self.work_items.keys();
        keys.filter_map(move |key| self.work_item(*key, now))
    }
}

#[async_trait]
impl WorkItemStore for MemoryStore {
    async fn create_item(
        &self,
        change: CreateWorkItem,
    ) -> Result<CreateWorkItemOutcome, StoreError> {
        let mut state = self.state();
        let mut facts = CreateFacts {
            assignee: change.item.assignee.and_then(|id| state.user(id)).cloned(),
            ..CreateFacts::default()
        };
        match change.item.place {
            Placement::Domain(domain, _) => {
                facts.last_number = state.last_numbers.get(&domain).copied().unwrap_or(0);
            }
            Placement::PartOf(parent) => facts.parent = state.work_item(parent, change.actor.now),
        }
        let making = change.actor_with_form(&facts);
        let actor = state.author(&making);
        let decision = match change.decide(actor.as_ref(), facts) {
            Ok(decision) => decision,
            Err(outcome) => return Ok(outcome),
        };
        state.check_new_event(&decision.audit)?;
        state.use_form(&making);
        let item = decision.item;
        if item.key.part.is_none() {
            let number = item.key.number.get();
            state.last_numbers.insert(item.key.domain, number);
        }
        if let Some(parent) = decision.parent {
            state.work_items.insert(parent.key, parent);
        }
        state.work_items.insert(item.key, item.clone());
        state.write_event(decision.audit);
        Ok(CreateWorkItemOutcome::Created(item))
    }

    async fn change_item(
        &self,
        change: ChangeWorkItem,
    ) -> Result<ChangeWorkItemOutcome, StoreError> {
        let mut state = self.state();
        let actor = if change.stores_author() {
            state.author(&change.actor)
        } else {
            state.acting(&change.actor)
        };
        let facts = ChangeFacts {
            item: state.work_item(change.key, change.actor.now),
            has_sub_tasks: state
                .work_items
                .keys()
                .any(|key| key.parent() == Some(change.key)),
            assignee: change.new_assignee().and_then(|id| state.user(id)).cloned(),
            runs: state.unrevoked_runs(),
            damaged: None,
        };
        let decision = match change.decide(actor.as_ref(), &facts) {
            Ok(decision) => decision,
            Err(outcome) => return Ok(outcome),
        };
        state.check_new_event(&change.audit)?;
        state.check_new_events(&decision.runs.events)?;
        let outcome = if let Some(item) = decision.item {
            state.work_items.insert(item.key, item.clone());
            ChangeWorkItemOutcome::Changed(item)
        } else {
            state.work_items.remove(&change.key);
            ChangeWorkItemOutcome::Deleted
        };
        state.write_ended(decision.runs);
        state.write_event(change.audit);
        Ok(outcome)
    }

    async fn item(&self, key: WorkItemKey, now: Timestamp) -> Result<Option<WorkItem>, StoreError> {
        Ok(self.state().work_item(key, now))
    }

    async fn items(
        &self,
        filter: &WorkItemFilter,
        now: Timestamp,
        after: Option<WorkItemCursor>,
        limit: u32,
    ) -> Result<Listing<WorkItem>, StoreError> {
        let state = self.state();
        let mut items: Vec<WorkItem> = state
            .all_work_items(now)
            .filter(|item| filter.matches(item))
            .filter(|item| after.is_none_or(|after| WorkItemCursor::of(item) < after))
            .collect();
        items.sort_by_key(|item| std::cmp::Reverse(WorkItemCursor::of(item)));
        items.truncate(limit as usize);
        Ok(items.into())
    }

    async fn queue(
        &self,
        section: &QueueSection,
        now: Timestamp,
        limit: u32,
    ) -> Result<Listing<WorkItem>, StoreError> {
        let state = self.state();
        let mut items: Vec<WorkItem> = state
            .all_work_items(now)
            .filter(|item| section.contains(item))
            .collect();
        items.sort_by_key(|item| (std::cmp::Reverse(item.priority), WorkItemCursor::of(item)));
        items.truncate(limit as usize);
        Ok(items.into())
    }
}
