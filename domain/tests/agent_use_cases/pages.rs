use openindex_domain::admin_tokens::TokenFilter;
use openindex_domain::agent_run::RunFilter;
use openindex_domain::audit::AuditFilter;
use openindex_domain::token::{Expiry, ListFilter};
use openindex_domain::user::UserQuery;
use openindex_domain::work_item::WorkItemFilter;

use crate::world::{World, agent};

/// Returns the number of rows on the first page of every list.
async fn first_pages(world: &World, limit: u32) -> Vec<(&'static str, usize)> {
    let (all, by) = (&world.all, &world.person);
    let item = world.task("first").await;
    world.run("builder", Some(item.key)).await;
    world.run("builder", Some(item.key)).await;
    world.task("second").await;
    let token = world.pat("ci", Expiry::Never).await.token;
    let filter = TokenFilter {
        owner: Some(by.user_id()),
        ..TokenFilter::default()
    };
    let (any, log) = (RunFilter::ANY, AuditFilter::default());
    let (listed, work) = (ListFilter::default(), WorkItemFilter::default());
    let query = UserQuery::default();
    let tokens = all.tokens.list(by, &listed, None, limit);
    let runs = all.agent_runs.list(by, &any, None, limit);
    let items = all.work_items.list(by, &work, None, limit);
    let queue = all.work_items.queue(by, Some(agent("builder")), limit);
    let to_people = all.work_items.available_to_people(by, limit);
    let events = all.audit.list(by, &log, None, limit);
    let activity = all.audit.activity(by, &log, None, limit);
    let history = all.audit.history(by, item.key, limit);
    let own = all.audit.own_token_events(by, &token, limit);
    let users = all.users.list(by, None, limit);
    let found = all.users.search(by, &query, None, limit);
    let invites = all.invites.list(by, None, limit);
    let owned = all.admin_tokens.list(by, &filter, None, limit);
    let review = all.admin_tokens.review(by, &filter, None, limit);
    vec![
        ("tokens", tokens.await.expect("a page").tokens.count()),
        ("runs", runs.await.expect("a page").runs.count()),
        ("items", items.await.expect("a page").items.count()),
        (
            "queue",
            queue.await.expect("a page").available.items.count(),
        ),
        ("for people", to_people.await.expect("a page").items.count()),
        ("audit", events.await.expect("a page").events.count()),
        ("activity", activity.await.expect("a page").events.count()),
        ("history", history.await.expect("a page").len()),
        ("own token", own.await.expect("a page").count()),
        ("users", users.await.expect("a page").users.count()),
        ("search", found.await.expect("a page").users.count()),
        ("invites", invites.await.expect("a page").invites.count()),
        ("admin tokens", owned.await.expect("a page").tokens.count()),
        ("review", review.await.expect("a page").tokens.count()),
    ]
}

#[tokio::test]
async fn a_page_has_at_least_one_row_and_any_limit_is_accepted() {
    let world = World::new().await;
    for (list, rows) in first_pages(&world, 0).await {
        assert_eq!(rows, usize::from(list != "invites"), "{list}");
    }
    for (list, rows) in first_pages(&World::new().await, u32::MAX).await {
        let least = match list {
            "invites" => 0,
            "own token" | "users" | "search" | "review" => 1,
            _ => 2,
        };
        assert!(rows >= least, "{list}: {rows}");
    }
}
