use serde::Serialize;
use serde_json::Value;
use url::form_urlencoded::Serializer;

/// Adds the parameters that `query` serializes to; absent fields are omitted.
pub(super) fn with_query(mut path: String, query: &impl Serialize) -> String {
    // Parameter types are structs of text, numbers and booleans.
    let Ok(Value::Object(parameters)) = serde_json::to_value(query) else {
        return path;
    };
    let mut pairs = Serializer::new(String::new());
    for (name, value) in &parameters {
        match value {
            Value::String(text) => pairs.append_pair(name, text),
            other => pairs.append_pair(name, &other.to_string()),
        };
    }
    let pairs = pairs.finish();
    if !pairs.is_empty() {
        path.push(if path.contains('?') { '&' } else { '?' });
        path.push_str(&pairs);
    }
    path
}

#[cfg(test)]
mod tests {
    use openindex_domain::token::{Scope, Status, TokenAction};
    use openindex_domain::work_item::{ExecutionTarget, ItemKind, ItemStatus, Priority};

    use crate::wire::{
        AuditQuery, PageQuery, PatFilter, QueueQuery, SearchText, UserRef, WorkItemQuery,
    };

    use super::*;

    fn path(path: &str, query: &impl Serialize, page: &impl Serialize) -> String {
        with_query(with_query(path.to_owned(), query), page)
    }

    #[test]
    fn only_set_fields_are_in_the_query() {
        let filter = PatFilter::default();
        assert_eq!(
            path("/admin/pats", &filter, &PageQuery::default()),
            "/admin/pats"
        );
        let filter = PatFilter {
            user: "usr_0199f3a1c6d07c35b2f0e8a4d1c7b9e2".parse().ok(),
            scope: Some(Scope::Admin),
            status: Some(Status::Live),
            unused_since: None,
            expiring_before: None,
        };
        let page = PageQuery {
            limit: Some(7),
            cursor: Some("a&b".to_owned()),
        };
        assert_eq!(
            path("/admin/pats", &filter, &page),
            "/admin/pats?scope=admin&status=live&user=usr_0199f3a1c6d07c35b2f0e8a4d1c7b9e2\
             &cursor=a%26b&limit=7"
        );
        assert_eq!(
            path("/browse/queue", &QueueQuery::default(), &()),
            "/browse/queue"
        );
    }

    #[test]
    fn the_audit_log_is_filtered_by_actor_action_and_time() {
        let filter = AuditQuery {
            actor: "usr_0199f3a1c6d07c35b2f0e8a4d1c7b9e2".parse().ok(),
            action: Some(TokenAction::CREATED),
            subject: "pat_0199f3a1c6d07c35b2f0e8a4d1c7b9e2".parse().ok(),
            since: Some(openindex_domain::testing::fixtures::NOW),
            until: None,
        };
        assert_eq!(
            path("/audit", &filter, &()),
            "/audit?action=token.created&actor=usr_0199f3a1c6d07c35b2f0e8a4d1c7b9e2\
             &since=2026-11-24T06%3A00%3A00.000Z&subject=pat_0199f3a1c6d07c35b2f0e8a4d1c7b9e2"
        );
    }

    #[test]
    fn work_items_are_filtered_by_every_set_field() {
        let filter = WorkItemQuery {
            domain: "OPS".parse().ok(),
            kind: Some(ItemKind::SubTask),
            statuses: vec![ItemStatus::Todo, ItemStatus::InProgress],
            priority: Some(Priority::High),
            execution_target: Some(ExecutionTarget::Either),
            assignee: Some(UserRef::Me),
            agent_id: "team/ci".parse().ok(),
            parent: "OPS-42".parse().ok(),
            search: SearchText::parse("a&b c").ok(),
        };
        assert_eq!(
            path("/browse", &filter, &()),
            "/browse?agentId=team%2Fci&assignee=me&domain=OPS&executionTarget=either\
             &kind=sub_task&parent=OPS-42&priority=high&q=a%26b+c&status=todo%2Cin_progress"
        );
    }
}
