//! A session ends while a form is filled in: nothing is changed, and no entries are lost.

use axum::body::Body;
use http::{Method, StatusCode, header};
use openindex_domain::session::IDLE_LIMIT_SECONDS;
use openindex_domain::testing::fixtures;
use openindex_domain::token::Scope;

use crate::support::{ADMIN, MEMBER, OTHER, Page, Site, credentials, request};

const NEW: &str = "/settings/tokens/new";

/// Sends a form with an ended session and signs in. Returns the page that opens.
async fn send_and_sign_in(site: &Site, user: u64, path: &str, form: &str) -> (Page, String) {
    let cookie = site.sign_in(user).await;
    site.domain.clock.advance_seconds(IDLE_LIMIT_SECONDS);
    let sent = site.post(path, &cookie, form).await;
    assert!(sent.to().starts_with("/sign-in?next="), "{sent:?}");
    assert!(sent.sets_session().contains("Max-Age=0"), "{sent:?}");
    let draft = sent.draft().to_owned();
    assert!(draft.starts_with("__Host-openindex_draft="), "{sent:?}");
    let sign_in = site.get(sent.to(), &draft).await;
    sign_in.shows("Your session has ended, so nothing was saved.");
    let next = sent.to().split_once("next=").expect("where to go").1;
    let form = format!("{}&next={next}", credentials(user));
    let signed_in = site.post("/sign-in", &draft, &form).await;
    let cookie = signed_in.cookie();
    let page = site
        .get(signed_in.to(), &format!("{cookie}; {draft}"))
        .await;
    assert_eq!(page.status, StatusCode::OK, "{page:?}");
    page.shows("The form you submitted was not processed.");
    let dropped = page.headers.get_all("set-cookie").iter();
    let mut dropped = dropped.map(|value| value.to_str().expect("text"));
    assert!(
        dropped.any(|set| set.starts_with("__Host-openindex_draft=; Path=/; Max-Age=0")),
        "{page:?}"
    );
    (page, cookie)
}

#[tokio::test]
async fn the_entries_of_a_new_token_are_restored_and_nothing_was_created() {
    let site = Site::new().await;
    let form = "name=night+%26+day&scope=admin&expiry=90&expiryDate=";
    let (page, cookie) = send_and_sign_in(&site, ADMIN, NEW, form).await;
    page.shows("value=\"night &#38; day\"");
    page.shows("value=\"admin\" required checked");
    page.shows("value=\"90\" selected");
    page.shows("Your entries were restored");
    page.shows("as <bdi class=\"strong\">User 1</bdi>");
    let list = site.get("/settings/tokens", &cookie).await;
    list.hides("night");
    // Sent again, the form is processed.
    let sent = format!("{form}&form={}", page.form());
    site.resend(NEW, &cookie, &sent).await.shows("oi_pat_");
}

#[tokio::test]
async fn entries_of_every_other_form_are_restored() {
    let site = Site::new().await;
    let issued = site.create(ADMIN, "laptop", Scope::ReadWrite).await;
    let token = format!("/settings/tokens/{}/rotate", issued.token.id);
    let email = format!("/settings/admin/users/{}/email", fixtures::user(OTHER).id);
    for (path, form, shown) in [
        (&*token, "overlap=3600&expiry=30", "value=\"3600\" selected"),
        (
            "/settings/admin/invites",
            "email=eve%40example.com&role=admin",
            "value=\"eve@example.com\"",
        ),
        (
            &email,
            "email=new%40example.com",
            "value=\"new@example.com\"",
        ),
    ] {
        let (page, _) = send_and_sign_in(&site, ADMIN, path, form).await;
        page.shows(shown);
    }
}

