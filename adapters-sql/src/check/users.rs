//! Whether users have the access that the audit log tells of.

use std::collections::HashMap;

use openindex_domain::audit::AuditAction;
use openindex_domain::user::{Role, UserAction, UserId};

use super::{Check, NO_EVENT, USER_REVIVED};
use crate::row::{Row as _, get};
use crate::{Database, Result, Statement};

/// How much the clocks of two servers may differ: of events that are closer together, the earlier one
/// may have the later time.
const MARGIN_MILLIS: i64 = 60 * 60 * 1_000;

/// The time in milliseconds since 1970, and the action.
type Event<'e> = (i64, &'e str);

/// Returns whether the action certainly happened after the last opposite one.
fn is_last(events: &[Event<'_>], action: AuditAction, opposite: AuditAction) -> bool {
    let newest = |action: AuditAction| {
        let of_action = events.iter().filter(|(_, it)| *it == action.as_str());
        of_action.map(|(at, _)| *at).max()
    };
    newest(action).is_some_and(|at| {
        newest(opposite).is_none_or(|opposite| opposite.saturating_add(MARGIN_MILLIS) < at)
    })
}

impl<D: Database> Check<'_, D> {
    /// Checks that the audit log has the event of each suspension and deletion of a user, and that
    /// no user has back what the newest events took away.
    pub(super) async fn suspensions(&mut self) -> Result<()> {
        const ACTIONS: [AuditAction; 5] = [
            UserAction::SUSPENDED,
            UserAction::UNSUSPENDED,
            UserAction::DELETED,
            UserAction::DEMOTED,
            UserAction::PROMOTED,
        ];
        let actions: Vec<String> = ACTIONS.iter().map(|it| it.as_str().to_owned()).collect();
        let mut after = None;
        loop {
            let columns = "u.id AS user_id, u.role, u.suspended_at, u.deleted_at";
            let page = self.page("u.id", columns, "users u", after).await?;
            let users = page.iter().map(|row| row.any_uuid("user_id"));
            let subjects: Vec<String> = users.map(|id| UserId::from_uuid(id).to_string()).collect();
            let statement = Statement::new(format!(
                "SELECT subject, action, at FROM audit_events WHERE {} AND {}",
                D::any_text("subject", "$1"),
                D::any_text("action", "$2")
            ));
            let statement = statement.bind(subjects).bind(actions.clone());
            let events = self.tx.rows(statement).await?;
            let mut history: HashMap<&str, Vec<Event<'_>>> = HashMap::new();
            for row in &events {
                let at = row.millis("at").ok().flatten().unwrap_or(i64::MIN);
                if let (Ok(subject), Ok(action)) = (get(row, "subject"), get(row, "action")) {
                    history.entry(subject).or_default().push((at, action));
                }
            }
            for row in &page {
                let user = UserId::from_uuid(row.any_uuid("user_id"));
                let events = history.get(&*user.to_string());
                self.compare(user, row, events.map_or(&[], Vec::as_slice));
            }
            let next = page.last().map(|row| row.any_uuid("user_id"));
            if next.is_none() || next <= after {
                break;
            }
            after = next;
        }
        Ok(())
    }

    /// Compares a user with the events about their access.
    fn compare(&mut self, user: UserId, row: &D::Row, events: &[Event<'_>]) {
        let is_set = |column| row.millis(column).is_ok_and(|at| at.is_some());
        let has = |action: AuditAction| events.iter().any(|(_, it)| *it == action.as_str());
        let is_admin = get::<&str>(row, "role").is_ok_and(|role| role == Role::Admin.as_str());
        let (is_deleted, is_suspended) = (is_set("deleted_at"), is_set("suspended_at"));
        let (what, advice) = if is_deleted && !has(UserAction::DELETED) {
            ("is deleted", NO_EVENT)
        } else if is_deleted {
            return;
        } else if has(UserAction::DELETED) {
            ("exists, but the audit log has their deletion", USER_REVIVED)
        } else if is_suspended && !has(UserAction::SUSPENDED) {
            ("is suspended", NO_EVENT)
        } else if !is_suspended && is_last(events, UserAction::SUSPENDED, UserAction::UNSUSPENDED) {
            (
                "is active, but the audit log has their suspension",
                USER_REVIVED,
            )
        } else if is_admin && is_last(events, UserAction::DEMOTED, UserAction::PROMOTED) {
            (
                "is an administrator, but the audit log has their demotion",
                USER_REVIVED,
            )
        } else {
            return;
        };
        self.checked.add(format!("user {user} {what}"), advice);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_opposite_events_is_known_unless_clocks_may_differ_by_their_distance() {
        let (taken, given) = (UserAction::SUSPENDED, UserAction::UNSUSPENDED);
        let [suspended, unsuspended] = [taken, given].map(AuditAction::as_str);
        for (events, expected) in [
            (vec![], false),
            (vec![(5, suspended)], true),
            (vec![(5, unsuspended)], false),
            (vec![(5, suspended), (6, unsuspended)], false),
            // Unsuspended on a server whose clock is behind.
            (
                vec![(6, unsuspended), (5 + MARGIN_MILLIS, suspended)],
                false,
            ),
            (vec![(6, unsuspended), (7 + MARGIN_MILLIS, suspended)], true),
            (vec![(7 + MARGIN_MILLIS, suspended), (6, unsuspended)], true),
        ] {
            assert_eq!(is_last(&events, taken, given), expected, "{events:?}");
        }
    }
}
