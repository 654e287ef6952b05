//! Error pages: they keep the navigation and link back.

use std::convert::Infallible;

use axum::body::Body;
use http::{Method, StatusCode, header};
use openindex_adapters_http::server::{MAX_BODY_BYTES, MAX_FORM_BYTES};
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
async fn a_page_of_something_deleted_says_so_and_links_to_its_list() {
    let site = Site::new().await;
    let cookie = site.sign_in(ADMIN).await;
    let token = site.create(ADMIN, "gone", Scope::ReadWrite).await.token.id;
    let item = site.item(ADMIN, "Gone").await.key;
    let delete = format!("/settings/tokens/{token}/delete");
    assert_eq!(site.post(&delete, &cookie, "").await.status, 303);
    let delete_item = format!("/work/{item}/delete");
    let sent = site.post(&delete_item, &cookie, "version=1").await;
    assert_eq!(sent.to(), "/work");
    let unknown = fixtures::user(99).id;
    let invite = fixtures::invite(9).id;
    for (path, title, list) in [
        (delete.as_str(), "Token not found", "/settings/tokens"),
        (
            "/settings/tokens/nonsense",
            "Token not found",
            "/settings/tokens",
        ),
        (&format!("/work/{item}"), "Work item not found", "/work"),
        (&delete_item, "Work item not found", "/work"),
        ("/work/WEB-99/edit", "Work item not found", "/work"),
        (
            "/settings/agent-runs/nonsense",
            "Agent run not found",
            "/settings/agent-runs",
        ),
        (
            &format!("/settings/admin/users/{unknown}"),
            "User not found",
            "/settings/admin/users",
        ),
        (
            &format!("/settings/admin/invites/{invite}/withdraw"),
            "Invite not found",
            "/settings/admin/invites",
        ),
        (
            &format!("/settings/admin/tokens/{token}/revoke"),
            "Token not found",
            "/settings/admin/tokens",
        ),
    ] {
        let page = open(&site, path, &cookie).await;
        assert_eq!(page.status, StatusCode::NOT_FOUND, "{path}");
        page.shows(&format!("<h1>{title}</h1>"));
        page.shows("never existed");
        page.shows(&format!("class=\"button\" href=\"{list}\""));
        page.shows(&format!("href=\"{list}\" aria-current=\"page\""));
        // Visitors without a session learn nothing.
        let to = open(&site, path, "").await.to().to_owned();
        assert!(to.starts_with("/sign-in?next="), "{path}: {to}");
    }
    // Sent twice, the form says that the change was made, and links to the list as well.
    for (path, list) in [(&delete, "/settings/tokens"), (&delete_item, "/work")] {
        let page = site.post(path, &cookie, "version=1").await;
        assert_eq!(page.status, StatusCode::NOT_FOUND, "{path}");
        page.shows("your change was made");
        page.shows(&format!("class=\"button\" href=\"{list}\""));
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
        (
            "/settings/account/password",
            "currentPassword=wrong&password=user",
            &["current", "password"],
        ),
        (&*email, "email=nonsense", &["email"]),
        (
            "/settings/admin/invites",
            "email=nonsense&role=admin",
            &["email"],
        ),
        (
            "/settings/admin/invites",
            "email=nonsense&role=owner",
            &["email", "role"],
        ),
        (
            "/settings/admin/invites",
            "email=a%40b.example&role=owner",
            &["role"],
        ),
        (&*join, "name=&password=short", &["name", "password"]),
        (&*join, "name=Eve&password=short", &["password"]),
        (&*link, "password=short", &["password"]),
    ] {
        let page = site.post(path, &cookie, form).await;
        reports(&page, &format!("{path} {form}"), invalid);
        for id in invalid {
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
async fn every_invalid_field_of_a_run_and_of_a_work_item_is_reported() {
    let site = Site::new().await;
    let cookie = site.sign_in(ADMIN).await;
    site.create(ADMIN, "laptop", Scope::ReadWrite).await;
    let revoked = site
        .create(ADMIN, "revoked", Scope::ReadWrite)
        .await
        .token
        .id;
    let delete = format!("/settings/tokens/{revoked}/delete");
    site.post(&delete, &cookie, "").await;
    site.item(ADMIN, "Fix it").await;
    let run = format!("agent=a+b&token={revoked}&item=OPS-9&time=900");
    for (path, form, invalid) in [
        (
            "/settings/agent-runs/new",
            "agent=a+b&token=nonsense&item=nonsense&time=x",
            &["agent", "token", "item", "time"][..],
        ),
        (
            "/settings/agent-runs/new",
            &*run,
            &["agent", "token", "item"],
        ),
        (
            "/work/new",
            "domain=&title=+&description=%00&priority=x&target=x&assignee=x",
            &[
                "domain",
                "title",
                "description",
                "priority",
                "target",
                "assignee",
            ],
        ),
        (
            "/work/OPS-1/edit",
            "title=&description=%00&priority=x&target=x&assignee=x&status=x&version=1",
            &[
                "title",
                "description",
                "priority",
                "target",
                "assignee",
                "status",
            ],
        ),
        (
            "/work/OPS-1/edit",
            "title=x&priority=low&target=either&assignee=usr_0199f3a1c6d07c35b2f0e8a4d1c7b9ff&status=todo&version=1",
            &["assignee"],
        ),
    ] {
        let page = site.post(path, &cookie, form).await;
        reports(&page, &format!("{path} {form}"), invalid);
    }
}

/// Asserts that the page reports these fields, each where it is, and that the first has the focus.
#[track_caller]
fn reports(page: &Page, what: &str, invalid: &[&str]) {
    assert_eq!(page.status, 422, "{what}: {page:#?}");
    let focused = page.text.matches(" autofocus").count();
    assert_eq!(focused, 1, "{what}: {page:#?}");
    let reported = page.text.matches("aria-invalid=\"true\"").count();
    assert_eq!(reported, invalid.len(), "{what}: {page:#?}");
    for (place, id) in invalid.iter().enumerate() {
        let id_of = format!("id=\"{id}\"");
        let tag = page.text.split('<').find(|tag| tag.contains(&id_of));
        let tag = tag.unwrap_or_else(|| panic!("{what}: no field {id}"));
        assert!(tag.contains("aria-invalid=\"true\""), "{what}: {tag}");
        assert!(
            tag.contains(&format!("aria-describedby=\"{id}-error")),
            "{what}: {tag}"
        );
        assert_eq!(tag.contains(" autofocus"), place == 0, "{what}: {tag}");
        page.shows(&format!("id=\"{id}-error\">"));
    }
}

#[tokio::test]
async fn every_invalid_field_of_a_filter_is_reported_and_keeps_its_entry() {
    let site = Site::new().await;
    let cookie = site.sign_in(ADMIN).await;
    let long = "x".repeat(201);
    for (path, query, invalid) in [
        (
            "/settings/tokens",
            "search={long}&status=x",
            &["search", "status"][..],
        ),
        (
            "/settings/agent-runs",
            "agent=a+b&status=x&item=nonsense&token=nonsense",
            &["agent", "status", "item", "token"],
        ),
        (
            "/work",
            "q={long}&status=x&assignee=x&priority=x&kind=x&target=x&domain=nonsense-&agent=a+b&parent=x",
            &[
                "q", "status", "assignee", "priority", "kind", "target", "domain", "agent",
                "parent",
            ],
        ),
        ("/work", "domain=ops&agent=a+b", &["agent"]),
        ("/work/queue", "for=agents&agent=a+b", &["agent"]),
        ("/settings/admin/users", "search={long}", &["search"]),
        (
            "/settings/admin/tokens",
            "search={long}&user=x&scope=x&status=x&unusedSince=nonsense&expiringBefore=nonsense",
            &[
                "search",
                "user",
                "scope",
                "status",
                "unused-since",
                "expiring-before",
            ],
        ),
        (
            "/settings/admin/tokens",
            "unusedSince=nonsense",
            &["unused-since"],
        ),
        (
            "/settings/admin/audit",
            "actor={long}&action=x&subject=nonsense&from=nonsense&to=nonsense",
            &["actor", "action", "subject", "from", "to"],
        ),
        ("/settings/admin/audit", "to=nonsense", &["to"]),
    ] {
        let query = query.replace("{long}", &long);
        let page = site.get(&format!("{path}?{query}"), &cookie).await;
        reports(&page, &format!("{path}?{query}"), invalid);
        page.hides("<details class=\"more\">");
        page.hides("<table");
        let entries = [
            ("={long}", &*long),
            ("=a+b", "a b"),
            ("=nonsense", "nonsense"),
        ];
        for (sent, entry) in entries {
            let sent = query.matches(&sent.replace("{long}", &long)).count();
            let kept = page.text.matches(&format!("value=\"{entry}")).count();
            assert_eq!(kept, sent, "{path}: {entry}");
        }
    }
    let secret = site.create(ADMIN, "laptop", Scope::ReadWrite).await.secret;
    for path in [
        "/settings/tokens?search",
        "/settings/agent-runs?agent",
        "/work?q",
        "/work/queue?for=agents&agent",
        "/settings/admin/users?search",
        "/settings/admin/tokens?search",
        "/settings/admin/audit?actor",
    ] {
        let path = format!("{path}={}", secret.expose());
        let page = site.get(&path, &cookie).await;
        assert_eq!(page.status, 422, "{path}");
        page.hides(secret.expose());
    }
}

#[tokio::test]
async fn a_form_is_limited_by_its_route_and_a_larger_one_is_rejected_before_it_arrives() {
    let site = Site::new().await;
    let cookie = site.sign_in(MEMBER).await;
    site.item(MEMBER, "Fix it").await;
    let forms = web::routes().into_iter();
    let mut long = forms
        .filter(|route| route.max_form_bytes > MAX_BODY_BYTES)
        .map(|route| (route.path, route.max_form_bytes));
    assert_eq!(long.next(), Some(("/work/new", MAX_FORM_BYTES)));
    assert_eq!(long.next(), Some(("/work/{key}/edit", MAX_FORM_BYTES)));
    assert_eq!(long.next(), None);
    let send = async |path: &str, length: usize, body: Body| {
        let request = request(Method::POST, path, &cookie)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::CONTENT_LENGTH, length)
            .header("sec-fetch-site", "same-origin")
            .body(body);
        send_to(site.api(), request.expect("a request")).await
    };
    for (path, limit) in [
        ("/work/new", MAX_FORM_BYTES),
        ("/work/OPS-1/edit", MAX_FORM_BYTES),
        ("/work/OPS-1/claim", MAX_BODY_BYTES),
        ("/settings/tokens/new", MAX_BODY_BYTES),
        // No route.
        ("/x/work/new", MAX_BODY_BYTES),
    ] {
        let body = Body::from("x".repeat(limit));
        let page = send(path, limit, body).await;
        assert_ne!(page.status, StatusCode::PAYLOAD_TOO_LARGE, "{path}");
        // The body never arrives.
        let body =
            Body::from_stream(futures_util::stream::pending::<Result<Vec<u8>, Infallible>>());
        let page = send(path, limit + 1, body).await;
        assert_eq!(page.header("connection"), "close", "{path}");
        if path == "/x/work/new" {
            assert_eq!(page.status, StatusCode::NOT_FOUND);
        } else {
            assert_eq!(page.status, StatusCode::PAYLOAD_TOO_LARGE, "{path}");
            page.shows("Request too large");
        }
    }
}
