//! The user's own agent runs.

use http::StatusCode;
use openindex_domain::testing::fixtures;
use openindex_domain::token::{
    CreationRate, Overlap, RotationOptions, Scope, TokenId, TokenWithSecret,
};
use openindex_domain::work_item::{Versions, WorkItemChange};

use crate::support::{ADMIN, CONTEXT, MEMBER, OTHER, Page, Site};

const NEW: &str = "/settings/agent-runs/new";
const LIST: &str = "/settings/agent-runs";

async fn is_live(site: &Site, secret: &str) -> bool {
    site.domain.tokens.verify(secret).await.is_ok()
}

/// The run's secret on a page.
fn secret(page: &Page) -> String {
    let (_, rest) = page.text.split_once("value=\"oi_run_").expect("a secret");
    format!("oi_run_{}", rest.split('"').next().expect("its end"))
}

fn issuer(run: &TokenWithSecret) -> TokenId {
    run.token.run.as_ref().expect("a run").issuer
}

#[tokio::test]
async fn a_run_is_started_with_a_token_of_the_user_and_its_secret_is_shown_once() {
    let site = Site::new().await;
    let cookie = site.sign_in(MEMBER).await;
    site.get(NEW, &cookie)
        .await
        .shows("You need an active token first");
    let token = site
        .create(MEMBER, "laptop", Scope::ReadWrite)
        .await
        .token
        .id;
    let form = site.get(NEW, &cookie).await;
    form.shows("laptop (created ");
    let sent = format!(
        "agent=builder-7&token={token}&time=3600&form={}",
        form.form()
    );
    let started = site.resend(NEW, &cookie, &sent).await;
    assert_eq!(started.status, StatusCode::CREATED);
    started.shows("export OPENINDEX_APP_URL=https://oi.example.com\n");
    let secret = secret(&started);
    let run = site.domain.tokens.verify(&secret).await.expect("live");
    assert_eq!(run.user_id(), fixtures::user(MEMBER).id);
    assert_eq!(run.effective_scope(), Scope::ReadWrite);
    // A reload starts no other run, and links to end the one whose token was not copied.
    let again = site.resend(NEW, &cookie, &sent).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    again.hides("oi_run_");
    again.shows("builder-7");
    again.shows("/end\">End agent run</a>");
    let list = site.get(LIST, &cookie).await;
    assert_eq!(list.text.matches("builder-7</bdi></a>").count(), 1);
    list.hides("oi_run_");
    list.shows("<bdi>laptop</bdi>");
    let id = run.token().expect("a token").id;
    let page = site.get(&format!("{LIST}/{id}"), &cookie).await;
    page.shows("This run hasn’t claimed any work items.");
    page.hides("oi_run_");
}

#[tokio::test]
async fn a_run_requires_an_own_live_token_and_errors_keep_the_entries() {
    let site = Site::new().await;
    let cookie = site.sign_in(MEMBER).await;
    site.create(MEMBER, "good", Scope::ReadWrite).await;
    let foreign = site.create(OTHER, "foreign", Scope::ReadWrite).await;
    let deleted = site.create(MEMBER, "deleted", Scope::ReadWrite).await;
    let delete = format!("/settings/tokens/{}/delete", deleted.token.id);
    site.post(&delete, &cookie, "").await;
    let run = site.run(MEMBER, "runner", None).await;
    let ids = [foreign.token.id, deleted.token.id, run.token.id].map(|id| id.to_string());
    for id in ids.iter().map(String::as_str).chain(["", "nonsense"]) {
        let sent = format!("agent=builder&token={id}&time=900&item=OPS-1");
        let page = site.post(NEW, &cookie, &sent).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{id}");
        page.shows("id=\"token-error\"");
        page.shows("value=\"builder\"");
        page.shows("value=\"900\" selected");
        page.hides("oi_run_");
    }
    let good = issuer(&site.run(MEMBER, "other", None).await);
    for (sent, error) in [
        ("agent=a+b&time=900", "The agent ID must be 1 to 64"),
        ("agent=a&time=59", "Choose when the run expires."),
        (
            "agent=a&time=900&item=ops",
            "The work item must be a key such as OPS-42",
        ),
        (
            "agent=a&time=900&item=OPS-9",
            "The work item OPS-9 doesn’t exist.",
        ),
    ] {
        let page = site
            .post(NEW, &cookie, &format!("{sent}&token={good}"))
            .await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{sent}");
        page.shows(error);
    }
    // A token pasted into the wrong field is not shown again.
    let pasted = foreign.secret.expose();
    let sent = format!("agent={pasted}&token={good}&time=900");
    site.post(NEW, &cookie, &sent).await.hides(pasted);
    assert_eq!(
        site.get(LIST, &cookie)
            .await
            .text
            .matches("<tr role")
            .count(),
        3
    );
}

