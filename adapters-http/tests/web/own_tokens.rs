//! The user's own tokens: search, sort, filters, paging, and the page of a token.

use openindex_domain::agent_run::{AgentId, NewRun, RunTtl};
use openindex_domain::audit::RequestContext;
use openindex_domain::testing::fixtures;
use openindex_domain::token::{
    Lifetime, NewToken, Overlap, RotationOptions, Scope, TokenId, TokenName, TokenWithSecret,
};

use crate::support::{ADMIN, MEMBER, Page, Site, context};

const DAY: i64 = 24 * 60 * 60;

fn from(address: &str) -> RequestContext {
    RequestContext {
        client_address: address.parse().ok(),
        ..context()
    }
}

/// Creates a token that expires after `days` days.
async fn issue_for(site: &Site, name: &str, days: i64) -> TokenWithSecret {
    let principal = site.principal(MEMBER).await;
    let new = NewToken::new(
        TokenName::parse(name).expect("a name"),
        Scope::ReadWrite,
        Lifetime::from_seconds(days * DAY).expect("days"),
    );
    let tokens = &site.domain.tokens;
    let issued = tokens.create(&principal, new, &from("192.0.2.1")).await;
    issued.expect("it is issued")
}

async fn rotate(site: &Site, id: TokenId, overlap: i64) -> TokenWithSecret {
    site.domain.clock.advance_seconds(1);
    let new = RotationOptions {
        expires: None,
        overlap: Overlap::from_seconds(overlap).expect("an overlap"),
    };
    let principal = site.principal(MEMBER).await;
    let tokens = &site.domain.tokens;
    let rotated = tokens.rotate(&principal, id, new, &context()).await;
    rotated.expect("rotated")
}

/// The names in the list, in order.
fn names(page: &Page) -> Vec<String> {
    let rows = page.text.split("scope=\"row\"").skip(1);
    rows.map(|row| {
        let name = row
            .split_once("<bdi>")
            .and_then(|(_, rest)| rest.split_once("</bdi>"));
        name.expect("a name").0.to_owned()
    })
    .collect()
}

#[tokio::test]
async fn the_url_alone_searches_sorts_and_filters_the_list() {
    let site = Site::new().await;
    for (name, days) in [("Übung", 30), ("alpha", 365), ("Beta", 7), ("gone", 1)] {
        site.domain.clock.advance_seconds(1);
        issue_for(&site, name, days).await;
    }
    site.domain.clock.advance_seconds(2 * DAY);
    let cookie = site.sign_in(MEMBER).await;
    for (query, expected) in [
        ("", vec!["gone", "Beta", "alpha", "Übung"]),
        ("?sort=name", vec!["alpha", "Beta", "gone", "Übung"]),
        ("?sort=expiry", vec!["gone", "Beta", "Übung", "alpha"]),
        ("?status=live&sort=expiry", vec!["Beta", "Übung", "alpha"]),
        ("?status=expired", vec!["gone"]),
        ("?search=%C3%9CB", vec!["Übung"]),
        ("?search=ETA&sort=&status=", vec!["Beta"]),
        (
            "?sort=owner&after=x",
            vec!["gone", "Beta", "alpha", "Übung"],
        ),
    ] {
        let page = site.get(&format!("/settings/tokens{query}"), &cookie).await;
        assert_eq!(page.status, 200, "{query}");
        assert_eq!(names(&page), expected, "{query}");
    }
    let page = site
        .get("/settings/tokens?search=nothing&status=live", &cookie)
        .await;
    page.shows("No tokens match these filters");
    page.shows("value=\"nothing\"");
    page.shows("<option value=\"live\" selected>");
    page.hides("No tokens yet");
}

