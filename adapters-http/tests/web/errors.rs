//! Error pages: they keep the navigation and link back.

use axum::body::Body;
use http::{Method, StatusCode, header};
use openindex_adapters_http::web;
use openindex_domain::testing::fixtures;
use openindex_domain::token::Scope;

use crate::support::{ADMIN, MEMBER, OTHER, Page, Site, request, request_to, send_to};

/// Requests a page from the whole server.
async fn open(site: &Site, path: &str, cookie: &str) -> Page {
    let request = request(Method::GET, path, cookie).body(Body::empty());
    send_to(site.api(), request.expect("a request")).await
}

#[tokio::test]
async fn the_target_of_every_form_can_be_opened() {
    let pages: Vec<_> = web::routes()
        .into_iter()
        .filter(|route| route.method == Method::GET)
        .map(|route| route.path)
        .collect();
    let site = Site::new().await;
    let cookie = site.sign_in(ADMIN).await;
    let _item = site.item(ADMIN, "Rotate the key").await;
    let mut asked = 0;
    for route in web::routes() {
        if route.method != Method::POST || pages.contains(&route.path) {
            continue;
        }
        let id = fixtures::user(OTHER).id.to_string();
        let path = route.path.replace("{id}", &id).replace("{code}", "x");
        let path = path.replace("{key}", "OPS-1");
        let page = open(&site, &path, &cookie).await;
        assert_eq!(page.status, StatusCode::SEE_OTHER, "{path}");
        let to = page.to();
        assert!(path.starts_with(to), "{path} leads to {to}");
        let mut page = open(&site, to, &cookie).await;
        if page.status == StatusCode::SEE_OTHER {
            page = open(&site, page.to(), &cookie).await;
        }
        assert_eq!(page.status, StatusCode::OK, "{path} leads to {to}");
        asked += 1;
    }
    assert!(asked > 5, "{asked}");
    for (path, to) in [
        ("/sign-out", "/"),
        ("/settings/account/sessions/ses_x/end", "/settings/account"),
        ("/settings/notices/dismiss", "/settings"),
    ] {
        assert_eq!(open(&site, path, &cookie).await.to(), to);
    }
}

