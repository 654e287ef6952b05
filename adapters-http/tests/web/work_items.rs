//! Work items and the queue.

use http::StatusCode;
use openindex_domain::testing::{InMemory, fixtures};
use openindex_domain::token::Scope;
use openindex_domain::work_item::{
    Priority, Title, Versions, WorkItem, WorkItemChange, WorkItemEdit,
};

use crate::support::{ADMIN, CONTEXT, HTTPS, MEMBER, OTHER, Page, Site, put_user, state};

const NEW: &str = "domain=ops&kind=task&priority=medium&target=either&assignee=";

async fn read(site: &Site, key: &str) -> WorkItem {
    let person = site.principal(ADMIN).await;
    let item = site
        .domain
        .work_items
        .get(&person, key.parse().expect("a key"))
        .await;
    item.expect("it is there")
}

/// Changes an item as another user.
async fn change(site: &Site, user: u64, key: &str, change: WorkItemChange) {
    let person = site.principal(user).await;
    let key = key.parse().expect("a key");
    let work = &site.domain.work_items;
    let changed = work.change(&person, None, key, Versions::ANY, change, CONTEXT);
    changed.await.expect("changed");
}

fn titled(text: &str) -> WorkItemChange {
    WorkItemChange::Edit(WorkItemEdit {
        title: Title::parse(text).ok(),
        priority: Some(Priority::Urgent),
        ..WorkItemEdit::default()
    })
}

fn rows(page: &Page) -> usize {
    page.text.matches("<tr role").count().saturating_sub(1)
}

#[tokio::test]
async fn a_user_creates_finds_claims_releases_and_completes_an_item() {
    let site = Site::new().await;
    let cookie = site.sign_in(MEMBER).await;
    site.get("/work", &cookie).await.shows("No open work items");
    site.get("/work/queue", &cookie)
        .await
        .shows("The queue is empty");
    let created = site
        .post("/work/new", &cookie, &format!("{NEW}&title=Fix+the+gate"))
        .await;
    assert_eq!(created.to(), "/work/OPS-1");
    let page = site.follow(&created, &cookie).await;
    page.shows("<bdi class=\"strong\">OPS-1</bdi> was created.");
    page.shows("Fix the gate");
    site.get("/work?q=GATE", &cookie)
        .await
        .shows("Fix the gate");
    site.get("/work/queue", &cookie).await.shows("Claim<span");
    let claimed = site.post("/work/OPS-1/claim", &cookie, "").await;
    let page = site.follow(&claimed, &cookie).await;
    page.shows("Release");
    let queue = site.get("/work/queue", &cookie).await;
    queue.shows("Complete<span");
    queue.shows("The queue is empty");
    let version = read(&site, "OPS-1").await.version;
    let released = site
        .post(
            "/work/OPS-1/release",
            &cookie,
            &format!("version={version}"),
        )
        .await;
    assert_eq!(released.to(), "/work/OPS-1");
    assert_eq!(read(&site, "OPS-1").await.claim, None);
    let version = read(&site, "OPS-1").await.version;
    let done = site
        .post(
            "/work/OPS-1/complete",
            &cookie,
            &format!("version={version}"),
        )
        .await;
    let page = site.follow(&done, &cookie).await;
    page.shows("OPS-1</bdi> was completed.");
    for entry in ["Created", "Claimed", "Released", "Completed"] {
        page.shows(&format!(
            "<span class=\"strong\">{entry}</span> by <bdi>you</bdi>"
        ));
    }
    site.get("/work", &cookie).await.shows("No open work items");
    site.get("/work?status=done", &cookie)
        .await
        .shows("Fix the gate");
}

