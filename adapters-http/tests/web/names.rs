//! Names are shown as text, whatever they contain.

use openindex_domain::testing::fixtures;
use openindex_domain::token::Scope;
use openindex_domain::user::{PersonName, Role};

use crate::support::{ADMIN, OTHER, Site, put_user};

const MARKUP: &str = "\"><script>alert(1)</script><img src=x onerror=alert(1)>'&";
const REORDERING: &str = "safe\u{202e}gnp.exe\u{2069}\u{2066}x\u{200f}";

async fn everywhere(site: &Site, cookie: &str) -> Vec<String> {
    let user = fixtures::user(OTHER).id;
    let mut pages = Vec::new();
    for path in [
        "/settings/tokens".to_owned(),
        "/settings/account".to_owned(),
        "/settings/admin/users".to_owned(),
        format!("/settings/admin/users/{user}"),
        format!("/settings/admin/users/{user}/suspend"),
        format!("/settings/admin/users/{user}/role"),
        "/settings/admin/tokens".to_owned(),
        format!("/settings/admin/tokens?user={user}"),
        "/settings/admin/tokens/revoke?scope=read_write".to_owned(),
        "/settings/admin/invites".to_owned(),
        "/settings/admin/audit".to_owned(),
    ] {
        let page = site.get(&path, cookie).await;
        assert_eq!(page.status, 200, "{path}");
        pages.push(page.text);
    }
    pages
}

async fn site_with(name: &str) -> (Site, String) {
    let site = Site::new().await;
    for number in [ADMIN, OTHER] {
        let mut user = fixtures::user(number);
        user.name = PersonName::from_stored(name);
        user.role = if number == ADMIN {
            Role::Admin
        } else {
            Role::Member
        };
        put_user(&site.domain, user).await;
        site.create(number, name, Scope::ReadWrite).await;
    }
    site.invite("new@example.com", Role::Member).await;
    let cookie = site.sign_in(ADMIN).await;
    (site, cookie)
}

#[tokio::test]
async fn markup_in_names_is_text() {
    let (site, cookie) = site_with(MARKUP).await;
    for page in everywhere(&site, &cookie).await {
        assert!(!page.contains("<script>"), "{page}");
        assert!(!page.contains("<img src=x"), "{page}");
        assert!(
            page.contains("&#34;&#62;&#60;script&#62;alert(1)"),
            "{page}"
        );
    }
}

#[tokio::test]
async fn names_cannot_reorder_the_text_around_them() {
    let (site, cookie) = site_with(REORDERING).await;
    for page in everywhere(&site, &cookie).await {
        for control in ['\u{202e}', '\u{2069}', '\u{2066}', '\u{200f}'] {
            assert!(!page.contains(control), "{page}");
        }
        assert!(page.contains("<bdi>safegnp.exex</bdi>") || page.contains("safegnp.exex</bdi>"));
    }
}

#[tokio::test]
async fn user_agents_are_escaped() {
    let site = Site::new().await;
    let request = crate::support::request(http::Method::POST, "/sign-in", "")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("sec-fetch-site", "same-origin")
        .header("user-agent", "<script>alert(1)</script> \"x")
        .body(axum::body::Body::from(crate::support::credentials(ADMIN)));
    let page = site.send(request.expect("a request")).await;
    let page = site.get("/settings/account", &page.cookie()).await;
    page.hides("<script>alert");
    page.shows("&#60;script&#62;alert(1)&#60;/script&#62; &#34;x");
}

#[tokio::test]
async fn restored_entries_are_escaped() {
    let site = Site::new().await;
    let cookie = site.sign_in(ADMIN).await;
    let typed = "%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E";
    for (path, form) in [
        ("/sign-in", format!("email={typed}&password=x")),
        (
            "/settings/tokens/new",
            format!("name={typed}&scope=x&expiry=&expiryDate={typed}"),
        ),
        ("/settings/admin/invites", format!("email={typed}")),
    ] {
        let page = site.post(path, &cookie, &form).await;
        assert_eq!(page.status, 422, "{path}");
        page.hides("<script>alert");
        page.shows("&#34;&#62;&#60;script&#62;");
    }
    for query in ["admin/tokens?unusedSince=", "admin/audit?subject="] {
        let page = site
            .get(&format!("/settings/{query}{typed}"), &cookie)
            .await;
        page.hides("<script>alert");
        page.shows("&#34;&#62;&#60;script&#62;");
    }
}
