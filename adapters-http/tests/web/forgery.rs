//! Forms sent by other sites.

use axum::body::Body;
use http::{Method, header};
use openindex_adapters_http::web;
use openindex_domain::token::Scope;

use crate::support::{MEMBER, Page, Site, credentials, request, request_to};

async fn post(site: &Site, path: &str, cookie: &str, headers: &[(&str, &str)], form: &str) -> Page {
    let mut request = request(Method::POST, path, cookie)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::from(form.to_owned()));
    site.send(request.expect("a request")).await
}

#[tokio::test]
async fn forms_of_other_sites_are_rejected() {
    let site = Site::new().await;
    let cookie = site.sign_in(MEMBER).await;
    let posts = web::routes()
        .into_iter()
        .filter(|route| route.method == Method::POST);
    for route in posts {
        let path = route.path.replace("{id}", "x").replace("{code}", "x");
        for headers in [
            &[("sec-fetch-site", "cross-site")][..],
            &[("sec-fetch-site", "same-site")],
            &[
                ("sec-fetch-site", "cross-site"),
                ("origin", "https://evil.example"),
            ],
            &[("origin", "https://evil.example")],
            &[("origin", "https://oi.example.com.evil.example")],
            &[("origin", "null")],
            &[("origin", "")],
            &[("sec-fetch-site", "")],
            &[("sec-fetch-site", "same-origin"), ("origin", "null")],
            &[
                ("origin", "https://oi.example.com"),
                ("origin", "https://oi.example.com"),
            ],
            &[("origin", "http://oi.example.com")],
            // Every browser sends at least one of the headers.
            &[],
        ] {
            let page = post(&site, &path, &cookie, headers, "").await;
            assert_eq!(page.status, 403, "{path} {headers:?}");
            page.shows("Request blocked");
        }
    }
}

#[tokio::test]
async fn a_rejected_form_changes_nothing() {
    let site = Site::new().await;
    let issued = site.create(MEMBER, "kept", Scope::ReadWrite).await;
    let cookie = site.sign_in(MEMBER).await;
    let path = format!("/settings/tokens/{}/delete", issued.token.id);
    let page = post(
        &site,
        &path,
        &cookie,
        &[("sec-fetch-site", "cross-site")],
        "",
    )
    .await;
    assert_eq!(page.status, 403);
    let verified = site.domain.tokens.verify(issued.secret.expose()).await;
    assert!(verified.is_ok());
}

#[tokio::test]
async fn a_form_with_a_failed_precondition_changes_nothing() {
    let site = Site::new().await;
    let cookie = site.sign_in(MEMBER).await;
    let issued = site.create(MEMBER, "kept", Scope::ReadWrite).await;
    let path = format!("/settings/tokens/{}/delete", issued.token.id);
    for condition in [
        ("if-match", "\"nonsense\""),
        ("if-none-match", "*"),
        ("if-unmodified-since", "Wed, 21 Oct 2015 07:28:00 GMT"),
    ] {
        let headers = [("sec-fetch-site", "same-origin"), condition];
        let page = post(&site, &path, &cookie, &headers, "").await;
        assert_eq!(page.status, 412, "{condition:?}");
        page.shows("Nothing was changed");
    }
    site.get("/settings/tokens", &cookie).await.shows("kept");
}

#[tokio::test]
async fn another_site_cannot_sign_a_user_in() {
    let site = Site::new().await;
    let headers = [("sec-fetch-site", "cross-site")];
    let page = post(&site, "/sign-in", "", &headers, &credentials(MEMBER)).await;
    assert_eq!(page.status, 403);
    assert_eq!(page.sets_session(), "");
}

#[tokio::test]
async fn our_own_forms_are_accepted_from_old_and_new_browsers() {
    let site = Site::new().await;
    for headers in [
        &[("sec-fetch-site", "same-origin")][..],
        &[
            ("sec-fetch-site", "same-origin"),
            ("origin", "https://oi.example.com"),
        ],
        &[("sec-fetch-site", "none")],
        &[("origin", "https://oi.example.com")],
    ] {
        let page = post(&site, "/sign-in", "", headers, &credentials(MEMBER)).await;
        assert_eq!(page.to(), "/settings/tokens", "{headers:?}");
    }
}

#[tokio::test]
async fn a_malformed_form_is_rejected() {
    let site = Site::new().await;
    let send = async |content_type: &str, body: String| {
        let request = request(Method::POST, "/sign-in", "")
            .header(header::CONTENT_TYPE, content_type)
            .header("sec-fetch-site", "same-origin")
            .body(Body::from(body));
        site.send(request.expect("a request")).await.status.as_u16()
    };
    let form = "application/x-www-form-urlencoded";
    assert_eq!(send(form, credentials(MEMBER)).await, 303);
    let with_charset = "Application/X-WWW-Form-Urlencoded; charset=UTF-8";
    assert_eq!(send(with_charset, credentials(MEMBER)).await, 303);
    for other in [
        "application/json",
        "text/plain",
        "multipart/form-data; boundary=x",
    ] {
        assert_eq!(send(other, credentials(MEMBER)).await, 415, "{other}");
    }
    assert_eq!(
        send(form, format!("email={}", "x".repeat(65 * 1024))).await,
        413
    );
    assert_eq!(send(form, "email=a&email=b".to_owned()).await, 400);
    assert_eq!(send(form, "%ff%fe=%zz&&&=".to_owned()).await, 422);
}

#[tokio::test]
async fn a_form_from_another_address_of_the_server_links_to_the_public_url() {
    let site = Site::at("http://127.0.0.1:8080/oi").await;
    for origin in [
        "http://localhost:8080",
        "http://127.0.0.1:9000",
        "http://[::1]:8080",
    ] {
        let host = origin.strip_prefix("http://").expect("a host");
        let request = request_to(host, Method::POST, "/sign-in", "")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header("sec-fetch-site", "same-origin")
            .header("origin", origin)
            .body(Body::from(credentials(MEMBER)));
        let page = site.send(request.expect("a request")).await;
        assert_eq!(page.status, 403, "{origin}");
        page.shows("This page is at another address");
        page.shows("href=\"http://127.0.0.1:8080/oi/\"");
        assert_eq!(page.sets_session(), "");
    }
}
