//! Converts rows to work items.

use std::num::NonZeroU32;

use openindex_domain::clock::Timestamp;
use openindex_domain::token::{Status, TokenId, TokenKind};
use openindex_domain::user::UserId;
use openindex_domain::work_item::{
    AgentId, Claim, Description, Holder, Priority, Title, WorkItem, WorkItemCursor, WorkItemKey,
};
use openindex_domain::{Damaged, DamagedColumn, StoreError};
use uuid::Uuid;

use crate::row::{
    Row, any_instant, get, instant, optional, optional_exact, optional_instant, parse,
};

/// Returns the item as of `now`: a claim that is no longer valid is left out.
pub(crate) fn work_item(row: &impl Row, now: Timestamp) -> Result<WorkItem, StoreError> {
    item(row, now).map_err(|column| {
        let at = any_instant(row, "created_at");
        let cursor = key(row).map(|key| WorkItemCursor { at, key }.to_string());
        let id = match key(row) {
            Ok(key) => key.to_string(),
            // The readable part of it.
            Err(_) => format!(
                "{}-{}",
                get::<&str>(row, "domain").unwrap_or_default(),
                get::<i64>(row, "number").unwrap_or_default()
            ),
        };
        Damaged {
            cursor: cursor.unwrap_or_default(),
            ..Damaged::new("work_items", &id, column)
        }
        .into()
    })
}

fn key(row: &impl Row) -> Result<WorkItemKey, DamagedColumn> {
    Ok(WorkItemKey {
        domain: optional_exact(row, "domain")?.ok_or(DamagedColumn("domain"))?,
        number: NonZeroU32::new(number(row, "number")?).ok_or(DamagedColumn("number"))?,
        part: NonZeroU32::new(number(row, "part")?),
    })
}

fn item(row: &impl Row, now: Timestamp) -> Result<WorkItem, DamagedColumn> {
    let version = u64::try_from(get::<i64>(row, "version")?);
    Ok(WorkItem {
        key: key(row)?,
        kind: parse(row, "kind")?,
        title: Title::from_stored(get(row, "title")?),
        description: Description::from_stored(get(row, "description")?),
        status: parse(row, "status")?,
        priority: priority(row)?,
        target: parse(row, "target")?,
        assignee: optional::<Uuid>(row, "assignee_id")?.map(UserId::from_uuid),
        claim: claim(row, now)?,
        created_by: UserId::from_uuid(get(row, "created_by")?),
        created_at: instant(row, "created_at")?,
        updated_at: instant(row, "updated_at")?,
        resolved_at: optional_instant(row, "resolved_at")?,
        version: version.map_err(|_| DamagedColumn("version"))?,
        last_part: number(row, "last_part")?,
    })
}

/// Returns the claim of a work item, if it is valid at `now`.
fn claim(row: &impl Row, now: Timestamp) -> Result<Option<Claim>, DamagedColumn> {
    let agent = optional::<&str>(row, "claim_agent")?.map(AgentId::from_stored);
    let user = optional::<Uuid>(row, "claim_user_id")?.map(UserId::from_uuid);
    let run = optional::<Uuid>(row, "claim_run_id")?;
    let run = run.map(|run| TokenId::new(TokenKind::AgentRun, run));
    let at = optional_instant(row, "claimed_at")?;
    let claim = match (agent, user, run, at) {
        (None, None, None, None) => return Ok(None),
        (Some(agent), None, run, Some(at)) => Claim {
            holder: Holder::Agent(agent),
            run,
            on_behalf: optional::<Uuid>(row, "claim_on_behalf_id")?.map(UserId::from_uuid),
            at,
        },
        (None, Some(user), None, Some(at)) => Claim {
            holder: Holder::Person(user),
            run: None,
            on_behalf: None,
            at,
        },
        // An incomplete claim, or two.
        _ => return Err(DamagedColumn("claimed_at")),
    };
    let run = match optional::<Uuid>(row, "run_id")? {
        // A run whose end is unreadable is accepted nowhere, so its claim is invalid.
        Some(_) => match (
            optional_instant(row, "run_revoked_at"),
            optional_instant(row, "run_expires_at"),
        ) {
            (Ok(revoked_at), Ok(expires_at)) => Some(Status::of(revoked_at, expires_at, now)),
            _ => None,
        },
        None => None,
    };
    let person_deleted = !matches!(optional_instant(row, "person_deleted_at"), Ok(None));
    Ok(Some(claim).filter(|claim| claim.is_valid(run, person_deleted)))
}

fn number(row: &impl Row, column: &'static str) -> Result<u32, DamagedColumn> {
    u32::try_from(get::<i64>(row, column)?)
        .ok()
        .filter(|number| *number <= WorkItemKey::MAX_NUMBER)
        .ok_or(DamagedColumn(column))
}

fn priority(row: &impl Row) -> Result<Priority, DamagedColumn> {
    u8::try_from(get::<i64>(row, "priority")?)
        .ok()
        .and_then(Priority::from_rank)
        .ok_or(DamagedColumn("priority"))
}