#[tokio::test]
async fn a_description_keeps_its_lines_and_an_unchanged_one_is_no_edit() {
    let site = Site::new().await;
    let cookie = site.sign_in(MEMBER).await;
    let sent = format!("{NEW}&title=x&description=%0D%0Aone%0D%0A++two+%3Cb%3E");
    site.post("/work/new", &cookie, &sent).await;
    let item = read(&site, "OPS-1").await;
    assert_eq!(item.description.as_str(), "\none\n  two <b>");
    let page = site.get("/work/OPS-1", &cookie).await;
    page.shows("<div class=\"prose\" dir=\"auto\">\none\n  two &#60;b&#62;</div>");
    // A browser drops the first line break after the tag.
    let form = site.get("/work/OPS-1/edit", &cookie).await;
    form.shows(">\n\none\n  two &#60;b&#62;</textarea>");
    let sent = "version=1&title=x&description=%0D%0Aone%0D%0A++two+%3Cb%3E&priority=medium&target=either&assignee=&status=todo";
    assert_eq!(
        site.post("/work/OPS-1/edit", &cookie, sent).await.to(),
        "/work/OPS-1"
    );
    assert_eq!(read(&site, "OPS-1").await, item);
}

#[tokio::test]
async fn a_conflicting_edit_shows_both_versions() {
    let site = Site::new().await;
    site.item(MEMBER, "Fix it").await;
    let cookie = site.sign_in(MEMBER).await;
    site.get("/work/OPS-1/edit", &cookie)
        .await
        .shows("name=\"version\" value=\"1\"");
    change(&site, OTHER, "OPS-1", titled("Paint it")).await;
    let typed =
        "title=Fix+it+well&description=With+care&priority=high&target=either&assignee=&status=todo";
    let page = site
        .post("/work/OPS-1/edit", &cookie, &format!("{typed}&version=1"))
        .await;
    assert_eq!(page.status, StatusCode::CONFLICT);
    page.shows("This item has changed since you opened it");
    page.shows("<dt>Title</dt><dd class=\"prose\" dir=\"auto\">Paint it</dd>");
    page.shows("<dt>Priority</dt><dd class=\"prose\" dir=\"auto\">Urgent</dd>");
    page.shows("value=\"Fix it well\"");
    page.shows("With care</textarea>");
    assert_eq!(read(&site, "OPS-1").await.title.as_str(), "Paint it");
    // Saving again overwrites the change on purpose.
    page.shows("name=\"version\" value=\"2\"");
    let saved = site
        .post("/work/OPS-1/edit", &cookie, &format!("{typed}&version=2"))
        .await;
    assert_eq!(saved.to(), "/work/OPS-1");
    let item = read(&site, "OPS-1").await;
    assert_eq!((item.title.as_str(), item.version), ("Fix it well", 3));
}

#[tokio::test]
async fn a_conflict_leaves_the_fields_alone_that_the_user_did_not_touch() {
    let site = Site::new().await;
    site.item(MEMBER, "Fix it").await;
    let cookie = site.sign_in(MEMBER).await;
    let form = site.get("/work/OPS-1/edit", &cookie).await;
    change(&site, OTHER, "OPS-1", titled("Paint it")).await;
    let rest = "priority=medium&target=either&assignee=&status=todo";
    let typed = |form: &Page, title: &str, version: u64, description: &str| {
        let was = [
            "title",
            "description",
            "priority",
            "target",
            "assignee",
            "status",
        ];
        let was = was.map(|name| {
            let name = format!("was-{name}");
            let value = form.hidden(&name).replace(' ', "+");
            format!("{name}={value}")
        });
        let was = was.join("&");
        format!("title={title}&description={description}&{rest}&version={version}&{was}")
    };
    // Only the description was touched.
    let sent = typed(&form, "Fix+it", 1, "With+care");
    let page = site.post("/work/OPS-1/edit", &cookie, &sent).await;
    assert_eq!(page.status, StatusCode::CONFLICT);
    page.shows("value=\"Paint it\"");
    page.shows("<option value=\"urgent\" selected>");
    page.shows("With care</textarea>");
    page.hides("<dt>Title</dt>");
    page.hides("<dt>Priority</dt>");
    let sent =
        typed(&page, "Paint+it", 2, "With+care").replace("priority=medium", "priority=urgent");
    assert_eq!(
        site.post("/work/OPS-1/edit", &cookie, &sent).await.to(),
        "/work/OPS-1"
    );
    let item = read(&site, "OPS-1").await;
    assert_eq!(item.title.as_str(), "Paint it");
    assert_eq!(item.priority, Priority::Urgent);
    assert_eq!(item.description.as_str(), "With care");
}