#[tokio::test]
async fn an_invalid_search_is_reported_and_a_token_in_it_is_not_shown() {
    let site = Site::new().await;
    let issued = site.create(MEMBER, "ci", Scope::ReadWrite).await;
    let cookie = site.sign_in(MEMBER).await;
    let secret = issued.secret.expose();
    let path = format!("/settings/tokens?search={secret}&sort=name");
    let page = site.get(&path, &cookie).await;
    assert_eq!(page.status, 422);
    page.shows("The search must not contain a token; revoke that token");
    page.hides(secret);
    let path = format!("/settings/tokens?search={}", "x".repeat(101));
    let page = site.get(&path, &cookie).await;
    assert_eq!(page.status, 422);
    page.shows("must not be longer than 100 characters");
}

#[tokio::test]
async fn actions_return_to_the_filtered_list() {
    let site = Site::new().await;
    let issued = site.create(MEMBER, "ci one", Scope::ReadWrite).await;
    site.create(MEMBER, "ci two", Scope::ReadWrite).await;
    let cookie = site.sign_in(MEMBER).await;
    let list = "/settings/tokens?search=ci&status=live&sort=name";
    let page = site.get(list, &cookie).await;
    let one = format!("/settings/tokens/{}", issued.token.id);
    for action in ["", "/rotate", "/delete"] {
        let link = page.link(&format!("{one}{action}?"));
        let action = site.get(&link, &cookie).await;
        assert_eq!(action.status, 200, "{link}");
        assert_eq!(action.link(list.replace('&', "&#38;").as_str()), list);
    }
    let link = page.link(&format!("{one}/rotate?"));
    let rotated = site.post(&link, &cookie, "overlap=0&expiry=").await;
    assert_eq!(rotated.link("&#38;status=live"), list);
    let page = site.get(list, &cookie).await;
    let link = page.link("/delete?search");
    let done = site.post(&link, &cookie, "").await;
    assert_eq!(done.to(), list);
    let page = site.follow(&done, &cookie).await;
    page.shows("was deleted.");
    assert_eq!(names(&page).len(), 1);
}

#[tokio::test]
async fn a_revoked_token_shows_the_reason_for_30_days() {
    let site = Site::new().await;
    let cookie = site.sign_in(MEMBER).await;
    let member = site.principal(MEMBER).await;
    let admin = site.principal(ADMIN).await;
    let (tokens, admin_tokens) = (&site.domain.tokens, &site.domain.admin_tokens);
    let deleted = site.create(MEMBER, "deleted", Scope::ReadWrite).await;
    let rotated = site.create(MEMBER, "rotated", Scope::ReadWrite).await;
    let leaked = site.create(MEMBER, "leaked", Scope::ReadWrite).await;
    let revoked = site.create(MEMBER, "revoked", Scope::ReadWrite).await;
    tokens
        .revoke(&member, deleted.token.id, &context())
        .await
        .expect("deleted");
    let successor = rotate(&site, rotated.token.id, 0).await;
    let reporter = from("203.0.113.99");
    admin_tokens
        .report_leaked(&[leaked.secret.expose()], &reporter)
        .await
        .expect("reported");
    let by_admin = from("203.0.113.50");
    admin_tokens
        .revoke(&admin, revoked.token.id, &by_admin)
        .await
        .expect("revoked");
    let page = site
        .get("/settings/tokens?status=revoked&sort=name", &cookie)
        .await;
    assert_eq!(names(&page), ["deleted", "leaked", "revoked", "rotated"]);
    page.shows("More filters (2)");
    page.hides("class=\"more\" open");
    let administrator = site.sign_in(ADMIN).await;
    let path = format!("/settings/admin/tokens/{}", deleted.token.id);
    site.get(&path, &administrator)
        .await
        .shows(">Deleted by the owner</span>");
    for (issued, reason) in [
        (&deleted, "Deleted by you"),
        (&rotated, "Rotated"),
        (&leaked, "Reported as leaked"),
        (&revoked, "Revoked by an administrator"),
    ] {
        page.shows(&format!(">{reason}</span>"));
        let path = format!("/settings/tokens/{}", issued.token.id);
        page.hides(&format!("{path}/delete"));
        let own = site.get(&path, &cookie).await;
        own.shows(reason);
        own.hides("/delete");
        own.hides("/rotate");
        // IP addresses of other users are hidden.
        own.hides("203.0.113.");
    }
    page.shows(&format!(
        "/settings/tokens/{}?status=revoked",
        successor.token.id
    ));
    site.domain.clock.advance_seconds(31 * DAY);
    tokens.purge_ended().await.expect("purged");
    let cookie = site.sign_in(MEMBER).await;
    let page = site.get("/settings/tokens?status=revoked", &cookie).await;
    page.shows("No tokens match these filters");
    let path = format!("/settings/tokens/{}", deleted.token.id);
    assert_eq!(site.get(&path, &cookie).await.status, 404);
}

