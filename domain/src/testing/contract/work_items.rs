//! Creating and finding work items.

use super::{
    InvalidActor, NOW, SECRET, WorkHarness, acting, actor, audit_log, invalidate_actor, put, seed,
};
use crate::access::{Actor, ActorError, Requirement};
use crate::agent_run::{AgentId, DomainKey, WorkItemKey};
use crate::audit::Subject;
use crate::clock::Timestamp;
use crate::entropy::Entropy;
use crate::form::{FormId, SentForm};
use crate::testing::{SeededEntropy, fixtures};
use crate::token::TokenId;
use crate::work_item::{
    ChangeWorkItem, ChangeWorkItemOutcome, Claim, CreateWorkItem, CreateWorkItemOutcome,
    Description, ExecutionTarget, Holder, ItemKind, ItemStatus, NewWorkItem, Placement, Priority,
    QueueSection, SearchTerms, Title, TopKind, Versions, WorkItem, WorkItemAction, WorkItemChange,
    WorkItemConflict, WorkItemCursor, WorkItemFilter, Worker,
};

pub(super) fn key(text: &str) -> WorkItemKey {
    text.parse().expect("a key")
}

pub(super) fn agent(number: u64) -> AgentId {
    AgentId::parse(&format!("agent-{number}")).expect("a well-formed id")
}

fn domain(text: &str) -> DomainKey {
    text.parse().expect("a key")
}

/// Returns the actor that uses the acting token, for changes that any token may make.
pub(super) fn worker() -> Actor {
    Actor {
        requirement: Requirement::ANY_TOKEN,
        ..actor()
    }
}

fn task(place: Placement) -> NewWorkItem {
    NewWorkItem {
        place,
        title: Title::parse("Fix it").expect("a title"),
        description: Description::default(),
        priority: Priority::Medium,
        target: ExecutionTarget::Either,
        assignee: None,
    }
}

fn in_domain(text: &str) -> Placement {
    Placement::Domain(domain(text), TopKind::Task)
}

/// Returns the creation of an item, with event `event`.
pub(super) fn creation(place: Placement, event: u64) -> CreateWorkItem {
    let creator = fixtures::user(1).id;
    CreateWorkItem {
        actor: worker(),
        creator,
        item: task(place),
        audit: fixtures::audit(event, NOW, WorkItemAction::CREATED, Subject::User(creator)),
    }
}

/// Returns a change of an item by user 1, with event `event`.
pub(super) fn change(text: &str, change: WorkItemChange, event: u64) -> ChangeWorkItem {
    let (key, action) = (key(text), WorkItemAction::UPDATED);
    ChangeWorkItem {
        actor: worker(),
        worker: Worker::Person(fixtures::user(1).id),
        key,
        expected: Versions::ANY,
        change,
        audit: fixtures::audit(event, NOW, action, Subject::WorkItem(key)),
    }
}

pub(super) async fn create(
    harness: &dyn WorkHarness,
    change: CreateWorkItem,
) -> CreateWorkItemOutcome {
    let outcome = harness.work_items().create_item(change).await;
    outcome.expect("the store works")
}

pub(super) async fn item(harness: &dyn WorkHarness, key: WorkItemKey) -> Option<WorkItem> {
    let found = harness.work_items().item(key, NOW).await;
    found.expect("the store works")
}

async fn created(harness: &dyn WorkHarness, place: Placement, event: u64) -> WorkItem {
    match create(harness, creation(place, event)).await {
        CreateWorkItemOutcome::Created(item) => item,
        other => panic!("{other:?}"),
    }
}

pub(super) async fn items(harness: &dyn WorkHarness, filter: &WorkItemFilter) -> Vec<WorkItem> {
    let found = harness.work_items().items(filter, NOW, None, 1_000).await;
    found.expect("the store works").into_iter().collect()
}

async fn queue(harness: &dyn WorkHarness, section: &QueueSection) -> Vec<WorkItem> {
    let found = harness.work_items().queue(section, NOW, 1_000).await;
    found.expect("the store works").into_iter().collect()
}