#[tokio::test]
async fn a_limit_is_shown_on_the_form_which_keeps_its_entries() {
    let mut site = Site::new().await;
    let token = site
        .create(MEMBER, "laptop", Scope::ReadWrite)
        .await
        .token
        .id;
    for (limited, words) in [
        (
            site.domain.agent_runs.clone().with_quota(1),
            "the limit of 1 active agent runs",
        ),
        (
            site.domain
                .agent_runs
                .clone()
                .with_rate(CreationRate::new(1)),
            "the limit of 1 agent runs started within 24 hours",
        ),
    ] {
        let mut state = site.state.clone();
        state.use_cases.agent_runs = limited;
        site = Site::on(site.domain, state);
        let cookie = site.sign_in(MEMBER).await;
        let sent = format!("agent=builder&token={token}&time=900");
        site.post(NEW, &cookie, &sent).await;
        let page = site.post(NEW, &cookie, &sent).await;
        assert_eq!(page.status, StatusCode::CONFLICT);
        page.shows(words);
        page.shows("value=\"builder\"");
        page.hides("oi_run_");
    }
}

#[tokio::test]
async fn an_ended_run_says_why() {
    let site = Site::new().await;
    let cookie = site.sign_in(MEMBER).await;
    let person = site.principal(MEMBER).await;
    let item = site.item(MEMBER, "Fix it").await;

    let by_hand = site.run(MEMBER, "by-hand", None).await;
    let end = format!("{LIST}/{}/end", by_hand.token.id);
    assert_eq!(site.post(&end, &cookie, "").await.to(), LIST);
    let deleted = site.run(MEMBER, "deleted", None).await;
    let tokens = &site.domain.tokens;
    tokens
        .revoke(&person, issuer(&deleted), CONTEXT)
        .await
        .expect("revoked");
    let rotated = site.run(MEMBER, "rotated", None).await;
    let rotate = RotationOptions {
        expires: None,
        overlap: Overlap::NONE,
    };
    let rotate = tokens.rotate(&person, issuer(&rotated), rotate, CONTEXT);
    rotate.await.expect("rotated");
    let revoked = site.run(MEMBER, "revoked", None).await;
    let admin = site.principal(ADMIN).await;
    let admin_tokens = &site.domain.admin_tokens;
    let revoke = admin_tokens.revoke(&admin, issuer(&revoked), CONTEXT);
    revoke.await.expect("revoked");
    site.run(MEMBER, "bound", Some(item.key)).await;
    let change = WorkItemChange::Complete;
    let work = &site.domain.work_items;
    let done = work.change(&person, None, item.key, Versions::ANY, change, CONTEXT);
    done.await.expect("done");

    site.get(LIST, &cookie).await.hides(">Ended<");
    let all = site.get(&format!("{LIST}?status=all"), &cookie).await;
    all.shows(">Expires or ended</th>");
    let list = site.get(&format!("{LIST}?status=ended"), &cookie).await;
    list.shows(">Ended</th>");
    for (agent, why) in [
        ("by-hand", "Ended by you"),
        ("deleted", "Issuing token deleted"),
        ("rotated", "Issuing token rotated"),
        ("revoked", "Issuing token revoked by an administrator"),
        ("bound", "OPS-1 was completed, cancelled or deleted"),
    ] {
        let row = list
            .text
            .split("<tr role")
            .find(|row| row.contains(&format!("<bdi>{agent}</bdi>")));
        let row = row.expect("a row");
        assert!(row.contains(why), "{agent}: {row}");
    }
    let page = site
        .get(&format!("{LIST}/{}", revoked.token.id), &cookie)
        .await;
    page.shows("Issuing token revoked by an administrator");
    page.hides("End agent run");
    // An ended run cannot be ended again.
    let confirm = format!("{LIST}/{}/end", revoked.token.id);
    assert!(
        site.get(&confirm, &cookie)
            .await
            .to()
            .ends_with(&revoked.token.id.to_string())
    );
    assert_eq!(site.post(&confirm, &cookie, "").await.status, 404);

    let expired = site.run(MEMBER, "expired", None).await;
    site.domain.clock.advance_seconds(3_600);
    let page = site
        .get(&format!("{LIST}/{}", expired.token.id), &cookie)
        .await;
    page.shows("Time limit reached");
    site.run(MEMBER, "suspended", None).await;
    site.suspend(MEMBER).await;
    let users = &site.domain.users;
    let change = openindex_domain::user::UserChange::Unsuspend;
    let user = fixtures::user(MEMBER).id;
    users
        .change(&admin, user, change, CONTEXT)
        .await
        .expect("active again");
    let cookie = site.sign_in(MEMBER).await;
    let list = site
        .get(&format!("{LIST}?status=ended&agent=suspended"), &cookie)
        .await;
    list.shows("Account suspended");
}

