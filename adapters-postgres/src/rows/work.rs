//! From rows to work items.

use std::num::NonZeroU32;

use openindex_domain::StoreError;
use openindex_domain::clock::Timestamp;
use openindex_domain::token::{Status, TokenId, TokenKind};
use openindex_domain::user::UserId;
use openindex_domain::work::{
    AgentId, Claim, Description, Holder, Priority, Title, WorkItem, WorkItemKey,
};
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::{get, instant, optional_instant, optional_parse, parse, unknown};

/// The beginning of a query for [`WorkItem`]s, each with the run in which it was claimed, or the person who
/// claimed it.
macro_rules! select_work_item {
    ($condition:literal) => {
        concat!(
            "SELECT w.domain, w.number, w.part, w.kind, w.title, w.description, w.status, \
             w.priority, w.target, w.assignee_id, w.claim_agent, w.claim_user_id, \
             w.claim_run_id, w.claim_on_behalf_id, w.claimed_at, w.created_by, w.created_at, w.updated_at, w.resolved_at, w.version, w.last_part, \
             r.id AS run_id, r.revoked_at AS run_revoked_at, r.expires_at AS run_expires_at, p.deleted_at AS person_deleted_at \
             FROM work_items w LEFT JOIN tokens r ON r.id = w.claim_run_id \
             LEFT JOIN users p ON p.id = COALESCE(w.claim_user_id, w.claim_on_behalf_id) WHERE ",
            $condition
        )
    };
}
pub(crate) use select_work_item;

/// The item as it is at `now`: without a claim that does not hold.
pub(crate) fn work_item(row: &PgRow, now: Timestamp) -> Result<WorkItem, StoreError> {
    let number = |column: &str| {
        let number: i32 = get(row, column)?;
        u32::try_from(number).map_err(StoreError::corrupt)
    };
    let version: i64 = get(row, "version")?;
    Ok(WorkItem {
        key: WorkItemKey {
            domain: parse(get(row, "domain")?)?,
            number: NonZeroU32::try_from(number("number")?).map_err(StoreError::corrupt)?,
            part: NonZeroU32::new(number("part")?),
        },
        kind: parse(get(row, "kind")?)?,
        title: Title::from_stored(get(row, "title")?).map_err(StoreError::corrupt)?,
        description: Description::parse(get(row, "description")?).map_err(StoreError::corrupt)?,
        status: parse(get(row, "status")?)?,
        priority: priority(get(row, "priority")?)?,
        target: parse(get(row, "target")?)?,
        assignee: get::<Option<Uuid>>(row, "assignee_id")?.map(UserId::from_uuid),
        claim: claim(row, now)?,
        created_by: UserId::from_uuid(get(row, "created_by")?),
        created_at: instant(get(row, "created_at")?)?,
        updated_at: instant(get(row, "updated_at")?)?,
        resolved_at: optional_instant(row, "resolved_at")?,
        version: u64::try_from(version).map_err(StoreError::corrupt)?,
        last_part: number("last_part")?,
    })
}

/// The claim of a work item, if it holds.
fn claim(row: &PgRow, now: Timestamp) -> Result<Option<Claim>, StoreError> {
    let run = get::<Option<Uuid>>(row, "claim_run_id")?;
    let run = run.map(|run| TokenId::new(TokenKind::AgentRun, run));
    let agent = optional_parse::<AgentId>(row, "claim_agent")?;
    let person = get::<Option<Uuid>>(row, "claim_user_id")?;
    let holder = match (agent, person, run) {
        (Some(agent), None, _) => Some(Holder::Agent(agent)),
        (None, Some(person), None) => Some(Holder::Person(UserId::from_uuid(person))),
        (None, None, None) => None,
        _ => {
            return Err(StoreError::corrupt(
                "a work item with half a claim too many",
            ));
        }
    };
    let claim = match (holder, optional_instant(row, "claimed_at")?) {
        (Some(holder), Some(at)) => Claim {
            holder,
            run,
            on_behalf: get::<Option<Uuid>>(row, "claim_on_behalf_id")?.map(UserId::from_uuid),
            at,
        },
        (None, None) => return Ok(None),
        _ => return Err(StoreError::corrupt("a work item that is claimed by half")),
    };
    let run = match get::<Option<Uuid>>(row, "run_id")? {
        Some(_) => Some(Status::of(
            optional_instant(row, "run_revoked_at")?,
            optional_instant(row, "run_expires_at")?,
            now,
        )),
        None => None,
    };
    let person_deleted = optional_instant(row, "person_deleted_at")?.is_some();
    Ok(Some(claim).filter(|claim| claim.holds(run, person_deleted)))
}

fn priority(rank: i16) -> Result<Priority, StoreError> {
    u8::try_from(rank)
        .ok()
        .and_then(Priority::from_rank)
        .ok_or_else(|| unknown("priority"))
}

/// The number and the part of a key as they are stored; 0 is no part.
pub(crate) fn key_numbers(key: WorkItemKey) -> [i64; 2] {
    let part = key.part.map_or(0, NonZeroU32::get);
    [key.number.get(), part].map(i64::from)
}
