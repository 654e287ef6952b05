//! The audit trail.

pub(super) mod export;

use std::str::FromStr;

use axum::Json;
use axum::extract::State;
use openindex_domain::audit::{AuditAction, AuditCursor, AuditFilter, Subject};
use openindex_domain::clock::Timestamp;
use openindex_domain::user::UserId;

use crate::server::api::Shared;
use crate::server::body::{Fields, QueryFields};
use crate::server::{HumanAdmin, Problem, to_wire};
use crate::wire::AuditList;

/// Takes the filters, which both routes spell alike.
fn filter(fields: &mut Fields) -> AuditFilter {
    AuditFilter {
        actor: fields.text("actor", |text| {
            UserId::from_str(text).map_err(|_| "must be the id of a user (usr_…)")
        }),
        action: fields.text("action", |text| {
            AuditAction::parse(text).ok_or("must be an action such as token.issued")
        }),
        subject: fields.text("subject", |text| {
            Subject::from_str(text).map_err(
                |_| "must be the id of a user, token, session or invite, or the key of a work item",
            )
        }),
        since: fields.instant("since"),
        until: fields.instant("until"),
    }
}

/// A cursor travels as the event's time in milliseconds and its id.
fn write_cursor(cursor: AuditCursor) -> String {
    format!("{}-{}", cursor.at.unix_millis(), cursor.id)
}

fn read_cursor(text: &str) -> Option<AuditCursor> {
    let (at, id) = text.split_once('-')?;
    Some(AuditCursor {
        at: Timestamp::from_unix_millis(at.parse().ok()?)?,
        id: id.parse().ok()?,
    })
}

/// The audit trail, the newest first, a page at a time.
///
/// Records every change to this instance. Entries cannot be edited or deleted. An entry must match
/// every filter.
#[utoipa::path(get, path = "/audit", tag = "admin", operation_id = "listAudit",
    params(
        ("actor" = Option<String>, Query, description = "By this user (`usr_…`)"),
        ("action" = Option<String>, Query, description = "Of this kind, as in `token.issued`"),
        ("subject" = Option<String>, Query, description = "About this user, token, session, invite or work item"),
        ("since" = Option<String>, Query, description = "At this date or date-time or later"),
        ("until" = Option<String>, Query, description = "Before this date or date-time"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 200,
            description = "How many at most; 50 unless given"),
        ("cursor" = Option<String>, Query, description = "`nextCursor` of the page before"),
    ),
    responses((status = 200, description = "The events", body = AuditList)))]
pub(in crate::server) async fn list(
    HumanAdmin(principal): HumanAdmin,
    State(state): State<Shared>,
    QueryFields(mut fields): QueryFields,
) -> Result<Json<AuditList>, Problem> {
    let filter = filter(&mut fields);
    let limit = fields.limit();
    let after = fields.cursor(read_cursor);
    fields.finish()?;
    let page = state.audit.list(&principal, &filter, after, limit).await?;
    Ok(Json(AuditList {
        items: page.events.iter().map(to_wire::event).collect(),
        next_cursor: page.next.map(write_cursor),
    }))
}

#[cfg(test)]
mod tests {
    use openindex_domain::testing::fixtures;

    use super::*;

    #[test]
    fn a_cursor_can_be_read_back_and_nothing_else_is_one() {
        let subject = Subject::User(fixtures::user(1).id);
        let event = fixtures::audit(1, fixtures::NOW, AuditAction::SignedIn, subject);
        let cursor = AuditCursor {
            at: event.at,
            id: event.id,
        };
        assert_eq!(read_cursor(&write_cursor(cursor)), Some(cursor));
        for text in [
            "",
            "-",
            "1",
            "1-",
            "-1-evt_0",
            "x-evt_0199f3a1c6d07c35b2f0e8a4d1c7b9e2",
        ] {
            assert_eq!(read_cursor(text), None, "{text}");
        }
    }
}
