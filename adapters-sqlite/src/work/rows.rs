//! From rows to work items, and back.

use std::num::NonZeroU32;

use openindex_domain::StoreError;
use openindex_domain::agent_run::{AgentId, DomainKey, WorkItemKey};
use openindex_domain::clock::Timestamp;
use openindex_domain::token::{Status, TokenId, TokenKind};
use openindex_domain::user::UserId;
use openindex_domain::work::{Claim, Description, Holder, Priority, Title, WorkItem};
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;

use crate::rows::{get, instant, optional_instant, optional_parse, parse, unknown};

/// The beginning of a query for [`WorkItem`]s: of the table `w`, with the run `r` of each claim, or the person `p` who made it.
macro_rules! select_work_item {
    ($condition:literal) => {
        concat!(
            "SELECT w.domain, w.number, w.part, w.kind, w.title, w.description, w.status, \
             w.priority, w.target, w.assignee_id, w.claim_agent, w.claim_user_id, \
             w.claim_run_id, w.claim_on_behalf_id, w.claimed_at, w.created_by, w.created_at, w.updated_at, w.resolved_at, w.version, w.last_part, \
             r.id AS run_id, r.revoked_at AS run_revoked_at, r.expires_at AS run_expires_at, p.deleted_at AS person_deleted_at \
             FROM work_items w \
             LEFT JOIN tokens r ON r.id = w.claim_run_id AND r.kind = 'agent_run' \
             LEFT JOIN users p ON p.id = COALESCE(w.claim_user_id, w.claim_on_behalf_id) WHERE ",
            $condition
        )
    };
}
pub(super) use select_work_item;

/// The item as it is at `now`: without a claim that does not hold any more.
pub(super) fn work_item(row: &SqliteRow, now: Timestamp) -> Result<WorkItem, StoreError> {
    Ok(WorkItem {
        key: WorkItemKey {
            domain: DomainKey::parse(get(row, "domain")?).map_err(StoreError::corrupt)?,
            number: NonZeroU32::new(number(row, "number")?).ok_or_else(|| unknown("number"))?,
            part: NonZeroU32::new(number(row, "part")?),
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
        version: u64::try_from(get::<i64>(row, "version")?).map_err(StoreError::corrupt)?,
        last_part: number(row, "last_part")?,
    })
}

fn claim(row: &SqliteRow, now: Timestamp) -> Result<Option<Claim>, StoreError> {
    let agent = optional_parse::<AgentId>(row, "claim_agent")?.map(Holder::Agent);
    let user = get::<Option<Uuid>>(row, "claim_user_id")?.map(UserId::from_uuid);
    let run = get::<Option<Uuid>>(row, "claim_run_id")?;
    let on_behalf = get::<Option<Uuid>>(row, "claim_on_behalf_id")?.map(UserId::from_uuid);
    let at = optional_instant(row, "claimed_at")?;
    let claim = match (agent, user.map(Holder::Person), run, at) {
        (None, None, None, None) => return Ok(None),
        (Some(holder), None, run, Some(at)) => Claim {
            holder,
            run: run.map(|id| TokenId::new(TokenKind::AgentRun, id)),
            on_behalf,
            at,
        },
        (None, Some(holder), None, Some(at)) => Claim {
            holder,
            run: None,
            on_behalf: None,
            at,
        },
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

fn number(row: &SqliteRow, column: &str) -> Result<u32, StoreError> {
    u32::try_from(get::<i64>(row, column)?)
        .ok()
        .filter(|number| *number <= WorkItemKey::MAX_NUMBER)
        .ok_or_else(|| StoreError::corrupt("a number that no key can have"))
}

fn priority(rank: i64) -> Result<Priority, StoreError> {
    let rank = u8::try_from(rank).ok();
    rank.and_then(Priority::from_rank)
        .ok_or_else(|| unknown("priority"))
}

/// The column of [`WorkItemKey::part`].
pub(super) fn part(key: WorkItemKey) -> u32 {
    key.part.map_or(0, NonZeroU32::get)
}
