use askama::Template;
use openindex_domain::agent_run::AgentId;
use openindex_domain::work_item::{QueueItems, WorkItem};

use crate::web::{Invalid, Names, Page, PageResult, Person, Query, html, paths};

use super::use_cases;
use super::view::{ItemView, users_of};

/// The maximum number of items in each section.
const SHOWN: u32 = 50;

#[derive(Template)]
#[template(path = "work/queue.html")]
struct QueuePage<'a> {
    page: Page,
    /// Shows the queue for agents instead of the one for people.
    is_for_agents: bool,
    agent: &'a str,
    errors: Invalid,
    mine: Section,
    /// The path of the list with all items of the section above.
    all_mine: String,
    next: Section,
}

struct Section {
    items: Vec<ItemView>,
    has_more: bool,
}

pub(in crate::web) async fn queue(person: Person) -> PageResult {
    let work = use_cases(&person)?;
    let principal = &person.principal;
    let mut ignored = Vec::new();
    let read = |text: &str| (text == "agents").then_some(());
    let is_for_agents = person.query.place("for", read, &mut ignored).is_some();
    let mut errors = Invalid::default();
    let agent = match person.query.get("agent") {
        text if is_for_agents => errors.optional("agent", "agent ID", text, AgentId::parse),
        _ => None,
    };
    let is_named = agent.is_some();
    let found = work.queue(principal, agent, SHOWN).await?;
    let (mine, next) = if is_for_agents {
        // Without an agent, only the available items are shown.
        let none = QueueItems {
            items: Vec::new().into(),
            more: false,
        };
        (if is_named { found.mine } else { none }, found.available)
    } else {
        let next = work.available_to_people(principal, SHOWN).await?;
        (found.mine, next)
    };
    let both = mine.items.iter().chain(next.items.iter());
    let names = Names::of(&person, both.flat_map(users_of).collect()).await?;
    let now = person.now();
    let chosen = person.query.only(&["agent"]);
    let me = principal.user_id();
    let view = |item: &WorkItem| ItemView::of(item, me, &names, now);
    let template = QueuePage {
        page: person
            .list_page("queue", &mine.items, ignored)
            .with_damaged(&next.items),
        is_for_agents,
        agent: chosen.get("agent"),
        all_mine: if is_for_agents {
            chosen.clone()
        } else {
            Query::default().with("assignee", "me")
        }
        .on(paths::WORK_ITEMS),
        errors,
        next: Section {
            // Items of the section above are not repeated.
            items: next
                .items
                .iter()
                .filter(|item| !mine.items.iter().any(|own| own.key == item.key))
                .map(view)
                .collect(),
            has_more: next.more,
        },
        mine: Section {
            items: mine.items.iter().map(view).collect(),
            has_more: mine.more,
        },
    };
    html(template.errors.status(), &template)
}
