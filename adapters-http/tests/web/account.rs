//! Password and browser sessions.

use openindex_domain::token::Scope;

use crate::support::{ADMIN, MEMBER, Site, credentials};

const CHANGE: &str = "currentPassword=kettle+walrus+teapot&password=elephant+umbrella";

#[tokio::test]
async fn a_password_change_ends_other_sessions_and_leaves_tokens_alone() {
    let site = Site::new().await;
    let issued = site.issue(MEMBER, "kept", Scope::ReadWrite).await;
    let (here, elsewhere) = (site.sign_in(MEMBER).await, site.sign_in(MEMBER).await);
    let page = site.get("/settings/account", &here).await;
    page.shows("Changing it ends your other browser sessions.");
    page.shows("Your tokens are left alone");
    let page = site.post("/settings/account/password", &here, CHANGE).await;
    site.follow(&page, &here)
        .await
        .shows("Your password was changed");
    assert_eq!(site.get("/settings/account", &elsewhere).await.status, 303);
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
}

#[tokio::test]
async fn a_wrong_or_weak_password_is_said_beside_its_field() {
    let site = Site::new().await;
    let cookie = site.sign_in(MEMBER).await;
    for (form, message) in [
        (
            "currentPassword=wrong&password=elephant+umbrella",
            "Incorrect current password.",
        ),
        (
            "currentPassword=kettle+walrus+teapot&password=short",
            "at least 15 characters",
        ),
        (
            "currentPassword=kettle+walrus+teapot&password=",
            "at least 15 characters",
        ),
    ] {
        let page = site.post("/settings/account/password", &cookie, form).await;
        assert_eq!(page.status, 422, "{form}");
        page.shows(message);
        page.hides("elephant");
        page.hides("kettle");
    }
    assert_eq!(site.get("/settings/account", &cookie).await.status, 200);
}

#[tokio::test]
async fn guessing_the_current_password_is_throttled() {
    let site = Site::new().await;
    let cookie = site.sign_in(MEMBER).await;
    let wrong = "currentPassword=wrong&password=elephant+umbrella";
    for _ in 0..10 {
        let page = site
            .post("/settings/account/password", &cookie, wrong)
            .await;
        assert_eq!(page.status, 422);
    }
    let page = site
        .post("/settings/account/password", &cookie, CHANGE)
        .await;
    assert_eq!(
        (page.status.as_u16(), page.header("retry-after")),
        (429, "900")
    );
    page.shows("Too many attempts");
    page.shows("Try again in 15 minutes.");
}

#[tokio::test]
async fn a_session_is_ended_by_its_own_person_alone() {
    let site = Site::new().await;
    let here = site.sign_in(MEMBER).await;
    let other = site.principal(MEMBER).await;
    let session = other.session().expect("a session").id;
    let path = format!("/settings/account/sessions/{session}/end");
    let admin = site.sign_in(ADMIN).await;
    assert_eq!(site.post(&path, &admin, "").await.status, 404);
    site.get("/settings/account", &here).await.shows(&path);
    let page = site.post(&path, &here, "").await;
    let page = site.follow(&page, &here).await;
    page.shows("The browser session <bdi class=\"strong\">");
    page.hides(&path);
    let nonsense = "/settings/account/sessions/ses_x/end";
    assert_eq!(site.post(nonsense, &here, "").await.status, 404);
}

#[tokio::test]
async fn ending_the_own_session_signs_out() {
    let site = Site::new().await;
    let cookie = site.sign_in(MEMBER).await;
    let page = site.get("/settings/account", &cookie).await;
    let (before, _) = page.text.split_once("/end\"").expect("a session");
    let id = before.rsplit('/').next().expect("an id");
    let path = format!("/settings/account/sessions/{id}/end");
    let page = site.post(&path, &cookie, "").await;
    assert_eq!(page.to(), "/sign-in");
    assert!(page.sets_session().contains("Max-Age=0"));
}

#[tokio::test]
async fn signing_out_everywhere_ends_every_session() {
    let site = Site::new().await;
    let (here, elsewhere) = (site.sign_in(MEMBER).await, site.sign_in(MEMBER).await);
    let path = "/settings/account/sign-out-everywhere";
    let page = site.post(path, &here, "").await;
    assert!(page.sets_session().contains("Max-Age=0"));
    for cookie in [here, elsewhere] {
        assert_eq!(site.get("/settings/account", &cookie).await.status, 303);
    }
}
