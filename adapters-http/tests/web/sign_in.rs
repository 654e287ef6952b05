//! Signing in and out.

use axum::body::Body;
use http::Method;
use openindex_domain::session::ABSOLUTE_LIMIT_SECONDS;
use openindex_domain::testing::fixtures;
use openindex_domain::token::Scope;
use openindex_domain::user::{Email, Role};

use crate::support::{ADMIN, MEMBER, OTHER, Site, credentials, put_user, request_to};

const WRONG: &str = "Incorrect email address or password.";

#[tokio::test]
async fn over_https_the_cookie_is_bound_to_the_host_and_hidden_from_scripts() {
    let site = Site::new().await;
    let page = site.post("/sign-in", "", &credentials(MEMBER)).await;
    let set = page.sets_session();
    let (name, rest) = set.split_once('=').expect("a cookie");
    let (secret, flags) = rest.split_once("; ").expect("flags");
    assert_eq!(name, "__Host-openindex_session");
    assert_eq!(secret.len(), 43);
    let max_age = format!("Max-Age={ABSOLUTE_LIMIT_SECONDS}");
    assert_eq!(
        flags,
        format!("Path=/; {max_age}; HttpOnly; SameSite=Lax; Secure")
    );
    assert!(!page.text.contains(secret) && !page.to().contains(secret));
}

#[tokio::test]
async fn on_the_own_machine_http_is_enough() {
    for url in [
        "http://127.0.0.1:8080",
        "http://localhost:8080",
        "http://[::1]:8080",
    ] {
        let site = Site::at(url).await;
        let page = site.post("/sign-in", "", &credentials(MEMBER)).await;
        let set = page.sets_session();
        assert!(set.starts_with("openindex_session="), "{set}");
        assert!(set.ends_with("; HttpOnly; SameSite=Lax"), "{set}");
        let page = site.get("/settings/tokens", &page.cookie()).await;
        assert_eq!(page.status, 200);
    }
}

#[tokio::test]
async fn what_is_for_the_own_machine_does_not_answer_behind_a_proxy_that_nobody_told_it_of() {
    let site = Site::at("http://127.0.0.1:8080").await;
    for host in ["oi.example.com", "192.168.1.2:8080"] {
        let request = request_to(host, Method::POST, "/sign-in", "")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from(credentials(MEMBER)));
        let page = site.send(request.expect("a request")).await;
        assert_eq!((page.status.as_u16(), page.sets_session()), (421, ""));
        page.shows("--public-url https://");
    }
}

