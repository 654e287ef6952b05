//! The store is unavailable: no one can sign in, and no one is signed out.

use std::sync::Arc;

use openindex_domain::StoreError;
use openindex_domain::testing::{InMemory, MockSessionStore, fixtures};

use crate::support::{HTTPS, MEMBER, Site, state};

fn away() -> Site {
    let mut store = MockSessionStore::new();
    store
        .expect_find_session()
        .returning(|_| Err(StoreError::unavailable("connection to 10.0.0.7 refused")));
    let domain = InMemory::with(|ports| ports.sessions = Arc::new(store));
    let state = state(&domain, HTTPS);
    Site::on(domain, state)
}

#[tokio::test]
async fn an_outage_has_a_page_and_keeps_the_session_cookie() {
    let site = away();
    let cookie = format!("__Host-openindex_session={}", "x".repeat(43));
    for path in ["/", "/sign-in", "/settings/tokens", "/settings/admin/users"] {
        let page = site.get(path, &cookie).await;
        assert_eq!(page.status, 503, "{path}");
        assert_eq!(page.header("retry-after"), "2", "{path}");
        assert_eq!(page.sets_session(), "", "{path}");
        page.shows("Temporarily unavailable");
        page.hides("10.0.0.7");
    }
}

#[tokio::test]
async fn a_malformed_session_cookie_is_rejected_without_the_store() {
    let site = away();
    let page = site
        .get("/settings/tokens", "__Host-openindex_session=short")
        .await;
    assert_eq!(page.status, 303);
    for cookie in ["", &format!("__Host-openindex_session={}", "x".repeat(43))] {
        let page = site.get("/docs", cookie).await;
        assert_eq!(page.status, 200);
        assert_eq!(page.sets_session(), "");
    }
}

#[tokio::test]
async fn entries_are_restored_after_an_outage() {
    let path = "/settings/tokens/new";
    let form = Site::new().await.form();
    let sent = format!("name=laptop&scope=read_write&expiry=30&form={form}");
    let user = fixtures::user(MEMBER).id;
    let cookie = format!(
        "__Host-openindex_session={}; __Host-openindex_user={user}",
        "x".repeat(43)
    );
    let page = away().resend(path, &cookie, &sent).await;
    assert_eq!(page.status, 503);
    page.shows(&format!("href=\"{path}\""));
    let draft = page.draft();
    assert!(draft.contains("laptop"), "{page:?}");
    let site = Site::new().await;
    let cookie = format!("{}; {draft}", site.sign_in(MEMBER).await);
    let page = site.get(path, &cookie).await;
    page.shows("Submitting the form failed. Your entries were restored.");
    page.shows("value=\"laptop\"");
    assert_eq!(page.form(), form.to_string());
}
