//! The access to every route, for every kind of visitor.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use axum::body::Body;
use http::{Method, header};
use openindex_adapters_http::guard::Access;
use openindex_adapters_http::web;
use openindex_domain::access::Requirement;
use openindex_domain::admin_tokens::TokenFilter;
use openindex_domain::session::IDLE_LIMIT_SECONDS;
use openindex_domain::testing::fixtures;
use openindex_domain::token::Scope;
use openindex_domain::user::Role;

use crate::support::{ADMIN, MEMBER, OTHER, Page, Site, credentials, request, send_to};
use crate::table::{NO, SIGN_IN, TABLE};

#[derive(Debug, Clone, Copy, PartialEq)]
enum Visitor {
    Anonymous,
    GarbageCookie,
    ExpiredSession,
    EndedSession,
    SuspendedUser,
    BearerOnly,
    Member,
    Admin,
}

const VISITORS: [Visitor; 8] = [
    Visitor::Anonymous,
    Visitor::GarbageCookie,
    Visitor::ExpiredSession,
    Visitor::EndedSession,
    Visitor::SuspendedUser,
    Visitor::BearerOnly,
    Visitor::Member,
    Visitor::Admin,
];

/// The user whose objects the visitor requests.
fn user_of(visitor: Visitor) -> u64 {
    match visitor {
        Visitor::Admin => ADMIN,
        Visitor::Member => MEMBER,
        _ => OTHER,
    }
}

/// Creates the object of a route and returns its path for this visitor.
async fn prepared(site: &Site, visitor: Visitor, path: &str) -> String {
    let user = user_of(visitor);
    let (scope, path) = (Scope::ReadWrite, path.to_owned());
    match path.as_str() {
        "/assets/{name}" => {
            let page = site.get("/sign-in", "").await.text;
            let at = page.find("/assets/style").expect("a style sheet");
            page[at..].split('"').next().unwrap_or_default().to_owned()
        }
        "/settings/{*unknown}" => "/settings/nothing/here".to_owned(),
        "/join/{code}" => {
            let (_, code) = site.invite("new@example.com", Role::Member).await;
            path.replace("{code}", &code)
        }
        "/sign-in/link/{code}" => path.replace("{code}", &site.link(OTHER).await),
        "/settings/account/sessions/{id}/end" => {
            let principal = site.principal(user).await;
            let session = principal.session().expect("a session");
            path.replace("{id}", &session.id.to_string())
        }
        text if text.starts_with("/settings/admin/users/") => {
            path.replace("{id}", &fixtures::user(OTHER).id.to_string())
        }
        text if text.starts_with("/settings/admin/invites/") => {
            let (id, _) = site.invite("new@example.com", Role::Member).await;
            path.replace("{id}", &id)
        }
        "/settings/admin/tokens/revoke" => {
            site.create(ADMIN, "to be revoked", Scope::Admin).await;
            path
        }
        text if text.starts_with("/settings/agent-runs") => {
            let issued = site.run(user, "builder", None).await;
            path.replace("{id}", &issued.token.id.to_string())
        }
        text if text.starts_with("/work") => {
            let item = site.item(user, "Fix it").await;
            path.replace("{key}", &item.key.to_string())
        }
        text if text.contains("/tokens/{id}") => {
            let issued = site.create(user, "a token", scope).await;
            path.replace("{id}", &issued.token.id.to_string())
        }
        _ => path,
    }
}

/// Returns the visitor's cookie and `Authorization` header.
async fn presented(site: &Site, visitor: Visitor) -> (String, Option<String>) {
    match visitor {
        Visitor::Anonymous => (String::new(), None),
        Visitor::GarbageCookie => {
            let cookie = format!("__Host-openindex_session={}", "x".repeat(43));
            (cookie, None)
        }
        Visitor::ExpiredSession => {
            let cookie = site.sign_in(ADMIN).await;
            site.domain.clock.advance_seconds(IDLE_LIMIT_SECONDS);
            (cookie, None)
        }
        Visitor::EndedSession => {
            let cookie = site.sign_in(ADMIN).await;
            site.post("/sign-out", &cookie, "").await;
            (cookie, None)
        }
        Visitor::SuspendedUser => {
            let cookie = site.sign_in(MEMBER).await;
            site.suspend(MEMBER).await;
            (cookie, None)
        }
        Visitor::BearerOnly => {
            let issued = site.create(ADMIN, "bearer", Scope::ReadWrite).await;
            (
                String::new(),
                Some(format!("Bearer {}", issued.secret.expose())),
            )
        }
        Visitor::Member => (site.sign_in(MEMBER).await, None),
        Visitor::Admin => (site.sign_in(ADMIN).await, None),
    }
}