#[tokio::test]
async fn every_confirmation_that_ends_runs_counts_and_links_them() {
    let site = Site::new().await;
    let member = site.sign_in(MEMBER).await;
    let admin = site.sign_in(ADMIN).await;
    let first = site.run(MEMBER, "one", None).await;
    let token = issuer(&first);
    let ended = site.run_with(MEMBER, "ended", None, token).await;
    let end = format!("{LIST}/{}/end", ended.token.id);
    site.post(&end, &member, "").await;
    let own = [
        format!("/settings/tokens/{token}/delete"),
        format!("/settings/tokens/{token}/rotate"),
    ];
    let user = fixtures::user(MEMBER).id;
    let others = [
        format!("/settings/admin/tokens/{token}/revoke"),
        format!("/settings/admin/users/{user}/suspend"),
        format!("/settings/admin/users/{user}/delete"),
    ];
    let link = format!("<a href=\"{LIST}?token={token}\">");
    for (count, words) in [(1, "1 active agent run<"), (2, "2 active agent runs<")] {
        if count == 2 {
            site.run_with(MEMBER, "two", None, token).await;
        }
        for path in &own {
            let page = site.get(path, &member).await;
            page.shows(words);
            page.shows(&link);
        }
        for path in &others {
            let page = site.get(path, &admin).await;
            page.shows(words);
            page.hides("?token=");
        }
    }
    let listed = site.get(&format!("{LIST}?token={token}"), &member).await;
    assert_eq!(listed.text.matches("<tr role").count(), 3);
    // Without runs to end, there is no warning.
    let idle = site.create(MEMBER, "idle", Scope::ReadWrite).await.token.id;
    for action in ["delete", "rotate"] {
        let page = site
            .get(&format!("/settings/tokens/{idle}/{action}"), &member)
            .await;
        page.hides("active agent run");
    }
}

#[tokio::test]
async fn end_all_ends_exactly_the_runs_that_were_shown() {
    let site = Site::new().await;
    let cookie = site.sign_in(MEMBER).await;
    let all = format!("{LIST}/end-all");
    assert_eq!(site.get(&all, &cookie).await.to(), LIST);
    let (one, two) = (
        site.run(MEMBER, "one", None).await,
        site.run(MEMBER, "two", None).await,
    );
    let foreign = site.run(OTHER, "foreign", None).await;
    let shown = site.get(&all, &cookie).await;
    shown.shows("<h1>End 2 agent runs</h1>");
    shown.hides("foreign");
    let (_, ids) = shown
        .text
        .split_once("name=\"runs\" value=\"")
        .expect("ids");
    let ids = ids.split('"').next().expect("ids").replace(' ', "+");
    let later = site.run(MEMBER, "later", None).await;
    // Another user's run does not end, even if its ID is sent.
    let sent = format!("runs={ids}+{}", foreign.token.id);
    let ended = site.post(&all, &cookie, &sent).await;
    site.follow(&ended, &cookie)
        .await
        .shows("<bdi class=\"strong\">2 agent runs</bdi> ended.");
    for (run, live) in [
        (&one, false),
        (&two, false),
        (&later, true),
        (&foreign, true),
    ] {
        assert_eq!(is_live(&site, run.secret.expose()).await, live);
    }
    let again = site.post(&all, &cookie, &sent).await;
    site.follow(&again, &cookie)
        .await
        .shows("No agent runs were ended");
    assert_eq!(site.post(&all, &cookie, "runs=nonsense").await.status, 400);
}