/// Every field of a created item, and of an inserted one, is returned unchanged.
pub async fn keeps_every_field(harness: &dyn WorkHarness) {
    seed(harness).await;
    let assignee = fixtures::user(2);
    harness.put_user(&assignee).await;
    let mut change = creation(Placement::Domain(domain("OPS"), TopKind::Project), 1);
    change.item.title = Title::from_stored(&format!("Größe % _ \\ '; -- {SECRET}"));
    change.item.description = Description::from_stored(&format!("# Why\r\n\tso 🦀\n{SECRET}"));
    change.item.priority = Priority::Urgent;
    change.item.target = ExecutionTarget::Agent;
    change.item.assignee = Some(assignee.id);
    let (mut event, new_item) = (change.audit.clone(), change.item.clone());
    let CreateWorkItemOutcome::Created(made) = create(harness, change).await else {
        panic!("it is made");
    };
    let expected = WorkItem {
        key: key("OPS-1"),
        kind: ItemKind::Project,
        title: new_item.title,
        description: new_item.description,
        priority: Priority::Urgent,
        target: ExecutionTarget::Agent,
        assignee: Some(assignee.id),
        ..fixtures::work_item(1)
    };
    assert_eq!(made, expected);
    assert_eq!(item(harness, made.key).await, Some(made.clone()));
    event.subject = Subject::WorkItem(made.key);
    assert_eq!(audit_log(harness).await, vec![event]);
    let full = WorkItem {
        key: key("ABCDEFGHIJ-2147483646.2147483646"),
        kind: ItemKind::SubTask,
        status: ItemStatus::Cancelled,
        claim: Some(Claim {
            holder: Holder::Agent(agent(1)),
            run: None,
            on_behalf: None,
            at: NOW.saturating_add_seconds(2),
        }),
        created_at: NOW.saturating_add_seconds(1),
        updated_at: NOW.saturating_add_seconds(2),
        resolved_at: Some(NOW.saturating_add_seconds(3)),
        version: 7,
        last_part: 9,
        ..made
    };
    harness.put_work_item(&full).await;
    assert_eq!(item(harness, full.key).await, Some(full));
    assert_eq!(item(harness, key("OPS-2")).await, None);
    assert_eq!(item(harness, key("OPS-1.1")).await, None);
}

/// Each domain and each parent has its own numbers.
pub async fn counts_within_the_domain_and_within_the_parent(harness: &dyn WorkHarness) {
    seed(harness).await;
    for (event, (place, expected)) in (1..).zip([
        (in_domain("OPS"), "OPS-1"),
        (in_domain("WEB"), "WEB-1"),
        (in_domain("OPS"), "OPS-2"),
        (Placement::PartOf(key("OPS-1")), "OPS-1.1"),
        (Placement::PartOf(key("OPS-2")), "OPS-2.1"),
        (Placement::PartOf(key("OPS-1")), "OPS-1.2"),
        (in_domain("OPS"), "OPS-3"),
    ]) {
        let made = created(harness, place, event).await;
        assert_eq!(made.key, key(expected));
        let is_part = made.key.part.is_some();
        assert_eq!(made.kind == ItemKind::SubTask, is_part);
    }
    let parent = item(harness, key("OPS-1")).await.expect("it is there");
    assert_eq!(parent.last_part, 2);
    assert_eq!(parent.version, 1, "that it has parts is no change of it");
}

/// The number of a deleted item is not reused.
pub async fn never_reuses_a_number(harness: &dyn WorkHarness) {
    seed(harness).await;
    for event in [1, 2] {
        let _ = created(harness, in_domain("OPS"), event).await;
    }
    let _ = created(harness, Placement::PartOf(key("OPS-1")), 3).await;
    for (event, text) in [(4, "OPS-2"), (5, "OPS-1.1")] {
        let change = change(text, WorkItemChange::Delete, event);
        let outcome = harness.work_items().change_item(change).await;
        let outcome = outcome.expect("the store works");
        assert_eq!(outcome, ChangeWorkItemOutcome::Deleted);
    }
    let next = created(harness, in_domain("OPS"), 6).await;
    assert_eq!(next.key, key("OPS-3"));
    let next = created(harness, Placement::PartOf(key("OPS-1")), 7).await;
    assert_eq!(next.key, key("OPS-1.2"));
}

