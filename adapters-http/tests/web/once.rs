//! A form that creates something can be used once.

use futures_util::future::join_all;
use http::StatusCode;
use openindex_domain::form::{FORM_LIFETIME_SECONDS, FormId};
use openindex_domain::testing::fixtures;

use crate::support::{ADMIN, MEMBER, OTHER, Site};

const NEW: &str = "/settings/tokens/new";

#[tokio::test]
async fn a_reload_after_creating_a_token_creates_no_other_and_says_what_to_do() {
    let site = Site::new().await;
    let cookie = site.sign_in(MEMBER).await;
    let form = site.get(NEW, &cookie).await.form();
    let sent = format!("name=laptop&scope=read_write&expiry=never&form={form}");
    let created = site.resend(NEW, &cookie, &sent).await;
    created.shows("oi_pat_");
    for _ in 0..2 {
        let again = site.resend(NEW, &cookie, &sent).await;
        assert_eq!(again.status, StatusCode::CONFLICT);
        again.hides("oi_pat_");
        again.shows("Already created");
        again.shows("laptop");
        again.shows("/delete\"");
        again.shows("Create another token");
    }
    // With changed entries it is still the same form.
    let other = sent.replace("laptop", "desktop");
    site.resend(NEW, &cookie, &other).await.hides("oi_pat_");
    let list = site.get("/settings/tokens", &cookie).await;
    list.shows("laptop");
    list.hides("desktop");
}

#[tokio::test]
async fn after_the_token_was_deleted_its_form_still_creates_nothing() {
    let site = Site::new().await;
    let cookie = site.sign_in(MEMBER).await;
    let form = site.get(NEW, &cookie).await.form();
    let sent = format!("name=laptop&scope=read_write&expiry=never&form={form}");
    site.resend(NEW, &cookie, &sent).await.shows("oi_pat_");
    let again = site.resend(NEW, &cookie, &sent).await;
    let delete = again
        .text
        .split('"')
        .find(|text| text.ends_with("/delete"))
        .expect("a way to delete it");
    assert_eq!(site.post(delete, &cookie, "").await.status, 303);
    let again = site.resend(NEW, &cookie, &sent).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    again.shows("It’s no longer in your list of tokens.");
    again.hides("oi_pat_");
}

#[tokio::test]
async fn two_tabs_create_two_tokens_and_a_double_click_one() {
    let site = Site::new().await;
    let cookie = site.sign_in(MEMBER).await;
    let tabs = [
        site.get(NEW, &cookie).await.form(),
        site.get(NEW, &cookie).await.form(),
    ];
    assert_ne!(tabs[0], tabs[1]);
    let sends = tabs.iter().flat_map(|form| [form; 4]).map(|form| {
        let sent = format!("name=laptop&scope=read_write&expiry=never&form={form}");
        let (site, cookie) = (&site, &cookie);
        async move { site.resend(NEW, cookie, &sent).await }
    });
    let pages = join_all(sends).await;
    let created = pages.iter().filter(|page| page.text.contains("oi_pat_"));
    assert_eq!(created.count(), 2);
}

#[tokio::test]
async fn a_form_with_a_mistake_is_corrected_and_sent_again() {
    let site = Site::new().await;
    let cookie = site.sign_in(MEMBER).await;
    let form = site.get(NEW, &cookie).await.form();
    let wrong = format!("name=&scope=read_write&expiry=never&form={form}");
    let page = site.resend(NEW, &cookie, &wrong).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(page.form(), form);
    let right = format!("name=laptop&scope=read_write&expiry=never&form={form}");
    site.resend(NEW, &cookie, &right).await.shows("oi_pat_");
}

#[tokio::test]
async fn a_repeated_form_creates_no_second_link_and_the_first_stays_valid() {
    let site = Site::new().await;
    let cookie = site.sign_in(ADMIN).await;
    let user = format!("/settings/admin/users/{}", fixtures::user(OTHER).id);
    let other = fixtures::user(OTHER).email.to_string();
    for (page, path, fields, whose) in [
        (
            "/settings/admin/invites",
            "/settings/admin/invites".to_owned(),
            "email=eve%40example.com&role=member",
            "eve@example.com",
        ),
        (&user, format!("{user}/sign-in-link"), "", other.as_str()),
    ] {
        let form = site.get(page, &cookie).await.form();
        let sent = format!("{fields}&form={form}");
        let created = site.resend(&path, &cookie, &sent).await;
        assert_eq!(created.status, StatusCode::CREATED, "{created:?}");
        created.shows("Reloading this page does not show the link again.");
        let url = created
            .text
            .split('"')
            .find(|text| text.starts_with("https://oi.example.com/"))
            .expect("a link");
        let link = url.strip_prefix("https://oi.example.com").expect("a path");
        let again = site.resend(&path, &cookie, &sent).await;
        assert_eq!(again.status, StatusCode::CONFLICT);
        again.shows("Already created");
        again.shows(&format!(" for <bdi class=\"strong\">{whose}</bdi>."));
        again.shows(&format!("href=\"{page}\""));
        again.hides(url);
        // A second link would have invalidated the first.
        assert_eq!(site.get(link, "").await.status, StatusCode::OK, "{link}");
    }
}

#[tokio::test]
async fn a_form_without_an_id_or_older_than_a_day_creates_nothing() {
    let site = Site::new().await;
    let cookie = site.sign_in(ADMIN).await;
    let now = site.state.tokens.now();
    let id = |seconds| {
        let shown = now.saturating_add_seconds(seconds);
        let id = FormId::generate(shown, &*site.state.entropy).expect("entropy");
        format!("&form={id}")
    };
    let user = format!(
        "/settings/admin/users/{}/sign-in-link",
        fixtures::user(OTHER).id
    );
    for (path, fields) in [
        (NEW, "name=laptop&scope=read_write&expiry=never"),
        ("/settings/admin/invites", "email=eve%40example.com"),
        (&user, ""),
    ] {
        for form in [
            String::new(),
            "&form=".to_owned(),
            "&form=frm_1".to_owned(),
            id(-FORM_LIFETIME_SECONDS),
            id(2 * 60 * 60),
        ] {
            let page = site.resend(path, &cookie, &format!("{fields}{form}")).await;
            assert_eq!(
                page.status,
                StatusCode::UNPROCESSABLE_ENTITY,
                "{path} {form}"
            );
            page.shows("This page is out of date");
        }
    }
}

#[tokio::test]
async fn a_rotation_is_not_repeated_either() {
    let site = Site::new().await;
    let cookie = site.sign_in(MEMBER).await;
    let form = "name=laptop&scope=read_write&expiry=never";
    site.post(NEW, &cookie, form).await.shows("oi_pat_");
    let list = site.get("/settings/tokens", &cookie).await;
    let rotate = list
        .text
        .split('"')
        .find(|text| text.ends_with("/rotate"))
        .expect("a way to rotate it")
        .to_owned();
    site.post(&rotate, &cookie, "overlap=3600")
        .await
        .shows("oi_pat_");
    let again = site.post(&rotate, &cookie, "overlap=3600").await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    again.hides("oi_pat_");
}