#[tokio::test]
async fn a_program_gets_405_with_allow() {
    let site = Site::new().await;
    for accept in ["*/*", "application/json"] {
        let request = http::Request::get("/sign-out")
            .header(header::HOST, "oi.example.com")
            .header(header::ACCEPT, accept)
            .body(Body::empty());
        let response = send_to(site.api(), request.expect("a request")).await;
        assert_eq!(response.status, StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(response.header("content-type"), "application/problem+json");
        assert_eq!(response.header("allow"), "POST");
    }
}

#[tokio::test]
async fn a_browser_gets_a_page_where_there_is_nothing_and_a_program_a_problem() {
    let site = Site::new().await;
    let cookie = site.sign_in(MEMBER).await;
    for path in [
        "/foo",
        "/me/nothing/here",
        "/settings/nothing",
        "/foo/%ff",
        "/index.php?x=y",
    ] {
        let page = open(&site, path, "").await;
        assert_eq!(page.status, StatusCode::NOT_FOUND, "{path}");
        page.shows("Page not found");
        page.shows(">Sign in</a>");
        assert!(page.header("content-security-policy").contains("'none'"));
        let page = open(&site, path, &cookie).await;
        page.shows("aria-label=\"Settings\"");
        page.shows("User 2");
        page.shows("Back to settings");
        let request = http::Request::get(path)
            .header(header::HOST, "oi.example.com")
            .body(Body::empty());
        let response = send_to(site.api(), request.expect("a request")).await;
        assert_eq!(response.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(response.header("content-type"), "application/problem+json");
    }
}

#[tokio::test]
async fn behind_a_prefix_the_not_found_page_links_below_it() {
    let site = Site::at("https://example.com/oi").await;
    let request = request_to("example.com", Method::GET, "/foo", "").body(Body::empty());
    let page = send_to(site.api(), request.expect("a request")).await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
    page.shows("href=\"/oi/\"");
    page.hides("href=\"/\"");
}

#[tokio::test]
async fn a_trailing_slash_redirects_to_the_page() {
    let site = Site::new().await;
    for (path, to) in [
        ("/settings/tokens/", "/settings/tokens"),
        ("/sign-in/", "/sign-in"),
        ("/docs/", "/docs"),
    ] {
        assert_eq!(open(&site, path, "").await.to(), to);
    }
    assert_eq!(open(&site, "/settings//", "").await.status, 404);
}

#[tokio::test]
async fn error_pages_keep_navigation_name_and_sign_out() {
    let site = Site::new().await;
    let (admin, member) = (site.sign_in(ADMIN).await, site.sign_in(MEMBER).await);
    let issued = site.create(MEMBER, "laptop", Scope::ReadWrite).await;
    let token = format!("/settings/tokens/{}", issued.token.id);
    site.post(&format!("{token}/rotate"), &member, "overlap=3600")
        .await;
    let own = format!("/settings/admin/users/{}", fixtures::user(ADMIN).id);
    for (cookie, path, form, status, back) in [
        (&member, "/settings/admin/users", None, 403, "/"),
        (&member, "/settings/nothing", None, 404, "/"),
        (
            &member,
            "/settings/notices/dismiss",
            Some("x=y"),
            400,
            "/settings",
        ),
        (
            &member,
            &format!("{token}/rotate"),
            Some(""),
            409,
            "/settings/tokens",
        ),
        (
            &member,
            "/settings/tokens/new",
            Some("form=frm_1"),
            400,
            "/settings/tokens/new",
        ),
        (
            &admin,
            &format!("{own}/delete"),
            Some(""),
            409,
            &format!("{own}/delete"),
        ),
        (
            &admin,
            &format!("{own}/role"),
            Some("role=king"),
            400,
            &format!("{own}/role"),
        ),
        (
            &admin,
            &format!("{own}/role"),
            Some("role=member"),
            409,
            &format!("{own}/role"),
        ),
    ] {
        let page = match form {
            None => site.get(path, cookie).await,
            Some(form) => site.post(path, cookie, form).await,
        };
        assert_eq!(page.status, status, "{path}: {page:#?}");
        page.shows("aria-label=\"Settings\"");
        page.shows("<span class=\"who\"><bdi>User ");
        page.shows("action=\"/sign-out\"");
        page.shows(&format!("href=\"{back}\""));
    }
    // The same for a request that the middleware rejects.
    let request = request(Method::POST, &format!("{token}/delete"), &member)
        .header("sec-fetch-site", "cross-site")
        .body(Body::empty());
    let page = site.send(request.expect("a request")).await;
    assert_eq!(page.status, 403);
    page.shows("action=\"/sign-out\"");
    page.shows(&format!("href=\"{token}/delete\""));
}

#[tokio::test]
async fn a_form_sent_again_says_that_it_already_took_effect() {
    let site = Site::new().await;
    let cookie = site.sign_in(ADMIN).await;
    let issued = site.create(ADMIN, "laptop", Scope::ReadWrite).await;
    let (invite, _) = site
        .invite("eve@example.com", openindex_domain::user::Role::Member)
        .await;
    for path in [
        format!("/settings/tokens/{}/delete", issued.token.id),
        format!("/settings/admin/invites/{invite}/withdraw"),
        format!("/settings/admin/users/{}/delete", fixtures::user(OTHER).id),
    ] {
        assert_eq!(site.post(&path, &cookie, "").await.status, 303, "{path}");
        let again = site.post(&path, &cookie, "").await;
        assert_eq!(again.status, 404, "{path}");
        again.shows("If you already submitted this form, your change was made.");
    }
}

#[tokio::test]
async fn the_first_invalid_field_has_the_focus_and_all_of_them_are_listed() {
    let site = Site::new().await;
    let cookie = site.sign_in(ADMIN).await;
    let (_, code) = site
        .invite("eve@example.com", openindex_domain::user::Role::Member)
        .await;
    let issued = site.create(ADMIN, "laptop", Scope::ReadWrite).await;
    let rotate = format!("/settings/tokens/{}/rotate", issued.token.id);
    let email = format!("/settings/admin/users/{}/email", fixtures::user(OTHER).id);
    let (new, join) = ("/settings/tokens/new", format!("/join/{code}"));
    let link = format!("/sign-in/link/{}", site.link(OTHER).await);
    for (path, form, invalid) in [
        (
            new,
            "name=&scope=x&expiryDate=2020-01-01",
            &["name", "scope", "expiry-date"][..],
        ),
        (
            new,
            "name=fine&scope=admin&expiryDate=2020-01-01",
            &["expiry-date"],
        ),
        (&*rotate, "overlap=0&expiryDate=soon", &["expiry-date"]),
        (
            "/settings/account/password",
            "currentPassword=wrong&password=elephant+umbrella",
            &["current"],
        ),
        (
            "/settings/account/password",
            "currentPassword=kettle+walrus+teapot&password=short",
            &["password"],
        ),
        (&*email, "email=nonsense", &["email"]),
        (
            "/settings/admin/invites",
            "email=nonsense&role=admin",
            &["email"],
        ),
        (&*join, "name=&password=short", &["name"]),
        (&*join, "name=Eve&password=short", &["password"]),
        (&*link, "password=short", &["password"]),
    ] {
        let page = site.post(path, &cookie, form).await;
        assert_eq!(page.status, 422, "{path} {form}: {page:#?}");
        let focused = page.text.matches(" autofocus").count();
        assert_eq!(focused, 1, "{path} {form}: {page:#?}");
        for (place, id) in invalid.iter().enumerate() {
            let tag = page
                .text
                .split('<')
                .find(|tag| tag.contains(&format!("id=\"{id}\"")));
            let tag = tag.expect("a field");
            assert!(tag.contains("aria-invalid=\"true\""), "{tag}");
            assert!(
                tag.contains(&format!("aria-describedby=\"{id}-error")),
                "{tag}"
            );
            assert_eq!(tag.contains(" autofocus"), place == 0, "{tag}");
            page.shows(&format!("id=\"{id}-error\">"));
            let is_listed = page.text.contains(&format!("<a href=\"#{id}\">"));
            assert_eq!(is_listed, invalid.len() > 1, "{path} {form}");
        }
    }
    // Valid entries are kept.
    let form = "name=fine&scope=admin&expiryDate=2020-01-01";
    let page = site.post(new, &cookie, form).await;
    page.shows("value=\"fine\"");
    page.shows("value=\"admin\" required checked");
    page.shows("value=\"2020-01-01\"");
}

#[tokio::test]
async fn an_invalid_filter_has_the_focus_and_keeps_its_entry() {
    let site = Site::new().await;
    let cookie = site.sign_in(ADMIN).await;
    for (page, field) in [
        ("tokens", "unusedSince"),
        ("tokens", "expiringBefore"),
        ("audit", "subject"),
        ("audit", "from"),
        ("audit", "to"),
    ] {
        let path = format!("/settings/admin/{page}?{field}=nonsense");
        let page = site.get(&path, &cookie).await;
        assert_eq!(page.status, 422, "{path}");
        let name = format!("name=\"{field}\"");
        let tag = page.text.split('<').find(|tag| tag.contains(&name));
        let tag = tag.expect("a field");
        assert!(
            tag.contains("value=\"nonsense\" aria-invalid=\"true\""),
            "{tag}"
        );
        let error = if path.contains("/audit") {
            format!("{field}-error")
        } else {
            "filter-error".to_owned()
        };
        let (_, after) = tag.split_once(&error).expect(tag);
        assert!(after.contains("\" autofocus"), "{tag}");
        page.shows(&format!("id=\"{error}\""));
    }
}