/// A form creates one item, and a second change fails with its key; no number is lost.
pub async fn is_created_once_by_a_form(harness: &dyn WorkHarness) {
    seed(harness).await;
    let form = FormId::from_uuid(fixtures::token(1, NOW).id.uuid());
    let sent = |place, event, form| {
        let mut change = creation(place, event);
        let created = Subject::User(change.creator);
        change.actor.form = Some(SentForm { id: form, created });
        create(harness, change)
    };
    let made = |outcome| match outcome {
        CreateWorkItemOutcome::Created(item) => item,
        other => panic!("{other:?}"),
    };
    let first: WorkItem = made(sent(in_domain("OPS"), 1, form).await);
    let rejected = |key| {
        let used = ActorError::FormUsed(Subject::WorkItem(key));
        CreateWorkItemOutcome::NotAuthorized(used)
    };
    assert_eq!(sent(in_domain("OPS"), 2, form).await, rejected(first.key));
    let other = FormId::from_uuid(fixtures::token(2, NOW).id.uuid());
    let part = made(sent(Placement::PartOf(first.key), 3, other).await);
    assert_eq!(sent(in_domain("OPS"), 4, other).await, rejected(part.key));
    // No number was lost.
    let next = created(harness, in_domain("OPS"), 5).await;
    assert_eq!(next.key, key("OPS-2"));
}

/// With a missing parent, a parent that is a sub-task or resolved, a missing assignee or an invalid
/// credential, no item is created and no number is lost.
pub async fn rejects_invalid_items(harness: &dyn WorkHarness) {
    seed(harness).await;
    let mut suspended = fixtures::user(2);
    suspended.suspended_at = Some(NOW);
    harness.put_user(&suspended).await;
    let part = WorkItem {
        key: key("OPS-7.1"),
        kind: ItemKind::SubTask,
        ..fixtures::work_item(7)
    };
    let done = WorkItem {
        status: ItemStatus::Done,
        resolved_at: Some(NOW),
        ..fixtures::work_item(8)
    };
    for item in [&fixtures::work_item(7), &part, &done] {
        harness.put_work_item(item).await;
    }
    for (place, outcome) in [
        (
            Placement::PartOf(key("OPS-6")),
            CreateWorkItemOutcome::ParentNotFound,
        ),
        (
            Placement::PartOf(key("OPS-7.1")),
            CreateWorkItemOutcome::Conflict(WorkItemConflict::NestedSubTask),
        ),
        (
            Placement::PartOf(key("OPS-8")),
            CreateWorkItemOutcome::Conflict(WorkItemConflict::Resolved(ItemStatus::Done)),
        ),
    ] {
        assert_eq!(create(harness, creation(place, 1)).await, outcome);
    }
    for unknown in [suspended.id, fixtures::user(3).id] {
        let mut change = creation(in_domain("OPS"), 1);
        change.item.assignee = Some(unknown);
        assert_eq!(
            create(harness, change).await,
            CreateWorkItemOutcome::Conflict(WorkItemConflict::AssigneeNotFound)
        );
    }
    for how in InvalidActor::ALL {
        seed(harness).await;
        let mut change = creation(in_domain("OPS"), 1);
        // A demotion removes no permission that work items require.
        let requirement = match how {
            InvalidActor::Demoted => Requirement::HUMAN_ADMIN,
            _ => Requirement::ANY_TOKEN,
        };
        let invalid = invalidate_actor(harness, how).await;
        change.actor = Actor {
            requirement,
            ..invalid
        };
        assert_eq!(
            create(harness, change).await,
            CreateWorkItemOutcome::NotAuthorized(how.error()),
            "{how:?}"
        );
    }
    assert_eq!(audit_log(harness).await, vec![]);
    seed(harness).await;
    let next = created(harness, in_domain("OPS"), 1).await;
    assert_eq!(next.key, key("OPS-9"));
}