#[tokio::test]
async fn an_expiry_is_highlighted_when_it_is_near() {
    let site = Site::new().await;
    let week = issue_for(&site, "a week", 7).await;
    issue_for(&site, "a year", 365).await;
    let cookie = site.sign_in(MEMBER).await;
    let page = site.get("/settings/tokens", &cookie).await;
    page.shows("<span>1 Dec 2026,</span> <span>05:59 UTC</span></time> <span class=\"ago\">in 7 days</span>");
    page.hides("Expires soon");
    page.hides("expiry soon");
    site.domain.clock.advance_seconds(6 * DAY + DAY / 2);
    let cookie = site.sign_in(MEMBER).await;
    for path in [
        "/settings/tokens?status=live".to_owned(),
        format!("/settings/tokens/{}", week.token.id),
    ] {
        let page = site.get(&path, &cookie).await;
        page.shows("Expires soon");
        page.shows("expiry soon");
    }
}

#[tokio::test]
async fn duplicate_names_are_flagged_on_creation_and_in_the_list() {
    const WARNING: &str = "Another active token has the same name";
    let site = Site::new().await;
    let cookie = site.sign_in(MEMBER).await;
    let create = async |name: &str| {
        site.domain.clock.advance_seconds(1);
        let form = format!("name={name}&scope=read_write");
        site.post("/settings/tokens/new", &cookie, &form).await
    };
    create("ci").await.hides(WARNING);
    create("other").await.hides(WARNING);
    site.get("/settings/tokens", &cookie).await.hides(WARNING);
    create("ci").await.shows(WARNING);
    let page = site.get("/settings/tokens", &cookie).await;
    assert_eq!(page.text.matches(WARNING).count(), 2);
    // Also if the other one is not in the list.
    let page = site.get("/settings/tokens?search=other", &cookie).await;
    page.hides(WARNING);
    let principal = site.principal(MEMBER).await;
    let filter = openindex_domain::token::ListFilter::default();
    let mine = site.domain.tokens.list(&principal, &filter, None, 10).await;
    let first = mine.expect("a list").tokens[0].clone();
    let path = format!("/settings/tokens/{}", first.id);
    site.get(&path, &cookie).await.shows(WARNING);
    // A rotated token and its successor share a name on purpose.
    let page = site.post(&format!("{path}/delete"), &cookie, "").await;
    site.follow(&page, &cookie).await.hides(WARNING);
    let other = site.create(MEMBER, "with overlap", Scope::ReadWrite).await;
    rotate(&site, other.token.id, 3600).await;
    site.get("/settings/tokens", &cookie).await.hides(WARNING);
}