#[tokio::test]
async fn over_a_network_in_the_clear_nobody_signs_in() {
    let site = Site::at("http://oi.example.com").await;
    let page = site.get("/sign-in", "").await;
    assert_eq!(page.status, 200);
    page.shows("HTTPS required");
    page.hides("name=\"password\"");
    let page = site.post("/sign-in", "", &credentials(MEMBER)).await;
    assert_eq!((page.status.as_u16(), page.sets_session()), (403, ""));
    page.shows("--public-url https://");
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_address_get_the_same_answer() {
    let site = Site::new().await;
    let right = credentials(MEMBER);
    let mut answers = Vec::new();
    for form in [
        "email=user2%40example.com&password=wrong".to_owned(),
        right.replace("user2", "nobody"),
        "email=user2%40example.com&password=".to_owned(),
        format!("email=user2%40example.com&password={}", "x".repeat(2000)),
    ] {
        let page = site.post("/sign-in", "", &form).await;
        assert_eq!((page.status.as_u16(), page.sets_session()), (422, ""));
        page.shows(WRONG);
        page.shows("@example.com\"");
        answers.push(page.text.replace("nobody", "user2"));
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:#?}");
    let page = site
        .post("/sign-in", "", "email=not+an+address&password=x")
        .await;
    page.shows(WRONG);
    page.shows("value=\"not an address\"");
}

#[tokio::test]
async fn a_suspended_person_is_told_so_when_the_password_is_right() {
    let site = Site::new().await;
    site.suspend(MEMBER).await;
    let page = site.post("/sign-in", "", &credentials(MEMBER)).await;
    assert_eq!((page.status.as_u16(), page.sets_session()), (403, ""));
    page.shows("This account is suspended.");
    let wrong = "email=user2%40example.com&password=wrong";
    site.post("/sign-in", "", wrong).await.shows(WRONG);
}

#[tokio::test]
async fn too_many_attempts_are_answered_with_the_wait() {
    let site = Site::new().await;
    let wrong = "email=user2%40example.com&password=wrong";
    for _ in 0..10 {
        assert_eq!(site.post("/sign-in", "", wrong).await.status, 422);
    }
    // Another spelling of the address, and even the right password.
    let form = credentials(MEMBER).replace("user2", "USER2");
    let page = site.post("/sign-in", "", &form).await;
    assert_eq!(
        (page.status.as_u16(), page.header("retry-after")),
        (429, "900")
    );
    page.shows("Too many attempts. Try again in 15 minutes.");
    page.shows("value=\"USER2@example.com\"");
    site.sign_in(ADMIN).await;
}

#[tokio::test]
async fn a_sign_in_leads_back_to_the_page_that_asked_for_it() {
    let site = Site::new().await;
    let wanted = "/settings/admin/audit?action=token.created";
    let page = site.get(wanted, "").await;
    let to = "/sign-in?next=%2Fsettings%2Fadmin%2Faudit%3Faction%3Dtoken.created";
    assert_eq!(page.to(), to);
    let page = site.get(to, "").await;
    page.shows(&format!("name=\"next\" value=\"{wanted}\""));
    let form = format!("{}&next=%2Fsettings%2Fadmin%2Faudit", credentials(ADMIN));
    let page = site.post("/sign-in", "", &form).await;
    assert_eq!(page.to(), "/settings/admin/audit");
    // Whoever is signed in already goes there at once.
    assert_eq!(site.get(to, &page.cookie()).await.to(), wanted);
}

#[tokio::test]
async fn no_sign_in_leads_to_another_site() {
    let site = Site::new().await;
    let cookie = site.sign_in(MEMBER).await;
    for next in [
        "https://evil.example",
        "//evil.example",
        "/%5Cevil.example",
        "%2F%2Fevil.example%2Fsettings%2F",
        "/settings/..//evil.example",
        "/settings/%5C%5Cevil.example",
        "javascript:alert(1)",
        "/settings/x%0d%0aLocation:+https://evil.example",
        "/sign-out",
        "settings/tokens",
    ] {
        let form = format!("{}&next={next}", credentials(MEMBER));
        let page = site.post("/sign-in", "", &form).await;
        assert_eq!(page.to(), "/settings/tokens", "{next}");
        let path = format!("/sign-in?next={next}");
        assert_eq!(
            site.get(&path, &cookie).await.to(),
            "/settings/tokens",
            "{next}"
        );
        site.get(&path, "").await.hides("name=\"next\"");
    }
}

#[tokio::test]
async fn signing_in_makes_a_new_session_and_signing_out_ends_it() {
    let site = Site::new().await;
    let (first, second) = (site.sign_in(MEMBER).await, site.sign_in(MEMBER).await);
    assert_ne!(first, second);
    let page = site.post("/sign-out", &first, "").await;
    assert!(page.sets_session().contains("Max-Age=0"));
    site.follow(&page, "").await.shows("You are signed out.");
    assert_eq!(site.get("/settings/account", &first).await.status, 303);
    assert_eq!(site.get("/settings/account", &second).await.status, 200);
}

#[tokio::test]
async fn what_was_done_is_said_once_and_no_link_can_say_it() {
    let site = Site::new().await;
    let cookie = site.sign_in(MEMBER).await;
    let issued = site.create(MEMBER, "<b>ci</b>", Scope::ReadWrite).await;
    let delete = format!("/settings/tokens/{}/delete", issued.token.id);
    let deleted = site.post(&delete, &cookie, "").await;
    assert_eq!(deleted.to(), "/settings/tokens");
    let page = site.follow(&deleted, &cookie).await;
    page.shows("Token <bdi class=\"strong\">&#60;b&#62;ci&#60;/b&#62;</bdi> was deleted.");
    // The browser is told to forget it.
    assert!(page.header("set-cookie").contains("_done=; "), "{page:?}");
    site.get(deleted.to(), &cookie).await.hides("was deleted");
    for forged in [
        "token-deleted",
        "token-deleted.x",
        "%3Cb%3Eclosed",
        "nonsense",
    ] {
        let path = format!("/settings/tokens?done={forged}");
        let cookie = format!("{cookie}; openindex_done={forged}");
        site.get(&path, &cookie).await.hides("role=\"status\"");
    }
}

#[tokio::test]
async fn what_an_unknown_cookie_says_was_done_is_not_said() {
    let site = Site::new().await;
    let cookie = site.sign_in(MEMBER).await;
    for value in [
        "",
        ".",
        "nonsense",
        "token-deleted",
        "signed-out.x",
        "token-deleted.%ff",
    ] {
        let cookie = format!("{cookie}; __Host-openindex_done={value}");
        site.get("/settings/tokens", &cookie)
            .await
            .hides("role=\"status\"");
    }
}

#[tokio::test]
async fn behind_a_path_every_link_begins_with_it() {
    let site = Site::at("https://example.com/oi").await;
    let page = site.get("/settings/tokens", "").await;
    assert_eq!(page.to(), "/oi/sign-in?next=%2Fsettings%2Ftokens");
    let page = site.post("/sign-in", "", &credentials(ADMIN)).await;
    assert_eq!(page.to(), "/oi/settings/tokens");
    let cookie = page.cookie();
    for path in [
        "/settings/tokens",
        "/settings/account",
        "/settings/admin/tokens?scope=admin",
        "/docs",
    ] {
        let page = site.get(path, &cookie).await;
        for attribute in ["href=\"/", "action=\"/", "src=\"/"] {
            for (at, _) in page.text.match_indices(attribute) {
                let rest = &page.text[at..];
                let shown: String = rest.chars().take(60).collect();
                assert!(
                    rest.starts_with(&format!("{attribute}oi/")),
                    "{path}: {shown}"
                );
            }
        }
    }
}

/// Browsers that check the address themselves reject letters that are not ASCII.
#[tokio::test]
async fn the_server_alone_decides_what_is_an_email_address() {
    let site = Site::new().await;
    let mut user = fixtures::user(OTHER);
    user.email = Email::parse("jürgen@bücher.example").expect("an address");
    let form = format!("/settings/admin/users/{}/email", user.id);
    put_user(&site.domain, user).await;
    let admin = site.sign_in(ADMIN).await;
    let (_, join) = site.invite("new@example.com", Role::Member).await;
    for (path, cookie) in [
        ("/sign-in", ""),
        ("/settings/admin/invites", &admin),
        (&form, &admin),
        (&format!("/join/{join}"), ""),
        (&format!("/sign-in/link/{}", site.link(OTHER).await), ""),
        ("/settings/account", &admin),
    ] {
        let page = site.get(path, cookie).await;
        assert_eq!(page.status, 200, "{path}");
        page.hides("type=\"email\"");
    }
    let typed = "email=j%C3%BCrgen%40b%C3%BCcher.example&password=kettle+walrus+teapot";
    let page = site.post("/sign-in", "", typed).await;
    assert_eq!(page.to(), "/settings/tokens", "{page:?}");
}
