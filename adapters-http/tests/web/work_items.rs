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

/// As another user who saves something meanwhile.
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
async fn a_person_creates_finds_claims_releases_and_completes_an_item() {
    let site = Site::new().await;
    let cookie = site.sign_in(MEMBER).await;
    site.get("/work", &cookie).await.shows("No open work items");
    site.get("/work/queue", &cookie)
        .await
        .shows("The queue is empty");
    let created = site
        .post("/work/new", &cookie, &format!("{NEW}&title=Mend+the+gate"))
        .await;
    assert_eq!(created.to(), "/work/OPS-1");
    let page = site.follow(&created, &cookie).await;
    page.shows("<bdi class=\"strong\">OPS-1</bdi> was created.");
    page.shows("Mend the gate");
    site.get("/work?q=GATE", &cookie)
        .await
        .shows("Mend the gate");
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
        .shows("Mend the gate");
}

#[tokio::test]
async fn a_description_keeps_its_lines_and_saving_it_unchanged_changes_nothing() {
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
async fn who_saves_over_a_change_of_another_sees_both_and_loses_nothing() {
    let site = Site::new().await;
    site.item(MEMBER, "Mend it").await;
    let cookie = site.sign_in(MEMBER).await;
    site.get("/work/OPS-1/edit", &cookie)
        .await
        .shows("name=\"version\" value=\"1\"");
    change(&site, OTHER, "OPS-1", titled("Paint it")).await;
    let typed = "title=Mend+it+well&description=With+care&priority=high&target=either&assignee=&status=todo";
    let page = site
        .post("/work/OPS-1/edit", &cookie, &format!("{typed}&version=1"))
        .await;
    assert_eq!(page.status, StatusCode::CONFLICT);
    page.shows("This item has changed since you opened it");
    page.shows("<dt>Title</dt><dd class=\"prose\" dir=\"auto\">Paint it</dd>");
    page.shows("<dt>Priority</dt><dd class=\"prose\" dir=\"auto\">Urgent</dd>");
    page.shows("value=\"Mend it well\"");
    page.shows("With care</textarea>");
    assert_eq!(read(&site, "OPS-1").await.title.as_str(), "Paint it");
    // Once more, now on purpose.
    page.shows("name=\"version\" value=\"2\"");
    let saved = site
        .post("/work/OPS-1/edit", &cookie, &format!("{typed}&version=2"))
        .await;
    assert_eq!(saved.to(), "/work/OPS-1");
    let item = read(&site, "OPS-1").await;
    assert_eq!((item.title.as_str(), item.version), ("Mend it well", 3));
}

#[tokio::test]
async fn a_mistake_in_a_form_that_is_out_of_date_does_not_overlook_the_change() {
    let site = Site::new().await;
    site.item(MEMBER, "Mend it").await;
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
async fn a_button_of_a_page_that_is_out_of_date_does_nothing_and_shows_the_item() {
    let site = Site::new().await;
    site.item(MEMBER, "Mend it").await;
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
async fn who_comes_second_is_told_who_was_first() {
    let site = Site::new().await;
    site.item(MEMBER, "Mend it").await;
    let (member, other) = (site.sign_in(MEMBER).await, site.sign_in(OTHER).await);
    site.post("/work/OPS-1/claim", &member, "").await;
    let page = site.post("/work/OPS-1/claim", &other, "").await;
    assert_eq!(page.status, StatusCode::CONFLICT);
    page.shows("User 2 is working on this item.");
    page.hides("user2@example.com");
    // A person may take it from them, knowingly.
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
async fn a_person_claims_for_an_agent_and_a_wrong_id_stays_to_be_corrected() {
    let site = Site::new().await;
    site.item(MEMBER, "Mend it").await;
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
async fn what_an_agent_does_is_shown_with_its_run_and_in_whose_name() {
    let site = Site::new().await;
    let item = site.item(MEMBER, "Mend it").await;
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
    run_page.shows("<a class=\"strong\" href=\"/work/OPS-1\"><bdi>Mend it</bdi></a>");
    site.get("/work/queue?for=agents&agent=builder", &own)
        .await
        .shows("Mend it");
    site.get("/work/OPS-1/delete", &own)
        .await
        .shows("1 active agent run of yours");
    // Completing it ends the run, and gives the reason.
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
async fn a_sub_task_belongs_to_its_item_which_is_not_deleted_before_it() {
    let site = Site::new().await;
    site.item(MEMBER, "Mend it").await;
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
async fn a_member_sees_names_and_is_offered_nobody_elses_account() {
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
async fn a_hostile_text_is_shown_as_text() {
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
    // A secret is in no text, and no page shows it again.
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
async fn where_no_work_is_kept_there_are_no_pages_of_it_and_nothing_leads_there() {
    let domain = InMemory::default();
    put_user(&domain, fixtures::user(ADMIN)).await;
    let mut state = state(&domain, HTTPS);
    state.work_items = None;
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
