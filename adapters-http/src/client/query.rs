use openindex_domain::audit::{AuditAction, Subject};
use openindex_domain::token::Scope;
use openindex_domain::user::UserId;
use openindex_domain::work::{
    AgentId, DomainKey, ExecutionTarget, ItemKind, ItemStatus, Priority, WorkItemKey,
};
use url::form_urlencoded::Serializer;

use crate::wire::{RevokePats, Status, WireScope};

/// Which page of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PageQuery {
    /// How many items at most, from 1 to 200; 50 when absent.
    pub limit: Option<u32>,
    /// The page before's `next_cursor`; absent for the first page.
    pub cursor: Option<String>,
}

/// Which of everybody's tokens: those that all of the given filters want.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PatFilter {
    /// Of this user.
    pub user: Option<UserId>,
    /// With this scope.
    pub scope: Option<WireScope>,
    /// Where they stand; without it, live and expired ones.
    pub status: Option<Status>,
    /// Not used since this date or date-time; one that was never used counts from its creation.
    pub unused_since: Option<String>,
    /// Ending by themselves before this date or date-time.
    pub expiring_before: Option<String>,
}

/// Which events of the audit trail: those that all of the given filters want.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditQuery {
    /// By this user.
    pub actor: Option<UserId>,
    /// Of this kind.
    pub action: Option<AuditAction>,
    /// About this.
    pub subject: Option<Subject>,
    /// At this date or date-time, or later.
    pub since: Option<String>,
    /// Before this date or date-time.
    pub until: Option<String>,
}

/// Which work items: those that all of the given filters want.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WorkItemQuery {
    /// Of this part of the work.
    pub domain: Option<DomainKey>,
    /// Of this kind.
    pub kind: Option<ItemKind>,
    /// In one of these states; empty is any.
    pub statuses: Vec<ItemStatus>,
    /// With this priority.
    pub priority: Option<Priority>,
    /// With this target.
    pub execution_target: Option<ExecutionTarget>,
    /// Assigned to this user.
    pub assignee: Option<UserId>,
    /// That this agent works at.
    pub agent: Option<AgentId>,
    /// Parts of this item.
    pub parent: Option<WorkItemKey>,
    /// In whose key, title and description all of these words occur.
    pub search: Option<String>,
}

/// How the audit trail is exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportFormat {
    /// One JSON array of events.
    Json,
    /// A header and a line for each event.
    Csv,
}

impl ExportFormat {
    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Csv => "csv",
        }
    }
}

impl PatFilter {
    /// Whether it wants every token.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The request to revoke what it wants.
    #[must_use]
    pub fn revocation(&self, dry_run: bool) -> RevokePats {
        RevokePats {
            user: self.user.map(|user| user.to_string()),
            scope: self.scope,
            status: self.status,
            unused_since: self.unused_since.clone(),
            expiring_before: self.expiring_before.clone(),
            dry_run,
        }
    }
}

/// A path with a query of what is given.
pub(super) struct PathQuery {
    path: &'static str,
    query: Serializer<'static, String>,
    empty: bool,
}

impl PathQuery {
    pub(super) fn new(path: &'static str) -> Self {
        Self {
            path,
            query: Serializer::new(String::new()),
            empty: true,
        }
    }

    pub(super) fn set(mut self, name: &str, value: Option<&str>) -> Self {
        if let Some(value) = value {
            self.query.append_pair(name, value);
            self.empty = false;
        }
        self
    }

    pub(super) fn page(self, page: &PageQuery) -> Self {
        let limit = page.limit.map(|limit| limit.to_string());
        self.set("limit", limit.as_deref())
            .set("cursor", page.cursor.as_deref())
    }

    pub(super) fn pats(self, filter: &PatFilter) -> Self {
        let user = filter.user.map(|user| user.to_string());
        let status = filter.status.map(|status| match status {
            Status::Live => "live",
            Status::Expired => "expired",
            Status::Revoked => "revoked",
        });
        let scope = filter.scope.map(Scope::from);
        self.set("user", user.as_deref())
            .set("scope", scope.map(Scope::as_str))
            .set("status", status)
            .set("unusedSince", filter.unused_since.as_deref())
            .set("expiringBefore", filter.expiring_before.as_deref())
    }

    pub(super) fn audit(self, filter: &AuditQuery) -> Self {
        let actor = filter.actor.map(|actor| actor.to_string());
        let subject = filter.subject.map(|subject| subject.to_string());
        self.set("actor", actor.as_deref())
            .set("action", filter.action.map(AuditAction::as_str))
            .set("subject", subject.as_deref())
            .set("since", filter.since.as_deref())
            .set("until", filter.until.as_deref())
    }