#[tokio::test]
async fn a_new_item_begins_at_the_first_field_to_fill_in() {
    let site = Site::new().await;
    let cookie = site.sign_in(MEMBER).await;
    for (query, field) in [
        ("", "domain"),
        ("?domain=OPS", "title"),
        ("?parent=OPS-1", "title"),
    ] {
        let page = site.get(&format!("/work/new{query}"), &cookie).await;
        let mut focused = page
            .text
            .split('<')
            .filter(|tag| tag.contains(" autofocus"));
        let tag = focused.next().expect("a focus");
        assert!(tag.contains(&format!("id=\"{field}\"")), "{query}: {tag}");
        assert_eq!(focused.next(), None, "{query}");
    }
}

#[tokio::test]
async fn the_longest_description_is_saved_and_a_longer_form_is_refused_on_a_page() {
    let site = Site::new().await;
    let cookie = site.sign_in(MEMBER).await;
    let wide = "%E7%95%8C".repeat(10_666);
    let lines = format!("x{}x", "%0D%0A".repeat(31_998));
    for description in [wide, lines] {
        let form = format!("{NEW}&title=Long&description={description}");
        let created = site.post("/work/new", &cookie, &form).await;
        assert!(created.to().starts_with("/work/OPS-"), "{}", created.status);
    }
    // A little too long, what was typed is still there.
    let form = format!("{NEW}&title=Long&description={}", "x".repeat(32_001));
    let page = site.post("/work/new", &cookie, &form).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    page.shows(&"x".repeat(32_001));
    let form = format!("{NEW}&title=Long&description={}", "x".repeat(256 * 1024));
    let page = site.post("/work/new", &cookie, &form).await;
    assert_eq!(page.status, StatusCode::PAYLOAD_TOO_LARGE);
    page.shows("Request too large");
    page.shows("shorten the longest field and submit it again");
    page.shows("Sign out");
}

#[tokio::test]
async fn an_item_whose_run_has_ended_says_that_it_is_back_in_the_queue() {
    const ENDED: &str = "The agent run that claimed this item has ended";
    let site = Site::new().await;
    let item = site.item(MEMBER, "Fix it").await;
    let claim = async |agent: &str| {
        let run = site.run(MEMBER, agent, None).await;
        let token = site.domain.tokens.verify(run.secret.expose()).await;
        let agent = token.expect("live");
        let work = &site.domain.work_items;
        let change = WorkItemChange::Claim;
        let claimed = work.change(&agent, None, item.key, Versions::ANY, change, CONTEXT);
        claimed.await.expect("claimed");
        run.token.id
    };
    let first = claim("builder").await;
    let (own, other) = (site.sign_in(MEMBER).await, site.sign_in(OTHER).await);
    site.get("/work/OPS-1", &own).await.hides(ENDED);
    site.domain.clock.advance_seconds(10);
    let end = format!("/settings/agent-runs/{first}/end");
    assert_eq!(site.post(&end, &own, "").await.status, 303);
    change(&site, OTHER, "OPS-1", titled("Paint it")).await;
    let link = format!("/settings/agent-runs/{first}\"");
    let page = site.get("/work/OPS-1", &own).await;
    page.shows("In progress");
    page.shows(ENDED);
    page.shows("The item is back in the queue.");
    page.shows("Back in the queue</span> when the run of agent");
    page.shows(&link);
    // Claimed again, the history still says what became of the first claim.
    site.domain.clock.advance_seconds(1);
    let second = claim("reviewer").await;
    let page = site.get("/work/OPS-1", &own).await;
    page.hides(ENDED);
    page.shows("Back in the queue</span> when the run of agent");
    // By its time as well.
    site.domain.clock.advance_seconds(2 * 3_600);
    let own = site.sign_in(MEMBER).await;
    let page = site.get("/work/OPS-1", &own).await;
    page.shows(ENDED);
    page.shows(&format!("/settings/agent-runs/{second}\""));
    let page = site.get("/work/OPS-1", &other).await;
    page.shows(ENDED);
    page.hides(&format!("/settings/agent-runs/{second}\""));
    page.shows("Back in the queue</span> when the agent run ended");
}

