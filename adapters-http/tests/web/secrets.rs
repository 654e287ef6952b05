//! A secret is shown once, in the response that creates it, and nowhere else.

use http::StatusCode;
use openindex_domain::token::Scope;
use openindex_domain::user::Role;

use crate::support::{ADMIN, Page, Site};

/// The only secret on a page.
fn secret(page: &Page, prefix: &str, length: usize) -> String {
    let mut found = page.text.match_indices(prefix);
    let (at, _) = found.next().expect("a secret");
    assert_eq!(found.next(), None, "it stands there once");
    page.text[at..at + length].to_owned()
}

async fn stands_nowhere_else(site: &Site, cookie: &str, secret: &str) {
    for path in [
        "/settings/tokens",
        "/settings/tokens/new",
        "/settings/account",
        "/settings/admin/users",
        "/settings/admin/invites",
        "/settings/admin/tokens",
        "/settings/admin/audit",
        "/settings/admin/tokens/revoke?status=live",
    ] {
        let page = site.get(path, cookie).await;
        assert_eq!(page.status, 200, "{path}");
        page.hides(secret);
        assert!(!format!("{:?}", page.headers).contains(secret));
    }
}

#[tokio::test]
async fn a_created_token_is_shown_in_the_response_and_works() {
    let site = Site::new().await;
    let cookie = site.sign_in(ADMIN).await;
    let form = "name=nightly&scope=admin&expiry=30";
    let page = site.post("/settings/tokens/new", &cookie, form).await;
    assert_eq!(
        (page.status, page.header("location")),
        (StatusCode::CREATED, "")
    );
    assert_eq!(page.header("cache-control"), "no-store");
    page.shows("It is shown only once");
    let secret = secret(&page, "oi_pat_", 55);
    assert!(!format!("{:?}", page.headers).contains(&secret));
    let principal = site
        .domain
        .tokens
        .verify(&secret)
        .await
        .expect("a live token");
    let token = principal.token().expect("a token");
    assert_eq!(
        (token.name.as_str(), token.scope),
        ("nightly", Scope::Admin)
    );
    stands_nowhere_else(&site, &cookie, &secret[7..]).await;
}

#[tokio::test]
async fn a_rotated_token_is_shown_in_the_response_and_the_old_one_is_revoked() {
    let site = Site::new().await;
    let old = site.create(ADMIN, "old", Scope::ReadWrite).await;
    let cookie = site.sign_in(ADMIN).await;
    let path = format!("/settings/tokens/{}/rotate", old.token.id);
    let page = site.post(&path, &cookie, "overlap=0&expiry=").await;
    assert_eq!(page.status, StatusCode::CREATED);
    page.shows("The old token no longer works.");
    let new = secret(&page, "oi_pat_", 55);
    assert!(site.domain.tokens.verify(&new).await.is_ok());
    assert!(
        site.domain
            .tokens
            .verify(old.secret.expose())
            .await
            .is_err()
    );
    stands_nowhere_else(&site, &cookie, &new[7..]).await;
}

#[tokio::test]
async fn the_links_of_invites_and_accounts_are_shown_once_too() {
    let site = Site::new().await;
    let cookie = site.sign_in(ADMIN).await;
    let form = "email=new%40example.com&role=member";
    let page = site.post("/settings/admin/invites", &cookie, form).await;
    let prefix = "https://oi.example.com/join/";
    let link = secret(&page, prefix, prefix.len() + 43);
    stands_nowhere_else(&site, &cookie, &link[prefix.len()..]).await;
    assert_eq!(site.get(&link[22..], "").await.status, 200);

    let (_, _) = site.invite("third@example.com", Role::Member).await;
    let user = openindex_domain::testing::fixtures::user(2).id;
    let path = format!("/settings/admin/users/{user}/sign-in-link");
    let page = site.post(&path, &cookie, "").await;
    let prefix = "https://oi.example.com/sign-in/link/";
    let link = secret(&page, prefix, prefix.len() + 43);
    stands_nowhere_else(&site, &cookie, &link[prefix.len()..]).await;
    assert_eq!(site.get(&link[22..], "").await.status, 200);
}