    pub(super) fn work_items(self, filter: &WorkItemQuery) -> Self {
        let domain = filter.domain.map(|domain| domain.to_string());
        let assignee = filter.assignee.map(|user| user.to_string());
        let parent = filter.parent.map(|parent| parent.to_string());
        let statuses: Vec<&str> = filter
            .statuses
            .iter()
            .map(|status| status.as_str())
            .collect();
        let statuses = (!statuses.is_empty()).then(|| statuses.join(","));
        self.set("domain", domain.as_deref())
            .set("kind", filter.kind.map(ItemKind::as_str))
            .set("status", statuses.as_deref())
            .set("priority", filter.priority.map(Priority::as_str))
            .set(
                "executionTarget",
                filter.execution_target.map(ExecutionTarget::as_str),
            )
            .set("assignee", assignee.as_deref())
            .set("agentId", filter.agent.as_ref().map(AgentId::as_str))
            .set("parent", parent.as_deref())
            .set("q", filter.search.as_deref())
    }

    pub(super) fn finish(mut self) -> String {
        if self.empty {
            self.path.to_owned()
        } else {
            format!("{}?{}", self.path, self.query.finish())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_given_stands_in_the_query() {
        let path = PathQuery::new("/admin/pats");
        let path = path.pats(&PatFilter::default()).page(&PageQuery::default());
        assert_eq!(path.finish(), "/admin/pats");
        let filter = PatFilter {
            user: "usr_0199f3a1c6d07c35b2f0e8a4d1c7b9e2".parse().ok(),
            scope: Some(WireScope::Admin),
            status: Some(Status::Live),
            unused_since: Some("2026-01-01T00:00:00+01:00".to_owned()),
            expiring_before: Some("2026-12-31".to_owned()),
        };
        let page = PageQuery {
            limit: Some(7),
            cursor: Some("a&b".to_owned()),
        };
        let path = PathQuery::new("/admin/pats").pats(&filter).page(&page);
        assert_eq!(
            path.finish(),
            "/admin/pats?user=usr_0199f3a1c6d07c35b2f0e8a4d1c7b9e2&scope=admin&status=live\
             &unusedSince=2026-01-01T00%3A00%3A00%2B01%3A00&expiringBefore=2026-12-31\
             &limit=7&cursor=a%26b"
        );
    }

    #[test]
    fn the_trail_is_filtered_by_who_what_and_when() {
        let filter = AuditQuery {
            actor: "usr_0199f3a1c6d07c35b2f0e8a4d1c7b9e2".parse().ok(),
            action: Some(AuditAction::TokenIssued),
            subject: "pat_0199f3a1c6d07c35b2f0e8a4d1c7b9e2".parse().ok(),
            since: Some("2026-01-01".to_owned()),
            until: None,
        };
        assert_eq!(
            PathQuery::new("/audit").audit(&filter).finish(),
            "/audit?actor=usr_0199f3a1c6d07c35b2f0e8a4d1c7b9e2&action=token.issued\
             &subject=pat_0199f3a1c6d07c35b2f0e8a4d1c7b9e2&since=2026-01-01"
        );
    }

    #[test]
    fn work_items_are_filtered_by_all_that_is_given() {
        let path = PathQuery::new("/browse").work_items(&WorkItemQuery::default());
        assert_eq!(path.finish(), "/browse");
        let filter = WorkItemQuery {
            domain: "OPS".parse().ok(),
            kind: Some(ItemKind::SubTask),
            statuses: vec![ItemStatus::Todo, ItemStatus::InProgress],
            priority: Some(Priority::High),
            execution_target: Some(ExecutionTarget::Either),
            assignee: "usr_0199f3a1c6d07c35b2f0e8a4d1c7b9e2".parse().ok(),
            agent: "team/ci".parse().ok(),
            parent: "OPS-42".parse().ok(),
            search: Some("a&b c".to_owned()),
        };
        assert_eq!(
            PathQuery::new("/browse").work_items(&filter).finish(),
            "/browse?domain=OPS&kind=sub_task&status=todo%2Cin_progress&priority=high\
             &executionTarget=either&assignee=usr_0199f3a1c6d07c35b2f0e8a4d1c7b9e2\
             &agentId=team%2Fci&parent=OPS-42&q=a%26b+c"
        );
    }
}