async fn visit(visitor: Visitor, route: &str, form: &str) -> (Page, String) {
    let (method, path) = route.split_once(' ').expect("a method and a path");
    let site = Site::new().await;
    let (cookie, bearer) = presented(&site, visitor).await;
    let path = prepared(&site, visitor, path).await;
    let mut target = path.clone();
    if form.contains("{expected}") {
        target.push_str("?scope=admin");
    }
    let form = if form.contains('{') {
        let user = user_of(visitor);
        let run = site.run(user, "builder", None).await.token;
        let token = run.run.expect("a run").issuer;
        form.replace("{run}", &run.id.to_string())
            .replace("{token}", &token.to_string())
    } else {
        form.to_owned()
    };
    let method: Method = method.parse().expect("a method");
    let is_form = method == Method::POST;
    let mut request = request(method, &target, &cookie);
    if let Some(bearer) = bearer {
        request = request.header(header::AUTHORIZATION, bearer);
    }
    if is_form {
        request = request
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header("sec-fetch-site", "same-origin");
    }
    let body = if form == "credentials" {
        credentials(ADMIN)
    } else {
        format!("{form}&form={}", site.form())
    };
    let body = if body.contains("{expected}") {
        let filter = TokenFilter {
            scope: Some(Scope::Admin),
            ..TokenFilter::default()
        };
        let (admin_tokens, admin) = (&site.domain.admin_tokens, site.principal(ADMIN).await);
        let page = admin_tokens.review(&admin, &filter, None, 1).await;
        let digest = page.expect("a page").review.digest;
        body.replace("{expected}", &digest.to_string())
    } else {
        body
    };
    let request = request.body(Body::from(body)).expect("a request");
    (site.send(request).await, path)
}

fn expected(
    visitor: Visitor,
    [visitor_access, member, admin]: [&str; 3],
    route: &str,
    path: &str,
) -> String {
    let expected = match visitor {
        Visitor::Member => member,
        Visitor::Admin => admin,
        _ => visitor_access,
    };
    if expected == SIGN_IN {
        // Sign-in returns to the page, or to the page of the form.
        let (method, _) = route.split_once(' ').expect("a method and a path");
        let page = page_of(method, route, path);
        let is_ours = page.starts_with("/settings/") || page.starts_with("/work");
        let next = is_ours.then(|| page.replace('/', "%2F"));
        let to = next.map_or("303 /sign-in".to_owned(), |next| {
            format!("303 /sign-in?next={next}")
        });
        let has_cookie = !matches!(visitor, Visitor::Anonymous | Visitor::BearerOnly);
        // If the form has a page to return to, that page says that nothing was saved.
        let has_notice = has_cookie && !(method == "POST" && to.contains("next"));
        return format!("{to}{}", if has_notice { " done=session-over" } else { "" });
    }
    expected.replace("{id}", &fixtures::user(OTHER).id.to_string())
}

/// The page to return to after sign-in: the requested one, or its nearest ancestor.
fn page_of<'p>(method: &str, route: &str, mut path: &'p str) -> &'p str {
    let mut pattern = route.split_once(' ').expect("a method and a path").1;
    let is_page = |pattern: &str| {
        let get = format!("GET {pattern}");
        TABLE.iter().any(|(route, ..)| *route == get)
    };
    while method == "POST" && !pattern.is_empty() && !is_page(pattern) {
        pattern = pattern.rsplit_once('/').expect("a page above").0;
        path = path.rsplit_once('/').expect("a page above").0;
    }
    path
}

#[tokio::test]
async fn every_route_responds_to_every_kind_of_visitor_as_in_the_table() {
    for (route, form, responses) in TABLE {
        for visitor in VISITORS {
            let (page, path) = visit(visitor, route, form).await;
            let mut response = format!("{} {}", page.status.as_u16(), page.to());
            if let Some((_, done)) = page.done().split_once('=') {
                let code = done.split('.').next().unwrap_or_default();
                write!(response, " done={code}").expect("written");
            }
            let expected = expected(visitor, *responses, route, &path);
            assert_eq!(
                response.trim_end(),
                expected,
                "{route} for {visitor:?}: {}",
                page.text
            );
            check_headers(&page, route);
        }
    }
}

fn check_headers(page: &Page, route: &str) {
    assert_eq!(
        page.header("content-security-policy"),
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
         font-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
        "{route}"
    );
    for (name, value) in [
        ("x-frame-options", "DENY"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "same-origin"),
    ] {
        assert_eq!(page.header(name), value, "{route}");
    }
    let cache = if route.contains("/assets/") {
        "public, max-age=31536000, immutable"
    } else {
        "no-store"
    };
    assert_eq!(page.header("cache-control"), cache, "{route}");
    if page.header("content-type").starts_with("text/html") {
        assert_eq!(
            page.text.matches("<h1").count(),
            1,
            "{route}: {}",
            page.text
        );
        assert_eq!(page.text.matches("<main ").count(), 1, "{route}");
        page.shows("<html lang=\"en\">");
        for inline in ["<style", " style=", " onclick=", "<script>", "javascript:"] {
            page.hides(inline);
        }
    }
}