#[tokio::test]
async fn an_invalid_field_in_an_outdated_form_does_not_hide_the_conflict() {
    let site = Site::new().await;
    site.item(MEMBER, "Fix it").await;
    let cookie = site.sign_in(MEMBER).await;
    change(&site, OTHER, "OPS-1", titled("Paint it")).await;
    let rest = "priority=high&target=either&assignee=&status=todo&version=1";
    let wrong = site
        .post("/work/OPS-1/edit", &cookie, &format!("title=+&{rest}"))
        .await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    wrong.shows("The title must not be blank.");
    wrong.shows("name=\"version\" value=\"1\"");
    let page = site
        .post("/work/OPS-1/edit", &cookie, &format!("title=Mine&{rest}"))
        .await;
    assert_eq!(page.status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn a_button_of_an_outdated_page_changes_nothing_and_shows_the_item() {
    let site = Site::new().await;
    site.item(MEMBER, "Fix it").await;
    let cookie = site.sign_in(MEMBER).await;
    change(&site, OTHER, "OPS-1", titled("Paint it")).await;
    for action in ["release", "complete", "delete"] {
        for sent in ["version=1", "", "version=x"] {
            let page = site
                .post(&format!("/work/OPS-1/{action}"), &cookie, sent)
                .await;
            assert_eq!(page.status, StatusCode::CONFLICT, "{action} {sent}");
            page.shows("has changed since you opened it");
            page.shows("Paint it");
        }
    }
    assert_eq!(read(&site, "OPS-1").await.version, 2);
}

#[tokio::test]
async fn a_second_claim_names_the_first_claimant() {
    let site = Site::new().await;
    site.item(MEMBER, "Fix it").await;
    let (member, other) = (site.sign_in(MEMBER).await, site.sign_in(OTHER).await);
    site.post("/work/OPS-1/claim", &member, "").await;
    let page = site.post("/work/OPS-1/claim", &other, "").await;
    assert_eq!(page.status, StatusCode::CONFLICT);
    page.shows("User 2 is working on this item.");
    page.hides("user2@example.com");
    // A user can release another user's claim.
    page.shows("Release claim by <bdi>User 2</bdi>");
    let version = read(&site, "OPS-1").await.version;
    site.post("/work/OPS-1/release", &other, &format!("version={version}"))
        .await;
    site.post("/work/OPS-1/claim", &other, "").await;
    site.get("/work/OPS-1", &member)
        .await
        .shows("<bdi>User 3</bdi>, since");
}

#[tokio::test]
async fn a_user_claims_for_an_agent_and_an_invalid_id_is_kept() {
    let site = Site::new().await;
    site.item(MEMBER, "Fix it").await;
    let cookie = site.sign_in(MEMBER).await;
    let page = site
        .post("/work/OPS-1/claim", &cookie, "agent=my+agent")
        .await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    page.shows("value=\"my agent\"");
    page.shows("id=\"agent-error\"");
    let claimed = site
        .post("/work/OPS-1/claim", &cookie, "agent=my-agent")
        .await;
    let page = site.follow(&claimed, &cookie).await;
    page.shows("Agent <bdi>my-agent</bdi> on your behalf, since");
}

#[tokio::test]
async fn an_agents_actions_show_its_run_and_user() {
    let site = Site::new().await;
    let item = site.item(MEMBER, "Fix it").await;
    let run = site.run(MEMBER, "builder", Some(item.key)).await;
    let agent = site
        .domain
        .tokens
        .verify(run.secret.expose())
        .await
        .expect("live");
    let work = &site.domain.work_items;
    let claim = WorkItemChange::Claim;
    let claimed = work.change(&agent, None, item.key, Versions::ANY, claim, CONTEXT);
    claimed.await.expect("claimed");
    let (own, other) = (site.sign_in(MEMBER).await, site.sign_in(OTHER).await);
    let link = format!("/settings/agent-runs/{}\"", run.token.id);
    let page = site.get("/work/OPS-1", &own).await;
    page.shows("Agent <bdi>builder</bdi> in <a href");
    page.shows("this run</a> on your behalf, since");
    page.shows(&link);
    page.shows("1 active agent run of yours</a> is bound to this item");
    page.shows("Agent run started");
    let page = site.get("/work/OPS-1", &other).await;
    page.shows("Agent <bdi>builder</bdi> in an agent run on behalf of <bdi>User 2</bdi>");
    page.shows("by an agent run on behalf of <bdi>User 2</bdi>");
    page.hides(&link);
    let run_page = site
        .get(&format!("/settings/agent-runs/{}", run.token.id), &own)
        .await;
    run_page.shows("<a class=\"strong\" href=\"/work/OPS-1\"><bdi>Fix it</bdi></a>");
    site.get("/work/queue?for=agents&agent=builder", &own)
        .await
        .shows("Fix it");
    site.get("/work/OPS-1/delete", &own)
        .await
        .shows("1 active agent run of yours");
    // Completing it ends the run and records the reason.
    let version = read(&site, "OPS-1").await.version;
    site.post("/work/OPS-1/complete", &own, &format!("version={version}"))
        .await;
    assert!(
        site.domain
            .tokens
            .verify(run.secret.expose())
            .await
            .is_err()
    );
    let run_page = site
        .get(&format!("/settings/agent-runs/{}", run.token.id), &own)
        .await;
    run_page.shows("OPS-1 was completed, cancelled or deleted");
}

#[tokio::test]
async fn two_hundred_items_are_four_pages_and_found_by_filter() {
    let site = Site::new().await;
    let cookie = site.sign_in(MEMBER).await;
    for number in 0..200 {
        site.item(MEMBER, &format!("Item {number:03}")).await;
    }
    change(&site, MEMBER, "OPS-7", WorkItemChange::Claim).await;
    change(&site, OTHER, "OPS-8", WorkItemChange::Complete).await;
    let mut path = "/work?status=all".to_owned();
    let mut counts = vec![];
    loop {
        let page = site.get(&path, &cookie).await;
        counts.push(rows(&page));
        let Some((_, rest)) = page.text.split_once("rel=\"next\" href=\"") else {
            page.shows("rel=\"prev\"");
            break;
        };
        let next = rest.split('"').next().expect("a link");
        path = next.replace("&#38;", "&").replace("&amp;", "&");
    }
    assert_eq!(counts, [50; 4]);
    for (query, count) in [
        ("assignee=me", 1),
        ("status=done", 1),
        ("status=in_progress", 1),
        ("q=item+042", 1),
        ("domain=ops&q=ITEM+04+ops-105", 1),
        ("priority=urgent&status=all", 0),
        ("agent=builder", 0),
        ("parent=OPS-1&status=all", 0),
    ] {
        let page = site.get(&format!("/work?{query}"), &cookie).await;
        assert_eq!(rows(&page), count, "{query}");
    }
    let queue = site.get("/work/queue", &cookie).await;
    queue.shows("Only the first 50 are shown.");
    for query in [
        "status=x",
        "assignee=x",
        "domain=1",
        "q=1+2+3+4+5+6+7+8+9",
        "agent=a+b",
    ] {
        let page = site.get(&format!("/work?{query}"), &cookie).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{query}");
    }
}

#[tokio::test]
async fn an_item_with_sub_tasks_cannot_be_deleted() {
    let site = Site::new().await;
    site.item(MEMBER, "Fix it").await;
    let cookie = site.sign_in(MEMBER).await;
    site.get("/work/new?parent=OPS-1", &cookie)
        .await
        .shows("<h1>Add sub-task</h1>");
    let sent = "parent=OPS-1&title=Buy+nails&priority=low&target=human&assignee=";
    let created = site.post("/work/new", &cookie, sent).await;
    assert_eq!(created.to(), "/work/OPS-1.1");
    site.get("/work/OPS-1", &cookie).await.shows("Buy nails");
    let page = site.post("/work/OPS-1/delete", &cookie, "version=1").await;
    page.shows("This item has sub-tasks.");
    let part = "parent=OPS-1.1&title=x&priority=low&target=human&assignee=";
    site.post("/work/new", &cookie, part)
        .await
        .shows("A sub-task can’t have sub-tasks.");
    let deleted = site
        .post("/work/OPS-1.1/delete", &cookie, "version=1")
        .await;
    assert_eq!(deleted.to(), "/work");
    let deleted = site.post("/work/OPS-1/delete", &cookie, "version=1").await;
    site.follow(&deleted, &cookie)
        .await
        .shows("OPS-1</bdi> was deleted.");
    assert_eq!(site.get("/work/OPS-1", &cookie).await.status, 404);
}

#[tokio::test]
async fn a_form_creates_one_item_however_often_it_is_sent() {
    let site = Site::new().await;
    let cookie = site.sign_in(MEMBER).await;
    let form = site.get("/work/new", &cookie).await.form();
    let wrong = format!("{NEW}&title=+&description=kept&form={form}");
    let page = site.resend("/work/new", &cookie, &wrong).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    page.shows("kept</textarea>");
    assert_eq!(page.form(), form, "it can be corrected and sent again");
    let sent = format!("{NEW}&title=Once&form={form}");
    assert_eq!(
        site.resend("/work/new", &cookie, &sent).await.to(),
        "/work/OPS-1"
    );
    let again = site.resend("/work/new", &cookie, &sent).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    again.shows("OPS-1</bdi>");
    assert_eq!(rows(&site.get("/work", &cookie).await), 1);
}

#[tokio::test]
async fn a_member_sees_names_but_cannot_assign_other_users() {
    let site = Site::new().await;
    let item = site.item(OTHER, "Theirs").await;
    let me = fixtures::user(OTHER).id;
    let assign = WorkItemChange::Edit(WorkItemEdit {
        assignee: Some(Some(me)),
        ..WorkItemEdit::default()
    });
    change(&site, OTHER, &item.key.to_string(), assign).await;
    let cookie = site.sign_in(MEMBER).await;
    for path in ["/work", "/work/OPS-1", "/work/OPS-1/edit"] {
        let page = site.get(path, &cookie).await;
        page.shows("User 3");
        page.hides("user3@example.com");
        page.hides("User 1");
    }
    let admin = site.sign_in(ADMIN).await;
    site.get("/work/OPS-1/edit", &admin)
        .await
        .shows("User 2 (user2@example.com)");
    let users = &site.domain.users;
    let by = site.principal(ADMIN).await;
    users.delete(&by, me, CONTEXT).await.expect("deleted");
    site.get("/work/OPS-1", &cookie)
        .await
        .shows("by <bdi>a deleted user</bdi>");
}

#[tokio::test]
async fn hostile_text_is_escaped() {
    let site = Site::new().await;
    let cookie = site.sign_in(MEMBER).await;
    let hostile = "%3Cscript%3Ealert(1)%3C%2Fscript%3E%22+%27";
    let sent = format!("{NEW}&title={hostile}&description=%3C%2Ftextarea%3E{hostile}");
    assert_eq!(
        site.post("/work/new", &cookie, &sent).await.to(),
        "/work/OPS-1"
    );
    for path in [
        "/work",
        "/work/queue",
        "/work/OPS-1",
        "/work/OPS-1/edit",
        "/work/OPS-1/delete",
    ] {
        let page = site.get(path, &cookie).await;
        page.hides("<script>alert");
        page.hides("</textarea><script");
    }
    // No text contains a secret, and no page shows it again.
    let pasted = site.create(MEMBER, "pasted", Scope::ReadWrite).await;
    let secret = pasted.secret.expose();
    let page = site
        .post(
            "/work/new",
            &cookie,
            &format!("{NEW}&title=x&description={secret}"),
        )
        .await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    page.hides(secret);
}

#[tokio::test]
async fn without_work_items_there_are_no_pages_for_them() {
    let domain = InMemory::default();
    put_user(&domain, fixtures::user(ADMIN)).await;
    let mut state = state(&domain, HTTPS);
    state.use_cases.work_items = None;
    let site = Site::on(domain, state);
    let cookie = site.sign_in(ADMIN).await;
    for path in ["/work", "/work/queue", "/work/new", "/work/OPS-1"] {
        assert_eq!(site.get(path, &cookie).await.status, 404, "{path}");
    }
    let run = site.run(ADMIN, "builder", None).await;
    for path in [
        "/settings/tokens".to_owned(),
        "/settings/agent-runs".to_owned(),
        "/settings/agent-runs/new".to_owned(),
        format!("/settings/agent-runs/{}", run.token.id),
    ] {
        let page = site.get(&path, &cookie).await;
        assert_eq!(page.status, 200, "{path}");
        page.hides("/work");
        page.hides("Work item");
    }
}
