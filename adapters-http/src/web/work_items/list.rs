use std::str::FromStr as _;

use askama::Template;
use openindex_domain::agent_run::AgentId;
use openindex_domain::user::UserId;
use openindex_domain::work_item::{
    DomainKey, ExecutionTarget, ItemKind, ItemStatus, Priority, SearchTerms, WorkItemFilter,
    WorkItemKey, WorkItemPage,
};

use crate::web::{
    CHOOSE, Choice, Invalid, Names, Page, PageResult, Paging, Person, Query, html, paths,
};

use super::use_cases;
use super::view::{ItemView, kind, priority, status, target, users_of};

/// Items per page.
const PAGE: u32 = 50;
const FIELDS: [&str; 9] = [
    "q", "status", "assignee", "priority", "kind", "target", "domain", "agent", "parent",
];
const OPEN: [ItemStatus; 2] = [ItemStatus::Todo, ItemStatus::InProgress];

#[derive(Template)]
#[template(path = "work/list.html")]
struct ListPage {
    page: Page,
    items: Vec<ItemView>,
    chosen: Query,
    selects: Vec<Select>,
    is_filtered: bool,
    errors: Invalid,
    paging: Paging,
}

/// A select of the filter.
struct Select {
    name: &'static str,
    label: &'static str,
    options: Vec<Choice>,
}

pub(in crate::web) async fn list(person: Person) -> PageResult {
    let work = use_cases(&person)?;
    let principal = &person.principal;
    let me = principal.user_id();
    let chosen = person.query.only(&FIELDS);
    let mut ignored = Vec::new();
    let after = person.query.cursor("after", &mut ignored);
    let mut errors = Invalid::default();
    let filter = parse(&person.query, me, &mut errors);
    let found = if errors.is_empty() {
        work.list(principal, &filter, after, PAGE).await?
    } else {
        WorkItemPage::default()
    };
    let items = found.items;
    let assignee = filter.assignee;
    let met = items.iter().flat_map(users_of).chain(assignee).collect();
    let names = Names::of(&person, met).await?;
    let now = person.now();
    let template = ListPage {
        page: person.list_page("work", &items, ignored),
        items: items
            .iter()
            .map(|item| ItemView::of(item, me, &names, now))
            .collect(),
        selects: selects(
            &person.query,
            assignees(person.query.get("assignee"), assignee, me, &names),
        ),
        is_filtered: !chosen.is_empty(),
        errors,
        paging: Paging::of(
            &person.query,
            paths::WORK_ITEMS,
            &chosen,
            found.next.map(|cursor| cursor.to_string()),
        ),
        chosen,
    };
    html(template.errors.status(), &template)
}

/// Parses the filter, with the error of each invalid field.
fn parse(query: &Query, me: UserId, errors: &mut Invalid) -> WorkItemFilter {
    let get = |name| query.get(name);
    WorkItemFilter {
        search: errors
            .optional("q", "search", get("q"), SearchTerms::parse)
            .unwrap_or_default(),
        statuses: match get("status") {
            "" => OPEN.to_vec(),
            "all" => Vec::new(),
            text => Vec::from_iter(errors.check("status", text.parse(), |_| CHOOSE)),
        },
        assignee: match get("assignee") {
            "me" => Some(me),
            id => errors.choice("assignee", id, |id| id.parse().ok()),
        },
        priority: errors.choice("priority", get("priority"), |text| text.parse().ok()),
        kind: errors.choice("kind", get("kind"), |text| text.parse().ok()),
        target: errors.choice("target", get("target"), |text| text.parse().ok()),
        domain: errors.optional("domain", "domain", get("domain"), DomainKey::parse),
        agent: errors.optional("agent", "agent ID", get("agent"), AgentId::parse),
        parent: errors.optional("parent", "work item", get("parent"), WorkItemKey::from_str),
        run: None,
    }
}

fn selects(query: &Query, assignees: Vec<Choice>) -> Vec<Select> {
    let selected = query.get("status");
    let mut statuses = vec![Choice::new("", "Open", selected)];
    statuses.extend(Choice::of_all(ItemStatus::ALL, status, selected));
    statuses.push(Choice::new("all", "All", selected));
    let any = |name, others: fn(&str) -> Vec<Choice>| {
        let selected = query.get(name);
        let any = Choice::new("", "Any", selected);
        std::iter::once(any).chain(others(selected)).collect()
    };
    let priorities = |selected: &str| Choice::of_all(Priority::ALL, priority, selected);
    let kinds = |selected: &str| Choice::of_all(ItemKind::ALL, kind, selected);
    let targets = |selected: &str| Choice::of_all(ExecutionTarget::ALL, target, selected);
    [
        ("status", "Status", statuses),
        ("assignee", "Assignee", assignees),
        ("priority", "Priority", any("priority", priorities)),
        ("kind", "Kind", any("kind", kinds)),
        ("target", "Who can claim it", any("target", targets)),
    ]
    .map(|(name, label, options)| Select {
        name,
        label,
        options,
    })
    .into()
}

/// Returns the choices for the assignee: anyone, the user, and the user named by a link.
fn assignees(selected: &str, other: Option<UserId>, me: UserId, names: &Names) -> Vec<Choice> {
    // Links name the signed-in user by ID.
    let selected = if other == Some(me) { "me" } else { selected };
    let mut all = vec![
        Choice::new("", "Anyone", selected),
        Choice::new("me", "You", selected),
    ];
    if let Some(user) = other.filter(|user| *user != me) {
        all.push(Choice::new(
            &user.to_string(),
            names.get(user).as_str(),
            selected,
        ));
    }
    all
}