/// Inserts items that differ in every field that a filter can match.
async fn fill(harness: &dyn WorkHarness) -> Vec<WorkItem> {
    seed(harness).await;
    harness.put_user(&fixtures::user(2)).await;
    let run = fixtures::run(10, acting().id);
    put(harness, 10, &run).await;
    let claim = |run: Option<TokenId>| {
        Some(Claim {
            holder: Holder::Agent(agent(10)),
            run,
            on_behalf: None,
            at: NOW,
        })
    };
    let mut items: Vec<WorkItem> = (1..=8).map(fixtures::work_item).collect();
    items[0].status = ItemStatus::Done;
    items[0].resolved_at = Some(NOW);
    items[1].kind = ItemKind::Project;
    items[1].priority = Priority::Low;
    items[2].target = ExecutionTarget::Human;
    items[2].priority = Priority::Urgent;
    items[3].claim = claim(Some(run.id));
    items[3].status = ItemStatus::InProgress;
    items[3].priority = Priority::Urgent;
    items[4].claim = claim(None);
    items[4].assignee = Some(fixtures::user(2).id);
    items[5].assignee = Some(fixtures::user(2).id);
    items[5].target = ExecutionTarget::Agent;
    items[5].priority = Priority::High;
    items[6].key = key("OPS-2.3");
    items[6].kind = ItemKind::SubTask;
    items[6].title = Title::parse("100% ÄRGER_mit C:\\temp").expect("a title");
    items[7].key = key("WEB-1");
    items[7].status = ItemStatus::Cancelled;
    items[7].resolved_at = Some(NOW);
    items[7].description = Description::parse("See ops-2.3\nand Ärger").expect("a description");
    for (second, item) in (0..).zip(&mut items) {
        // Two items share each time, so that their keys decide the order.
        item.created_at = NOW.saturating_add_seconds(second / 2);
        harness.put_work_item(item).await;
    }
    items
}

fn keys(items: &[WorkItem]) -> Vec<String> {
    items.iter().map(|item| item.key.to_string()).collect()
}

/// The store returns what [`WorkItemFilter::matches`] and [`QueueSection::contains`] define.
pub async fn matches_what_the_filter_matches(harness: &dyn WorkHarness) {
    let all = fill(harness).await;
    let none = WorkItemFilter::default;
    let search = |text: &str| WorkItemFilter {
        search: SearchTerms::parse(text).expect("a search"),
        ..none()
    };
    let filters = [
        none(),
        WorkItemFilter {
            domain: Some(domain("OPS")),
            ..none()
        },
        WorkItemFilter {
            kind: Some(ItemKind::Project),
            ..none()
        },
        WorkItemFilter {
            statuses: vec![ItemStatus::Todo],
            ..none()
        },
        WorkItemFilter {
            statuses: vec![ItemStatus::Done, ItemStatus::Cancelled],
            ..none()
        },
        WorkItemFilter {
            priority: Some(Priority::Urgent),
            ..none()
        },
        WorkItemFilter {
            target: Some(ExecutionTarget::Agent),
            ..none()
        },
        WorkItemFilter {
            assignee: Some(fixtures::user(2).id),
            ..none()
        },
        WorkItemFilter {
            agent: Some(agent(10)),
            ..none()
        },
        WorkItemFilter {
            run: Some(fixtures::run(10, acting().id).id),
            ..none()
        },
        WorkItemFilter {
            parent: Some(key("OPS-2")),
            ..none()
        },
        WorkItemFilter {
            domain: Some(domain("OPS")),
            statuses: vec![ItemStatus::Todo, ItemStatus::InProgress],
            assignee: Some(fixtures::user(2).id),
            target: Some(ExecutionTarget::Agent),
            ..none()
        },
        search("item"),
        search("2.3 ärger"),
    ];
    for filter in filters {
        let mut expected: Vec<WorkItem> = all
            .iter()
            .filter(|item| filter.matches(item))
            .cloned()
            .collect();
        expected.sort_by_key(|item| std::cmp::Reverse(WorkItemCursor::of(item)));
        assert!(!expected.is_empty(), "{filter:?} matches something");
        assert_eq!(items(harness, &filter).await, expected, "{filter:?}");
    }
    let mine = [
        QueueSection::Available,
        QueueSection::AvailableToPeople,
        QueueSection::OfAgent(agent(10)),
        QueueSection::OfRun(fixtures::run(10, acting().id).id),
        QueueSection::OfPerson(fixtures::user(2).id),
    ];
    for section in mine {
        let mut expected: Vec<String> = keys(
            &all.iter()
                .filter(|item| section.contains(item))
                .cloned()
                .collect::<Vec<_>>(),
        );
        assert!(!expected.is_empty(), "{section:?} matches something");
        let mut found = keys(&queue(harness, &section).await);
        expected.sort();
        found.sort();
        assert_eq!(found, expected, "{section:?}");
    }
}