#[tokio::test]
async fn a_form_without_fields_leads_back_to_its_page() {
    let site = Site::new().await;
    let issued = site.create(MEMBER, "laptop", Scope::ReadWrite).await;
    let path = format!("/settings/tokens/{}/delete", issued.token.id);
    let (page, cookie) = send_and_sign_in(&site, MEMBER, &path, "").await;
    page.shows("Review the form and submit it again.");
    page.hides("Your entries were restored");
    site.get("/settings/tokens", &cookie).await.shows("laptop");
}

#[tokio::test]
async fn drafts_contain_no_passwords_or_tokens() {
    let site = Site::new().await;
    let secret = site.create(MEMBER, "laptop", Scope::ReadWrite).await;
    let secret = secret.secret.expose().to_owned();
    let password = "currentPassword=kettle+walrus+teapot&password=elephant+umbrella";
    for (path, form) in [
        ("/settings/account/password", password.to_owned()),
        (NEW, format!("name={secret}&scope=read_write")),
    ] {
        let sent = site.post(path, "", &form).await;
        let draft = sent.draft().to_owned();
        assert!(draft.starts_with("__Host-openindex_draft="), "{sent:?}");
        for hidden in ["walrus", "umbrella", &secret] {
            assert!(!draft.contains(hidden), "{draft}");
        }
        site.get(sent.to(), &draft)
            .await
            .shows("Your session has ended, so nothing was saved.");
    }
}

#[tokio::test]
async fn entries_are_restored_only_on_their_page_and_after_sign_in() {
    let site = Site::new().await;
    // The browser still has the user's ID, but the session has ended.
    let user = format!("__Host-openindex_user={}", fixtures::user(MEMBER).id);
    let sent = site.post(NEW, &user, "name=laptop&scope=read_write").await;
    let draft = sent.draft().to_owned();
    let other = format!("{}; {draft}", site.sign_in(OTHER).await);
    site.get(NEW, &other).await.hides("laptop");
    let cookie = format!("{}; {draft}", site.sign_in(MEMBER).await);
    for path in ["/settings/tokens", "/settings/account"] {
        site.get(path, &cookie).await.hides("not processed");
    }
    site.get(NEW, &cookie).await.shows("value=\"laptop\"");
    assert_eq!(site.get(NEW, &draft).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn entries_too_long_for_a_cookie_are_reported() {
    let site = Site::new().await;
    let form = format!("scope=admin&expiry=7&name={}", "x".repeat(4_000));
    let (page, _) = send_and_sign_in(&site, ADMIN, NEW, &form).await;
    page.shows("Your entries were restored, except those too long to store.");
    page.shows("value=\"admin\" required checked");
    page.hides("xxxx");
}

#[tokio::test]
async fn another_site_cannot_fill_in_a_form() {
    let site = Site::new().await;
    let request = request(Method::POST, NEW, "")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header("sec-fetch-site", "cross-site")
        .body(Body::from("name=evil&scope=admin"));
    let page = site.send(request.expect("a request")).await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    assert_eq!(page.draft(), "");
}

#[tokio::test]
async fn the_sign_in_page_says_why_it_is_there() {
    let site = Site::new().await;
    let cookie = site.sign_in(MEMBER).await;
    site.domain.clock.advance_seconds(IDLE_LIMIT_SECONDS);
    let page = site.get("/settings/account", &cookie).await;
    let page = site.follow(&page, "").await;
    page.shows("Your session has ended. Sign in to continue.");
    for (path, name) in [
        ("/settings/admin/users", "Users"),
        ("/settings/tokens/new", "Tokens"),
        ("/settings/unheard-of", "the page you asked for"),
    ] {
        let page = site.get(&format!("/sign-in?next={path}"), "").await;
        page.shows(&format!("Sign in to open {name}."));
    }
    let page = site.get("/sign-in", "").await;
    page.hides("Sign in to open");
    page.hides("has ended");
    // A wrong password does not lose the reason.
    let wrong = "email=a%40example.com&password=no&next=/settings/account";
    let page = site.post("/sign-in", "", wrong).await;
    page.shows("Sign in to open Account.");
}