#[tokio::test]
async fn the_page_of_a_token_shows_all_its_details() {
    let site = Site::new().await;
    let oldest = issue_for(&site, "ci <b>", 30).await;
    let middle = rotate(&site, oldest.token.id, 0).await;
    let newest = rotate(&site, middle.token.id, 0).await;
    let secret = newest.secret.expose();
    let tokens = &site.domain.tokens;
    let by = tokens
        .verify_from(secret, "198.51.100.7".parse().ok())
        .await
        .expect("live");
    tokens.flush_last_used().await.expect("noted");
    let new = NewRun {
        agent: AgentId::parse("reviewer").expect("an agent"),
        ttl: RunTtl::from_seconds(3600).expect("an hour"),
        work_item: None,
        issuer: None,
    };
    let runs = &site.domain.agent_runs;
    let run = runs.start(&by, new, &context()).await.expect("a run");
    let cookie = site.sign_in(MEMBER).await;
    let path = format!("/settings/tokens/{}", middle.token.id);
    let page = site.get(&path, &cookie).await;
    for id in [oldest.token.id, newest.token.id] {
        page.shows(&format!("href=\"/settings/tokens/{id}\""));
    }
    page.shows("This token");
    page.shows("Token rotated");
    page.shows("No agent runs were started");
    let page = site
        .get(&format!("/settings/tokens/{}", newest.token.id), &cookie)
        .await;
    page.shows("<bdi>ci &#60;b&#62;</bdi>");
    page.shows(&newest.token.id.to_string());
    page.shows(&format!("<code>{}</code>", &secret[51..]));
    page.hides(secret);
    page.shows("198.51.100.7");
    page.shows(&format!("href=\"/settings/agent-runs/{}\"", run.token.id));
    page.shows("<bdi>reviewer</bdi>");
    runs.end(&by, run.token.id, &context())
        .await
        .expect("ended");
    let page = site
        .get(&format!("/settings/tokens/{}", newest.token.id), &cookie)
        .await;
    page.shows(">Ended</span>");
    let page = site
        .get(&format!("/settings/tokens/{}", oldest.token.id), &cookie)
        .await;
    page.shows("192.0.2.1");
    page.shows("Token created");
    // A token from before last four characters were stored.
    let mut plain = fixtures::token(77, fixtures::NOW);
    plain.owner = fixtures::user(MEMBER).id;
    plain.scope = Scope::Admin;
    site.domain
        .store
        .put_token(plain.clone(), fixtures::digest(77));
    let page = site
        .get(&format!("/settings/tokens/{}", plain.id), &cookie)
        .await;
    page.shows("Not stored for older tokens");
    page.shows("<dt>Effective scope</dt><dd>Read and write</dd>");
    page.shows("No events.");
}

#[tokio::test]
async fn recently_revoked_tokens_are_linked_if_there_are_any() {
    let site = Site::new().await;
    let cookie = site.sign_in(MEMBER).await;
    let link = "Deleted and revoked tokens";
    let page = site.get("/settings/tokens", &cookie).await;
    page.shows("No tokens yet");
    page.hides(link);
    let id = site.create(MEMBER, "gone", Scope::ReadWrite).await.token.id;
    site.post(&format!("/settings/tokens/{id}/delete"), &cookie, "")
        .await;
    let page = site.get("/settings/tokens", &cookie).await;
    page.shows("No active tokens");
    page.shows(link);
}

#[tokio::test]
async fn an_expiry_date_is_the_same_day_wherever_it_is_shown() {
    let site = Site::new().await;
    let cookie = site.sign_in(MEMBER).await;
    let form = "name=nightly&scope=read_write&expiry=&expiryDate=2099-01-01";
    let page = site.post("/settings/tokens/new", &cookie, form).await;
    assert_eq!(page.status, 201);
    page.shows("1 Jan 2099");
    let list = site.get("/settings/tokens", &cookie).await;
    list.shows("1 Jan 2099");
    let (_, rest) = list
        .text
        .split_once("/settings/tokens/pat_")
        .expect("a link");
    let id: String = rest.chars().take_while(char::is_ascii_hexdigit).collect();
    for path in [
        &*format!("/settings/tokens/pat_{id}"),
        &*format!("/settings/tokens/pat_{id}/rotate"),
        "/settings/agent-runs/new",
    ] {
        let page = site.get(path, &cookie).await;
        page.shows("1 Jan 2099");
        page.hides("2 Jan 2099");
    }
}