/// Pages of any length add up to the whole list, newest first, then descending keys.
pub async fn pages_newest_first(harness: &dyn WorkHarness) {
    fill(harness).await;
    let all = items(harness, &WorkItemFilter::default()).await;
    assert_eq!(
        keys(&all),
        [
            "WEB-1", "OPS-2.3", "OPS-6", "OPS-5", "OPS-4", "OPS-3", "OPS-2", "OPS-1"
        ]
    );
    for limit in 1..=9 {
        let (mut paged, mut after) = (Vec::new(), None);
        loop {
            let filter = WorkItemFilter::default();
            let page = harness.work_items().items(&filter, NOW, after, limit).await;
            let page = page.expect("the store works");
            let Some(last) = page.last() else {
                break;
            };
            assert!(page.len() <= limit as usize);
            after = Some(WorkItemCursor::of(last));
            paged.extend(page);
        }
        assert_eq!(paged, all, "{limit}");
    }
}

/// A search matches its words literally, ignoring case.
pub async fn searches_in_any_case_and_without_wildcards(harness: &dyn WorkHarness) {
    fill(harness).await;
    for (text, expected) in [
        ("ÄRGER", vec!["WEB-1", "OPS-2.3"]),
        ("ärger 100%", vec!["OPS-2.3"]),
        ("OPS-2.3", vec!["WEB-1", "OPS-2.3"]),
        ("c:\\temp", vec!["OPS-2.3"]),
        ("1%0", vec![]),
        ("_rger", vec![]),
        ("'", vec![]),
        ("item_1", vec![]),
        ("item ops-3", vec!["OPS-3"]),
        ("item -3", vec!["OPS-3"]),
        ("item OPS-3 %", vec![]),
        ("\"item\"", vec![]),
        ("item*", vec![]),
        ("item OR ops", vec![]),
        ("{search_text}", vec![]),
    ] {
        let filter = WorkItemFilter {
            search: SearchTerms::parse(text).expect("a search"),
            ..WorkItemFilter::default()
        };
        assert_eq!(keys(&items(harness, &filter).await), expected, "{text}");
    }
}

/// A search finds exactly the items whose text contains each of its words, whatever the characters
/// and however short the words, also after the text has changed.
pub async fn searches_find_every_part_of_a_text(harness: &dyn WorkHarness) {
    const LETTERS: [char; 24] = [
        'a', 'b', 'A', 'ä', 'Ä', 'ß', 'é', 'e', '\u{301}', 'Σ', 'ς', 'İ', '日', '本', '🦀', '"',
        '\'', '*', '%', '_', '\\', ':', '-', ' ',
    ];
    seed(harness).await;
    let random = SeededEntropy::new(11);
    let next = |below: usize| {
        let mut bytes = [0; 4];
        random.fill(&mut bytes).expect("random bytes");
        u32::from_le_bytes(bytes) as usize % below
    };
    let mut items = Vec::new();
    for version in 1..=2 {
        for number in 1..=20 {
            let text: String = (0..next(12))
                .map(|_| LETTERS[next(LETTERS.len())])
                .collect();
            let mut item = fixtures::work_item(number);
            item.version = version;
            item.created_at = NOW.saturating_add_seconds(number.into());
            item.title = Title::parse(&format!("{number}{text}")).expect("a title");
            let text: String = (0..next(40))
                .map(|_| LETTERS[next(LETTERS.len())])
                .collect();
            item.description = Description::parse(&text).expect("a description");
            harness.put_work_item(&item).await;
            items.retain(|other: &WorkItem| other.key != item.key);
            items.insert(0, item);
        }
        let part = || -> String {
            // Parts of what is there, and others.
            let text: Vec<char> = items[next(items.len())].search_text().chars().collect();
            let letters = if next(4) == 0 { &LETTERS[..] } else { &text };
            let from = next(letters.len());
            letters[from..].iter().take(1 + next(6)).collect()
        };
        let searches: Vec<String> = (0..300)
            .map(|number| match number % 3 {
                0 => format!("{} {}", part(), part()),
                _ => part(),
            })
            .collect();
        let mut found = 0;
        for search in searches {
            let filter = WorkItemFilter {
                search: SearchTerms::parse(&search).expect("a search"),
                ..WorkItemFilter::default()
            };
            let expected: Vec<WorkItem> = items
                .iter()
                .filter(|item| filter.matches(item))
                .cloned()
                .collect();
            let stored = self::items(harness, &filter).await;
            assert_eq!(keys(&stored), keys(&expected), "{search:?}");
            found += usize::from(expected.len() == 1);
        }
        assert!(found > 50, "most searches find something: {found}");
    }
}

