//! Users who arrive by an invite or a sign-in link.

use openindex_domain::invite::INVITE_LIFETIME_SECONDS;
use openindex_domain::session::SIGN_IN_LINK_LIFETIME_SECONDS;
use openindex_domain::testing::InMemory;
use openindex_domain::token::Scope;
use openindex_domain::user::Role;

use crate::support::{ADMIN, HTTPS, MEMBER, Site, credentials, state};

const CLAIM: &str = "name=Grace+Hopper&password=elephant+umbrella";

#[tokio::test]
async fn claiming_an_invite_signs_in_and_the_password_works() {
    let site = Site::new().await;
    let (_, code) = site.invite("grace@example.com", Role::Member).await;
    let path = format!("/join/{code}");
    let page = site.get(&path, "").await;
    page.shows("value=\"grace@example.com\"");
    let page = site.post(&path, "", CLAIM).await;
    assert_eq!(page.to(), "/settings/tokens");
    let cookie = page.cookie();
    let page = site.follow(&page, &cookie).await;
    page.shows("Your account is ready");
    page.shows("Grace Hopper");
    page.shows("No tokens yet");
    page.hides("/settings/admin");
    site.get("/settings/account", &cookie).await.shows("Member");
    let again = "email=Grace%40Example.com&password=elephant+umbrella";
    assert_eq!(
        site.post("/sign-in", "", again).await.to(),
        "/settings/tokens"
    );
}

#[tokio::test]
async fn an_invite_works_once_and_then_says_why_it_is_invalid() {
    let site = Site::new().await;
    let (_, code) = site.invite("grace@example.com", Role::Member).await;
    let path = format!("/join/{code}");
    site.post(&path, "", CLAIM).await.cookie();
    for page in [site.get(&path, "").await, site.post(&path, "", CLAIM).await] {
        assert_eq!((page.status.as_u16(), page.sets_session()), (410, ""));
        page.shows("This invite has already been used");
    }
    let (_, code) = site.invite("late@example.com", Role::Member).await;
    site.domain.clock.advance_seconds(INVITE_LIFETIME_SECONDS);
    let page = site.get(&format!("/join/{code}"), "").await;
    assert_eq!(page.status, 410);
    page.shows("This invite has expired");
    for nonsense in ["nonsense", &"x".repeat(43), "%00", "%F0%9F%A6%80"] {
        let page = site.get(&format!("/join/{nonsense}"), "").await;
        assert_eq!(page.status, 404, "{nonsense}");
    }
}

#[tokio::test]
async fn errors_are_shown_beside_the_field_and_the_name_is_kept() {
    let site = Site::new().await;
    let (_, code) = site.invite("grace@example.com", Role::Member).await;
    let path = format!("/join/{code}");
    for (form, message) in [
        ("name=Grace&password=short", "Use at least 15 characters."),
        ("name=Grace&password=passwordpassword", "too easy to guess"),
        (
            "name=Grace&password=grace%40example.com",
            "Don’t use your name, your email address",
        ),
        (
            "name=&password=elephant+umbrella",
            "The name must not be blank.",
        ),
    ] {
        let page = site.post(&path, "", form).await;
        assert_eq!(page.status, 422, "{form}");
        page.shows(message);
        page.hides("elephant");
    }
    let page = site.post(&path, "", "name=Gr%C3%A4ce&password=short").await;
    page.shows("value=\"Gräce\"");
    assert_eq!(site.get(&path, "").await.status, 200, "it is still open");
}

#[tokio::test]
async fn the_first_administrator_enters_an_address() {
    let domain = InMemory::default();
    let code = domain
        .invites
        .first_admin()
        .await
        .expect("an invite")
        .secret;
    let state = state(&domain, HTTPS);
    let site = Site::on(domain, state);
    let path = format!("/join/{}", code.expose());
    site.get(&path, "").await.shows("Set up OpenIndex");
    let page = site.post(&path, "", CLAIM).await;
    assert_eq!(page.status, 422);
    page.shows("must be an email address");
    let page = site
        .post(&path, "", &format!("{CLAIM}&email=grace%40example.com"))
        .await;
    let page = site.get("/settings/admin/users", &page.cookie()).await;
    page.shows("1 active user, 1 administrator");
}

#[tokio::test]
async fn a_sign_in_link_sets_a_password_and_tokens_keep_working() {
    let site = Site::new().await;
    let issued = site.create(MEMBER, "kept", Scope::ReadWrite).await;
    let earlier = site.sign_in(MEMBER).await;
    let path = format!("/sign-in/link/{}", site.link(MEMBER).await);
    let page = site.get(&path, "").await;
    page.shows("user2@example.com");
    let page = site.post(&path, "", "password=short").await;
    assert_eq!((page.status.as_u16(), page.sets_session()), (422, ""));
    let page = site.post(&path, "", "password=elephant+umbrella").await;
    assert_eq!(page.to(), "/settings/tokens");
    assert_eq!(
        site.get("/settings/tokens", &page.cookie()).await.status,
        200
    );
    assert_eq!(site.get("/settings/tokens", &earlier).await.status, 303);
    assert!(
        site.domain
            .tokens
            .verify(issued.secret.expose())
            .await
            .is_ok()
    );
    assert_eq!(
        site.post("/sign-in", "", &credentials(MEMBER)).await.status,
        422
    );
    let page = site.post(&path, "", "password=another+umbrella+pole").await;
    assert_eq!((page.status.as_u16(), page.sets_session()), (404, ""));
    page.shows("This link can’t be used");
}

#[tokio::test]
async fn a_sign_in_link_expires_and_is_replaced_by_a_newer_one() {
    let site = Site::new().await;
    let first = format!("/sign-in/link/{}", site.link(MEMBER).await);
    let second = format!("/sign-in/link/{}", site.link(MEMBER).await);
    assert_eq!(site.get(&first, "").await.status, 404);
    assert_eq!(site.get(&second, "").await.status, 200);
    site.domain
        .clock
        .advance_seconds(SIGN_IN_LINK_LIFETIME_SECONDS);
    assert_eq!(site.get(&second, "").await.status, 404);
}

#[tokio::test]
async fn over_plain_http_no_password_is_accepted() {
    let site = Site::at("http://oi.example.com").await;
    let code = site.domain.invites.first_admin().await;
    assert!(code.is_err(), "there are users");
    let https = Site::new().await;
    let (_, code) = https.invite("grace@example.com", Role::Member).await;
    let link = https.link(ADMIN).await;
    let state = state(&https.domain, "http://oi.example.com");
    let site = Site::on(https.domain, state);
    for path in [format!("/join/{code}"), format!("/sign-in/link/{link}")] {
        let page = site.get(&path, "").await;
        page.shows("HTTPS required");
        page.hides("name=\"password\"");
        let page = site.post(&path, "", CLAIM).await;
        assert_eq!((page.status.as_u16(), page.sets_session()), (403, ""));
    }
}
