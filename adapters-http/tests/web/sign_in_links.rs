//! A sign-in link gives access to an account: the page says so beforehand, and the user is notified
//! afterwards.

use openindex_domain::testing::fixtures;

use crate::support::{ADMIN, MEMBER, OTHER, Site};

const NEW: &str = "elephant+umbrella+river";
const NOTICE: &str = "A sign-in link was used for your account";

/// Uses a link for the member's account. Returns the cookie of the new session.
async fn take_over(site: &Site) -> String {
    let path = format!("/sign-in/link/{}", site.link(MEMBER).await);
    let page = site.post(&path, "", &format!("password={NEW}")).await;
    assert_eq!(page.to(), "/settings/tokens", "{page:?}");
    page.cookie()
}

async fn sign_in_again(site: &Site) -> String {
    site.domain.clock.advance_seconds(60);
    let credentials = format!("email=user{MEMBER}%40example.com&password={NEW}");
    site.post("/sign-in", "", &credentials).await.cookie()
}

#[tokio::test]
async fn the_page_of_a_sign_in_link_says_what_it_does_before_the_button() {
    let site = Site::new().await;
    let page = site
        .get(&format!("/sign-in/link/{}", site.link(OTHER).await), "")
        .await;
    let user = fixtures::user(OTHER);
    let warning = format!(
        "This sets a new password for <bdi class=\"strong\">{}</bdi> (<bdi>{}</bdi>), ends all \
         other browser sessions",
        user.name.as_str(),
        user.email
    );
    let at = page.text.find(&warning).expect("it says so");
    let button = page.text.find("type=\"submit\"").expect("a button");
    assert!(at < button);
    page.shows("they’ll see when and from where this link was used");
}

#[tokio::test]
async fn the_use_of_a_sign_in_link_is_reported_at_the_next_sign_in() {
    let site = Site::new().await;
    let by_link = take_over(&site).await;
    site.get("/settings/tokens", &by_link).await.hides(NOTICE);
    let cookie = sign_in_again(&site).await;
    for path in ["/settings/tokens", "/settings/account"] {
        let page = site.get(path, &cookie).await;
        page.shows(NOTICE);
        page.shows("<span>24 Nov 2026,</span> <span>06:00 UTC</span>");
    }
    let other = site.sign_in(ADMIN).await;
    site.get("/settings/tokens", &other).await.hides(NOTICE);
}

#[tokio::test]
async fn a_session_from_a_sign_in_link_cannot_dismiss_its_notice() {
    let site = Site::new().await;
    let by_link = take_over(&site).await;
    let dismiss = "/settings/notices/dismiss";
    let later = fixtures::NOW.saturating_add_seconds(3600);
    let up_to = format!("upTo={}", later.unix_millis());
    site.post(dismiss, &by_link, &up_to).await;
    let cookie = sign_in_again(&site).await;
    site.get("/settings/tokens", &cookie).await.shows(NOTICE);
    site.post(dismiss, &cookie, &up_to).await;
    site.get("/settings/tokens", &cookie).await.hides(NOTICE);
}