/// The most urgent first, then the oldest, then the lesser key.
pub async fn orders_the_queue_by_urgency_and_age(harness: &dyn WorkHarness) {
    let mut all = fill(harness).await;
    for item in &mut all {
        item.status = ItemStatus::Todo;
        item.resolved_at = None;
        item.target = ExecutionTarget::Either;
        item.claim = None;
        harness.put_work_item(item).await;
    }
    let expected = [
        "OPS-3", "OPS-4", "OPS-6", "OPS-1", "OPS-5", "OPS-2.3", "WEB-1", "OPS-2",
    ];
    assert_eq!(
        keys(&queue(harness, &QueueSection::Available).await),
        expected
    );
    let first = harness
        .work_items()
        .queue(&QueueSection::Available, NOW, 3)
        .await;
    assert_eq!(keys(&first.expect("the store works")), expected[..3]);
}

/// A claim made in a run is omitted from the moment the run ends, for any reason; one made without
/// a run stays.
pub async fn omits_a_claim_whose_run_has_ended(harness: &dyn WorkHarness) {
    seed(harness).await;
    let over: Timestamp = NOW.saturating_add_seconds(60);
    let mut run = fixtures::run(10, acting().id);
    run.expires_at = Some(over);
    put(harness, 10, &run).await;
    for (number, run) in [
        (1, Some(run.id)),
        (2, None),
        (3, Some(fixtures::run(11, acting().id).id)),
    ] {
        let item = WorkItem {
            status: ItemStatus::InProgress,
            claim: Some(Claim {
                holder: Holder::Agent(agent(10)),
                run,
                on_behalf: None,
                at: NOW,
            }),
            ..fixtures::work_item(number)
        };
        harness.put_work_item(&item).await;
    }
    let seen = |at: Timestamp| async move {
        let store = harness.work_items();
        let available = store.queue(&QueueSection::Available, at, 10).await;
        let mine = store.queue(&QueueSection::OfAgent(agent(10)), at, 10).await;
        let filter = WorkItemFilter {
            agent: Some(agent(10)),
            ..WorkItemFilter::default()
        };
        let filtered = store.items(&filter, at, None, 10).await;
        let one = store.item(key("OPS-1"), at).await.expect("the store works");
        (
            keys(&available.expect("the store works")),
            keys(&mine.expect("the store works")),
            keys(&filtered.expect("the store works")),
            one.expect("it is there").claim.is_some(),
        )
    };
    let texts = |keys: &[&str]| keys.iter().map(ToString::to_string).collect::<Vec<_>>();
    // The run that claimed OPS-3 was purged.
    let held = (
        texts(&["OPS-3"]),
        texts(&["OPS-1", "OPS-2"]),
        texts(&["OPS-2", "OPS-1"]),
        true,
    );
    let lapsed = (
        texts(&["OPS-1", "OPS-3"]),
        texts(&["OPS-2"]),
        texts(&["OPS-2"]),
        false,
    );
    assert_eq!(seen(over.saturating_add_millis(-1)).await, held);
    assert_eq!(seen(over).await, lapsed);
    run.revoked_at = Some(NOW);
    put(harness, 10, &run).await;
    assert_eq!(seen(NOW).await, lapsed);
}