#[test]
fn the_table_has_every_route_and_its_access_requirement() {
    let declared: BTreeSet<_> = web::routes()
        .into_iter()
        .map(|route| {
            (
                format!("{} {}", route.method, route.path),
                name(route.access),
            )
        })
        .collect();
    let listed: BTreeSet<_> = TABLE
        .iter()
        .map(|(route, _, responses)| {
            let needs = match responses {
                [SIGN_IN, NO, _] => "administrator",
                [SIGN_IN, ..] => "signed in",
                _ => "nothing",
            };
            ((*route).to_owned(), needs)
        })
        .collect();
    assert_eq!(declared, listed);
}

fn name(access: Access) -> &'static str {
    match access {
        Access::Public => "nothing",
        Access::Requires(Requirement::HUMAN) => "signed in",
        Access::Requires(Requirement::HUMAN_ADMIN) => "administrator",
        Access::Requires(requirement) => panic!("unknown requirement {requirement:?}"),
    }
}

#[tokio::test]
async fn a_denied_admin_page_is_audited() {
    let site = Site::new().await;
    let member = site.sign_in(MEMBER).await;
    let page = site.get("/settings/admin/users", &member).await;
    assert_eq!(page.status, 403);
    page.shows("Administrators only");
    let admin = site.sign_in(ADMIN).await;
    let page = site
        .get("/settings/admin/audit?action=admin.denied", &admin)
        .await;
    page.shows("Admin access denied");
    page.shows("User 2");
}

#[tokio::test]
async fn an_invalid_session_cookie_is_cleared() {
    let site = Site::new().await;
    let page = site
        .get("/settings/tokens", "__Host-openindex_session=nonsense")
        .await;
    let set = page.sets_session();
    assert!(
        set.starts_with("__Host-openindex_session=; Path=/; Max-Age=0;"),
        "{set}"
    );
    let page = site.get("/settings/tokens", "").await;
    assert_eq!(page.sets_session(), "");
}

#[tokio::test]
async fn no_api_route_accepts_the_session_cookie() {
    let site = Site::new().await;
    let cookie = site.sign_in(ADMIN).await;
    let document = serde_json::to_value(openindex_adapters_http::server::openapi());
    let document = document.expect("a description");
    let mut asked = 0;
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            if operation["x-openindex-requires"] == "nothing" {
                continue;
            }
            let method: Method = method.to_uppercase().parse().expect("a method");
            let path = path.replace("{id}", &fixtures::user(OTHER).id.to_string());
            let request = request(method, &path, &cookie).body(Body::empty());
            let response = send_to(site.api(), request.expect("a request")).await;
            assert_eq!(response.status, 401, "{path}");
            asked += 1;
        }
    }
    assert!(asked > 5);
}

#[tokio::test]
async fn unknown_methods_and_assets_have_error_pages() {
    let site = Site::new().await;
    let request = request(Method::DELETE, "/settings/tokens", "").body(Body::empty());
    let page = site.send(request.expect("a request")).await;
    assert_eq!(page.status, 405);
    page.shows("Method not allowed");
    assert_eq!(page.header("allow"), "GET,HEAD");
    let page = site.get("/assets/style-0000000000000000.css", "").await;
    assert_eq!(page.status, 404);
    assert_eq!(page.header("cache-control"), "no-store");
}

#[tokio::test]
async fn a_path_that_is_not_utf8_is_not_found() {
    let site = Site::new().await;
    let cookie = site.sign_in(ADMIN).await;
    for (path, what) in [
        ("/assets/%ff", "Page"),
        ("/join/%ff", "Page"),
        ("/sign-in/link/%c3%28", "Page"),
        ("/settings/tokens/%ff/rotate", "Token"),
        ("/settings/admin/users/%ff", "User"),
    ] {
        let page = site.get(path, &cookie).await;
        assert_eq!(page.status, 404, "{path}");
        page.shows(&format!("{what} not found"));
    }
}

#[tokio::test]
async fn inside_the_server_pages_are_protected_and_have_request_ids() {
    let site = Site::new().await;
    let issued = site.create(ADMIN, "bearer", Scope::Admin).await;
    let bearer = format!("Bearer {}", issued.secret.expose());
    let request = request(Method::GET, "/settings/tokens", "")
        .header(header::AUTHORIZATION, bearer)
        .body(Body::empty());
    let page = send_to(site.api(), request.expect("a request")).await;
    assert_eq!(page.to(), "/sign-in?next=%2Fsettings%2Ftokens");
    check_headers(&page, "GET /settings/tokens");
    assert!(page.header("x-request-id").starts_with("req_"));
}