#[tokio::test]
async fn a_list_of_120_runs_is_paged_forward_and_back() {
    let site = Site::new().await;
    let cookie = site.sign_in(MEMBER).await;
    let empty = site.get(LIST, &cookie).await;
    empty.shows("No active agent runs");
    empty.hides("End all runs");
    let token = site
        .create(MEMBER, "laptop", Scope::ReadWrite)
        .await
        .token
        .id;
    for number in 0..120 {
        site.run_with(MEMBER, &format!("agent-{number:03}"), None, token)
            .await;
    }
    let link = |page: &Page, rel: &str| {
        let (_, rest) = page.text.split_once(&format!("rel=\"{rel}\" href=\""))?;
        Some(
            rest.split('"')
                .next()?
                .replace("&amp;", "&")
                .replace("&#38;", "&"),
        )
    };
    let rows = |page: &Page| page.text.matches("<tr role").count() - 1;
    let first = site.get(LIST, &cookie).await;
    assert_eq!((rows(&first), link(&first, "prev")), (50, None));
    let second = site
        .get(&link(&first, "next").expect("a next"), &cookie)
        .await;
    let third = site
        .get(&link(&second, "next").expect("a next"), &cookie)
        .await;
    assert_eq!((rows(&second), rows(&third)), (50, 20));
    assert_eq!(link(&third, "next"), None);
    let back = site
        .get(&link(&third, "prev").expect("a previous"), &cookie)
        .await;
    assert_eq!(back.text, second.text);
    let back = site
        .get(&link(&back, "prev").expect("a previous"), &cookie)
        .await;
    assert_eq!(back.text, first.text);
}

#[tokio::test]
async fn a_filter_narrows_the_list_and_an_invalid_one_is_reported() {
    let site = Site::new().await;
    let cookie = site.sign_in(MEMBER).await;
    let item = site.item(MEMBER, "Fix it").await.key;
    site.run(MEMBER, "free", None).await;
    site.run(MEMBER, "bound", Some(item)).await;
    for (query, shown) in [
        ("", ["free", "bound"].as_slice()),
        ("?agent=free", &["free"]),
        ("?item=OPS-1", &["bound"]),
        ("?status=all", &["free", "bound"]),
        ("?status=ended", &[]),
        ("?agent=nobody", &[]),
    ] {
        let page = site.get(&format!("{LIST}{query}"), &cookie).await;
        for agent in ["free", "bound"] {
            let is_shown = page.text.contains(&format!("<bdi>{agent}</bdi></a>"));
            assert_eq!(is_shown, shown.contains(&agent), "{query}: {agent}");
        }
    }
    for query in ["status=x", "agent=a+b", "token=x", "item=x"] {
        let page = site.get(&format!("{LIST}?{query}"), &cookie).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{query}");
        let field = query.split('=').next().expect("a name");
        page.shows(&format!("id=\"{field}-error\""));
    }
}

#[tokio::test]
async fn another_users_run_is_not_found() {
    let site = Site::new().await;
    let run = site.run(OTHER, "theirs", None).await;
    let token = issuer(&run);
    for user in [MEMBER, ADMIN] {
        let cookie = site.sign_in(user).await;
        for path in [
            format!("{LIST}/{}", run.token.id),
            format!("{LIST}/{}/end", run.token.id),
        ] {
            assert_eq!(site.get(&path, &cookie).await.status, 404, "{path}");
        }
        let end = format!("{LIST}/{}/end", run.token.id);
        assert_eq!(site.post(&end, &cookie, "").await.status, 404);
        // A personal access token is not a run.
        assert_eq!(
            site.get(&format!("{LIST}/{token}"), &cookie).await.status,
            404
        );
        site.get(&format!("{LIST}?status=all&token={token}"), &cookie)
            .await
            .hides("theirs");
    }
    assert!(is_live(&site, run.secret.expose()).await);
}
