//! Name, password, browser sessions and activity.

use http::{Method, header};
use openindex_domain::audit::{AuditFilter, RequestContext};
use openindex_domain::testing::fixtures;
use openindex_domain::token::{Overlap, RotationOptions, Scope};
use openindex_domain::user::UserAction;

use crate::support::{ADMIN, MEMBER, OTHER, Site, context, credentials, request};

const CHANGE: &str = "currentPassword=kettle+walrus+teapot&password=elephant+umbrella";

#[tokio::test]
async fn a_password_change_ends_other_sessions_and_tokens_keep_working() {
    let site = Site::new().await;
    let issued = site.create(MEMBER, "kept", Scope::ReadWrite).await;
    let (here, elsewhere) = (site.sign_in(MEMBER).await, site.sign_in(MEMBER).await);
    let page = site.get("/settings/account", &here).await;
    page.shows("Changing your password ends all other browser sessions.");
    page.shows("Your tokens keep working.");
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
async fn a_wrong_or_weak_password_is_reported_beside_its_field() {
    let site = Site::new().await;
    let cookie = site.sign_in(MEMBER).await;
    for (form, message) in [
        (
            "currentPassword=wrong&password=elephant+umbrella",
            "Incorrect current password.",
        ),
        (
            "currentPassword=kettle+walrus+teapot&password=short",
            "Use at least 15 characters.",
        ),
        (
            "currentPassword=kettle+walrus+teapot&password=",
            "Use at least 15 characters.",
        ),
        (
            "currentPassword=kettle+walrus+teapot&password=kettle+walrus+teapot",
            "Choose a password other than your current one.",
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
async fn only_its_own_user_can_end_a_session() {
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
async fn ending_the_current_session_signs_out() {
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

#[tokio::test]
async fn a_changed_name_appears_everywhere() {
    let site = Site::new().await;
    let (cookie, elsewhere) = (site.sign_in(MEMBER).await, site.sign_in(MEMBER).await);
    let path = "/settings/account/name";
    let page = site.post(path, &cookie, "name=++Ada+%3Cb%3E+King++").await;
    let page = site.follow(&page, &cookie).await;
    page.shows("Your name is now <bdi class=\"strong\">Ada &#60;b&#62; King</bdi>.");
    page.shows("value=\"Ada &#60;b&#62; King\"");
    let tokens = site.get("/settings/tokens", &elsewhere).await;
    tokens.shows("<bdi>Ada &#60;b&#62; King</bdi>");
    let by = AuditFilter {
        action: Some(UserAction::NAME_CHANGED),
        actor: Some(fixtures::user(MEMBER).id),
        ..AuditFilter::default()
    };
    let admin = site.principal(ADMIN).await;
    let events = site.domain.audit.list(&admin, &by, None, 10).await;
    assert_eq!(events.expect("audit events").events.len(), 1);
    // Setting the same name again adds no second entry.
    site.post(path, &cookie, "name=Ada+%3Cb%3E+King").await;
    let events = site.domain.audit.list(&admin, &by, None, 10).await;
    assert_eq!(events.expect("audit events").events.len(), 1);
}

#[tokio::test]
async fn an_invalid_name_is_reported_beside_its_field_and_kept() {
    let site = Site::new().await;
    let cookie = site.sign_in(MEMBER).await;
    let long = "x".repeat(101);
    for (typed, shown) in [("", "value=\"\""), ("a%0Ab", "value=\"a"), (&long, &long)] {
        let form = format!("name={typed}");
        let page = site.post("/settings/account/name", &cookie, &form).await;
        assert_eq!(page.status, 422, "{typed}");
        page.shows("id=\"name-error\">The name ");
        page.shows(shown);
    }
    let secret = "oi_pat_jZHvxRBv86PcflRJxLvgWo9a_8nw9xGsKx80URWSUagWwm0h";
    let form = format!("name={secret}");
    let page = site.post("/settings/account/name", &cookie, &form).await;
    assert_eq!(page.status, 422);
    page.hides(secret);
}

#[tokio::test]
async fn a_session_shows_its_ip_address() {
    let site = Site::new().await;
    let here = site.sign_in(MEMBER).await;
    let email = fixtures::user(MEMBER).email;
    let password = openindex_domain::user::Password::parse(crate::support::PASSWORD);
    let context = RequestContext {
        client_address: Some("2001:db8::7".parse().unwrap()),
        ..RequestContext::default()
    };
    let client = openindex_domain::session::ClientName::sanitize("<i>Odd/1");
    let sessions = &site.domain.sessions;
    let there = sessions
        .sign_in(&email, &password.unwrap(), client, &context)
        .await;
    there.expect("signed in");
    let page = site.get("/settings/account", &here).await;
    page.shows(" from <span class=\"address\">2001:db8::7</span>");
    page.shows("&#60;i&#62;Odd/1");
    assert_eq!(page.text.matches("This browser").count(), 1);
}

#[tokio::test]
async fn activity_contains_only_events_by_or_about_the_user() {
    let site = Site::new().await;
    let token = site.create(MEMBER, "mine", Scope::ReadWrite).await.token.id;
    let foreign = site
        .create(OTHER, "theirs", Scope::ReadWrite)
        .await
        .token
        .id;
    let admin = site.sign_in(ADMIN).await;
    for id in [token, foreign] {
        let path = format!("/settings/admin/tokens/{id}/revoke");
        let request = request(Method::POST, &path, &admin)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header("sec-fetch-site", "same-origin")
            .body(axum::body::Body::empty());
        assert_eq!(site.send(request.unwrap()).await.status, 303);
    }
    let cookie = site.sign_in(MEMBER).await;
    let page = site.get("/settings/account/activity", &cookie).await;
    page.shows("Token revoked");
    page.shows("An administrator");
    page.shows(&token.to_string());
    page.shows("Token created");
    page.hides(&foreign.to_string());
    page.hides("User 1");
    // The administrator did both, and sees both.
    let page = site.get("/settings/account/activity", &admin).await;
    page.shows(&token.to_string());
    page.shows(&foreign.to_string());
}

#[tokio::test]
async fn activity_names_and_links_what_it_is_about() {
    let site = Site::new().await;
    let old = site
        .create(MEMBER, "deploy", Scope::ReadWrite)
        .await
        .token
        .id;
    let principal = site.principal(MEMBER).await;
    let rotation = RotationOptions {
        expires: None,
        overlap: Overlap::from_seconds(0).expect("an overlap"),
    };
    let tokens = &site.domain.tokens;
    let rotated = tokens.rotate(&principal, old, rotation, &context()).await;
    let new = rotated.expect("rotated").token.id;
    let run = site.run_with(MEMBER, "builder-7", None, new).await.token.id;
    let item = site.item(MEMBER, "Pump").await.key;
    let foreign = site
        .create(OTHER, "theirs", Scope::ReadWrite)
        .await
        .token
        .id;
    let admin = site.sign_in(ADMIN).await;
    site.post(
        &format!("/settings/admin/tokens/{foreign}/revoke"),
        &admin,
        "",
    )
    .await;
    let cookie = site.sign_in(MEMBER).await;
    let page = site.get("/settings/account/activity", &cookie).await;
    let deploy = |id| {
        format!(
            "<a href=\"/settings/tokens/{id}\"><bdi>deploy</bdi></a> \
             <span class=\"hint block\">"
        )
    };
    page.shows(&format!("{}Old token</span>", deploy(old)));
    page.shows(&format!("{}New token</span>", deploy(new)));
    page.shows(&format!(
        "<a href=\"/settings/agent-runs/{run}\"><bdi>builder-7</bdi></a>"
    ));
    page.shows(&format!("<a href=\"/work/{item}\"><bdi>{item}</bdi></a>"));
    page.hides("/settings/admin");
    // An administrator can open the tokens of others.
    let page = site.get("/settings/account/activity", &admin).await;
    page.shows(&format!(
        "<a href=\"/settings/admin/tokens/{foreign}\"><bdi>theirs</bdi></a>"
    ));
    // Who was one can not.
    let mut former = fixtures::user(ADMIN);
    former.role = openindex_domain::user::Role::Member;
    crate::support::put_user(&site.domain, former).await;
    let page = site.get("/settings/account/activity", &admin).await;
    page.shows(&foreign.to_string());
    page.hides("theirs");
    page.hides("/settings/admin");
}

#[tokio::test]
async fn activity_is_filtered_by_action_and_keeps_the_filter_between_pages() {
    let site = Site::new().await;
    for _ in 0..60 {
        site.principal(MEMBER).await;
    }
    site.create(MEMBER, "mine", Scope::ReadWrite).await;
    let cookie = site.sign_in(MEMBER).await;
    let path = "/settings/account/activity?action=token.created";
    let page = site.get(path, &cookie).await;
    page.shows("<option value=\"token.created\" selected>");
    assert_eq!(page.text.matches("scope=\"row\"").count(), 1);
    let path = "/settings/account/activity?action=session.started&from=2026-11-24";
    let first = site.get(path, &cookie).await;
    assert_eq!(first.text.matches("scope=\"row\"").count(), 50);
    first.shows("action=session.started&#38;from=2026-11-24&#38;after=");
    let page = site
        .get("/settings/account/activity?action=nonsense", &cookie)
        .await;
    assert_eq!(page.status, 422);
    page.shows("id=\"action-error\"");
    let page = site
        .get("/settings/account/activity?action=user.deleted", &cookie)
        .await;
    page.shows("No matching events");
}

#[tokio::test]
async fn activity_goes_back_and_forth_in_pages_of_50() {
    let site = Site::new().await;
    // This sign-in is one entry more than two pages hold.
    for _ in 0..119 {
        site.principal(MEMBER).await;
    }
    let cookie = site.sign_in(MEMBER).await;
    let path = |page: &crate::support::Page, rel: &str| {
        let link = page.text.split_once(&format!("rel=\"{rel}\" href=\""))?;
        let (href, _) = link.1.split_once('"')?;
        Some(href.to_owned())
    };
    let rows = |page: &crate::support::Page| page.text.matches(">session.started<").count();
    let first = site.get("/settings/account/activity", &cookie).await;
    assert_eq!((rows(&first), path(&first, "prev")), (50, None));
    let second = site.get(&path(&first, "next").unwrap(), &cookie).await;
    assert_eq!(rows(&second), 50);
    let third = site.get(&path(&second, "next").unwrap(), &cookie).await;
    assert_eq!((rows(&third), path(&third, "next")), (20, None));
    let back = site.get(&path(&third, "prev").unwrap(), &cookie).await;
    let body = |page: &crate::support::Page| {
        page.text
            .split_once("<tbody")
            .map(|(_, rest)| rest.split_once("</tbody>").unwrap().0.to_owned())
    };
    assert_eq!(body(&back), body(&second));
    let to_first = site.get(&path(&back, "prev").unwrap(), &cookie).await;
    assert_eq!(to_first.to(), "/settings/account/activity");
    for wrong in ["?after=x", "?before=1-evt_0", "?after=%00"] {
        let page = site
            .get(&format!("/settings/account/activity{wrong}"), &cookie)
            .await;
        assert_eq!((page.status.as_u16(), rows(&page)), (200, 50), "{wrong}");
    }
}

#[tokio::test]
async fn a_password_manager_finds_where_to_change_the_password() {
    for base in ["", "/oi"] {
        let site = Site::at(&format!("https://oi.example.com{base}")).await;
        let page = site.get("/.well-known/change-password", "").await;
        assert_eq!(page.to(), format!("{base}/settings/account#password"));
        // A password manager uses this path to detect servers that return 200 for everything.
        let unknown =
            "/.well-known/resource-that-should-not-exist-whose-status-code-should-not-be-200";
        assert_eq!(site.get(unknown, "").await.status, 404);
        let cookie = site
            .post("/sign-in", "", &credentials(MEMBER))
            .await
            .cookie();
        site.get("/settings/account", &cookie)
            .await
            .shows("id=\"password\"");
    }
}
