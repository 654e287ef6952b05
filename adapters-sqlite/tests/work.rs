//! What a change of work items leaves unchanged.

mod support;

use openindex_adapters_sqlite::SqliteOptions;
use openindex_domain::audit::Subject;
use openindex_domain::testing::{WorkHarness, fixtures};
use openindex_domain::work_item::{
    CreateWorkItem, CreateWorkItemOutcome, Description, ExecutionTarget, NewWorkItem, Placement,
    Priority, Title, WorkItemAction, WorkItemStore,
};
use support::{creation, seeded};

#[tokio::test]
async fn a_new_part_changes_only_the_last_part_number_of_its_parent() {
    let sqlite = seeded(SqliteOptions::default()).await;
    let parent = fixtures::work_item(1);
    sqlite.put_work_item(&parent).await;
    // The trigger fails an update of any other column.
    sqlite
        .execute(
            "CREATE TRIGGER one_column BEFORE UPDATE OF domain, number, part, kind, status, \
             priority, target, assignee_id, claim_agent, claim_user_id, claim_run_id, claimed_at, \
             created_by, created_at, updated_at, resolved_at, version, title, description, \
             search_text ON work_items BEGIN SELECT raise(ABORT, 'another column'); END",
        )
        .await;
    let (creator, action) = (fixtures::user(1).id, WorkItemAction::CREATED);
    let change = CreateWorkItem {
        actor: creation(1).actor,
        creator,
        item: NewWorkItem {
            place: Placement::PartOf(parent.key),
            title: Title::parse("a part").expect("a title"),
            description: Description::default(),
            priority: Priority::Low,
            target: ExecutionTarget::Either,
            assignee: None,
        },
        audit: fixtures::audit(1, fixtures::NOW, action, Subject::User(creator)),
    };
    let created = sqlite.store.create_item(change).await;
    let created = created.expect("the store works");
    assert!(
        matches!(created, CreateWorkItemOutcome::Created(_)),
        "{created:?}"
    );
    let found = sqlite.store.item(parent.key, fixtures::NOW).await;
    let found = found.expect("the store works").expect("the parent");
    assert_eq!(found.last_part, parent.last_part + 1);
}
