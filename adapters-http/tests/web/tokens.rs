//! The user's own tokens.

use openindex_domain::audit::RequestContext;
use openindex_domain::clock::Timestamp;
use openindex_domain::testing::fixtures;
use openindex_domain::token::{Expiry, ListFilter, NewToken, Scope, Token, TokenName, Tokens};
use openindex_domain::user::Role;

use crate::support::{ADMIN, MEMBER, OTHER, Site, context};

async fn newest(site: &Site, user: u64) -> Token {
    let principal = site.principal(user).await;
    let tokens: &Tokens = &site.domain.tokens;
    let filter = ListFilter::default();
    let list = tokens.list(&principal, &filter, None, 1).await;
    list.expect("a list").tokens[0].clone()
}

#[tokio::test]
async fn an_expiry_is_a_date_or_a_preset_and_blank_is_never() {
    let site = Site::new().await;
    let cookie = site.sign_in(MEMBER).await;
    for (choice, days) in [
        ("expiry=7", Some(7)),
        ("expiry=365&expiryDate=", Some(365)),
        ("expiry=never&expiryDate=", None),
        ("expiry=&expiryDate=", None),
        ("expiryDate=+", None),
        ("", None),
    ] {
        // The newest is first in the list.
        site.domain.clock.advance_seconds(1);
        let now = site.domain.tokens.now();
        let expires = days.map(|days: i64| now.saturating_add_seconds(days * 86_400));
        let form = format!("name=x&scope=read_write&{choice}");
        let page = site.post("/settings/tokens/new", &cookie, &form).await;
        assert_eq!(page.status, 201, "{choice}");
        assert_eq!(newest(&site, MEMBER).await.expires_at, expires, "{choice}");
    }
    site.domain.clock.advance_seconds(1);
    let form = "name=x&scope=read_write&expiry=&expiryDate=2026-12-31";
    site.post("/settings/tokens/new", &cookie, form).await;
    let end_of_day = Timestamp::parse_rfc3339("2027-01-01T00:00:00Z");
    assert_eq!(newest(&site, MEMBER).await.expires_at, end_of_day);
}

#[tokio::test]
async fn a_form_with_a_token_in_its_text_is_rejected_and_does_not_show_it_again() {
    let site = Site::new().await;
    let cookie = site.sign_in(ADMIN).await;
    let issued = site.create(ADMIN, "leaked", Scope::Admin).await;
    let secret = issued.secret.expose();
    let (_, code) = site.invite("new@example.com", Role::Member).await;
    for (path, form) in [
        (
            "/settings/tokens/new",
            format!("name=ci+{secret}&scope=read_write"),
        ),
        (
            "/settings/admin/invites",
            format!("email={secret}@example.com&role=member"),
        ),
        (
            &format!("/join/{code}"),
            format!("name={secret}&password=kettle+walrus+teapot"),
        ),
        (
            &format!("/settings/admin/users/{}/email", fixtures::user(MEMBER).id),
            format!("email={secret}@example.com"),
        ),
    ] {
        let page = site.post(path, &cookie, &form).await;
        assert_eq!(page.status, 422, "{path}");
        page.shows("must not contain a token; revoke that token");
        page.hides(secret);
    }
    let form = format!("email={secret}&password=x");
    let page = site.post("/sign-in", "", &form).await;
    assert_eq!(page.status, 422);
    page.hides(secret);
}

#[tokio::test]
async fn the_pages_use_the_terms_of_the_specification() {
    let site = Site::new().await;
    let cookie = site.sign_in(MEMBER).await;
    let page = site.get("/settings/tokens", &cookie).await;
    for text in [
        "aria-label=\"Settings\"",
        ">Personal</p>",
        ">Create token</a>",
        "</svg>Tokens</a>",
    ] {
        page.shows(text);
    }
    let page = site.get("/settings/tokens/new", &cookie).await;
    for text in [
        "<h1>Create token</h1>",
        ">Name</label>",
        "<legend>Scope</legend>",
        ">Expiry date (optional)</label>",
        "Without a date or a period, it never expires.",
        "If a token that never expires leaks, it keeps working until someone notices.",
        // Nothing is preselected.
        "<option value=\"\" selected>",
        "type=\"date\" min=\"2026-11-24\" value=\"\"",
    ] {
        page.shows(text);
    }
}

#[tokio::test]
async fn the_page_with_the_value_says_where_to_store_it() {
    let site = Site::new().await;
    let cookie = site.sign_in(MEMBER).await;
    let form = "name=x&scope=read_write";
    let page = site.post("/settings/tokens/new", &cookie, form).await;
    page.shows("Copy the token value now.");
    page.shows("It is shown only once");
    page.shows(
        "Store it in a secrets manager or an environment variable before you leave this page.",
    );
    page.shows("value=\"oi_pat_");
    // The commands work on a machine without a profile.
    page.shows("oi profile set --app-url https://oi.example.com --token -");
    page.shows("read -rs OPENINDEX_TOKEN\ncurl -H ");
    page.shows("Bearer $OPENINDEX_TOKEN\" https://oi.example.com/me");
}

#[tokio::test]
async fn a_rotation_with_a_blank_expiry_keeps_the_current_one() {
    let site = Site::new().await;
    let cookie = site.sign_in(MEMBER).await;
    for (choice, kept) in [
        ("expiry=", true),
        ("expiryDate=", true),
        ("expiry=never", false),
    ] {
        site.domain.clock.advance_seconds(1);
        let form = "name=x&scope=read_write&expiryDate=2026-12-31";
        site.post("/settings/tokens/new", &cookie, form).await;
        let old = newest(&site, MEMBER).await;
        let path = format!("/settings/tokens/{}/rotate", old.id);
        site.get(&path, &cookie)
            .await
            .shows("Without a date or a period, the expiry doesn’t change.");
        site.domain.clock.advance_seconds(1);
        let page = site
            .post(&path, &cookie, &format!("overlap=0&{choice}"))
            .await;
        assert_eq!(page.status, 201, "{choice}");
        let expires_at = old.expires_at.filter(|_| kept);
        assert_eq!(
            newest(&site, MEMBER).await.expires_at,
            expires_at,
            "{choice}"
        );
    }
}

#[tokio::test]
async fn errors_are_shown_beside_the_field_and_entries_are_kept() {
    let site = Site::new().await;
    let cookie = site.sign_in(MEMBER).await;
    for (form, message) in [
        (
            "name=&scope=read_write&expiry=7",
            "The name must not be blank.",
        ),
        ("name=kept&scope=&expiry=7", "Choose a scope."),
        (
            "name=kept&scope=read_write&expiry=90&expiryDate=2026-12-31",
            "Choose either a date or a period, not both.",
        ),
        (
            "name=kept&scope=read_write&expiry=never&expiryDate=2026-12-31",
            "Choose either a date or a period, not both.",
        ),
        (
            "name=kept&scope=read_write&expiry=&expiryDate=soon",
            "Choose a date such as",
        ),
        (
            "name=kept&scope=read_write&expiry=&expiryDate=2026-11-23",
            "2026-11-23 is already past in UTC (now 24 Nov 2026, 06:00 UTC). Choose a later date.",
        ),
        (
            "name=kept&scope=read_write&expiry=8",
            "Choose a date or one of the periods.",
        ),
    ] {
        let page = site.post("/settings/tokens/new", &cookie, form).await;
        assert_eq!(page.status, 422, "{form}");
        page.shows(message);
        page.hides("oi_pat_");
        if form.contains("kept") {
            page.shows("value=\"kept\"");
        }
    }
    let page = site.get("/settings/tokens", &cookie).await;
    page.shows("No tokens yet");
}

#[tokio::test]
async fn a_name_that_is_too_long_is_reported_with_its_length_and_kept_whole() {
    let site = Site::new().await;
    let cookie = site.sign_in(MEMBER).await;
    let name = "x".repeat(143);
    let form = format!("name={name}&scope=read_write");
    let page = site.post("/settings/tokens/new", &cookie, &form).await;
    assert_eq!(page.status, 422);
    page.shows("The name must not be longer than 100 characters (got 143).");
    page.shows(&format!("value=\"{name}\""));
    // Browsers cut what is pasted to this length.
    page.hides("maxlength");
}

#[tokio::test]
async fn a_member_cannot_create_a_token_with_the_admin_scope() {
    let site = Site::new().await;
    let (member, admin) = (site.sign_in(MEMBER).await, site.sign_in(ADMIN).await);
    site.get("/settings/tokens/new", &admin)
        .await
        .shows("value=\"admin\"");
    let page = site.get("/settings/tokens/new", &member).await;
    page.hides("value=\"admin\"");
    page.hides("type=\"radio\"");
    page.shows("Only administrators can choose Admin.");
    page.hides("/settings/admin");
    let form = "name=x&scope=admin&expiry=7";
    let page = site.post("/settings/tokens/new", &member, form).await;
    assert_eq!(page.status, 403);
    page.hides("oi_pat_");
}

#[tokio::test]
async fn the_quota_is_reported() {
    let site = Site::new().await;
    let mut state = site.state.clone();
    state.use_cases.tokens = state.tokens.clone().with_quota(0);
    let site = Site::on(site.domain, state);
    let cookie = site.sign_in(MEMBER).await;
    let form = "name=kept&scope=read_write&expiry=7";
    let page = site.post("/settings/tokens/new", &cookie, form).await;
    assert_eq!(page.status, 409);
    page.shows("You’ve reached the limit of 0 active tokens");
    page.shows("value=\"kept\"");
}

#[tokio::test]
async fn another_users_token_is_not_found() {
    let site = Site::new().await;
    let issued = site.create(OTHER, "theirs", Scope::ReadWrite).await;
    for user in [MEMBER, ADMIN] {
        let cookie = site.sign_in(user).await;
        for id in [issued.token.id.to_string(), "pat_x".to_owned()] {
            let path = format!("/settings/tokens/{id}");
            assert_eq!(site.get(&path, &cookie).await.status, 404);
            for action in ["rotate", "delete"] {
                let path = format!("/settings/tokens/{id}/{action}");
                assert_eq!(site.get(&path, &cookie).await.status, 404);
                let form = "overlap=0&expiry=";
                assert_eq!(site.post(&path, &cookie, form).await.status, 404);
            }
        }
    }
    assert!(
        site.domain
            .tokens
            .verify(issued.secret.expose())
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn a_token_in_its_overlap_cannot_be_rotated_again() {
    let site = Site::new().await;
    let issued = site.create(MEMBER, "old", Scope::ReadWrite).await;
    let cookie = site.sign_in(MEMBER).await;
    let path = format!("/settings/tokens/{}/rotate", issued.token.id);
    let page = site.post(&path, &cookie, "overlap=3600&expiry=90").await;
    page.shows("The old token keeps working for 1 hour.");
    assert!(
        site.domain
            .tokens
            .verify(issued.secret.expose())
            .await
            .is_ok()
    );
    let page = site.get("/settings/tokens", &cookie).await;
    page.shows(">Rotated</span>");
    page.hides(&path);
    for page in [
        site.get(&path, &cookie).await,
        site.post(&path, &cookie, "expiry=").await,
    ] {
        assert_eq!(page.status, 409);
        page.shows("This token has already been rotated");
        let known = site.principal(MEMBER).await;
        let old = site
            .domain
            .tokens
            .get_including_revoked(&known, issued.token.id)
            .await;
        let successor = old.expect("it is read").and_then(|old| old.successor);
        let successor = successor.expect("a successor");
        page.shows("View the new token");
        let new = page.link(&format!("/settings/tokens/{successor}"));
        assert_eq!(site.get(&new, &cookie).await.status, 200);
    }
    // If rotated without an overlap, the old one is revoked, and its owner is still notified.
    let issued = site.create(MEMBER, "at once", Scope::ReadWrite).await;
    let path = format!("/settings/tokens/{}/rotate", issued.token.id);
    site.post(&path, &cookie, "overlap=0&expiry=")
        .await
        .shows("Token rotated");
    for page in [
        site.get(&path, &cookie).await,
        site.post(&path, &cookie, "overlap=0&expiry=").await,
    ] {
        assert_eq!(page.status, 409);
        page.shows("This token has already been rotated");
        page.shows("View the new token");
    }
    let too_long = site.create(MEMBER, "another", Scope::ReadWrite).await;
    let path = format!("/settings/tokens/{}/rotate", too_long.token.id);
    let page = site.post(&path, &cookie, "overlap=86401&expiry=").await;
    assert_eq!(page.status, 400);
}

#[tokio::test]
async fn deleting_a_token_requires_confirmation_and_takes_effect_immediately() {
    let site = Site::new().await;
    let issued = site.create(MEMBER, "old one", Scope::ReadWrite).await;
    let cookie = site.sign_in(MEMBER).await;
    let path = format!("/settings/tokens/{}/delete", issued.token.id);
    site.get(&path, &cookie).await.shows("old one");
    assert!(
        site.domain
            .tokens
            .verify(issued.secret.expose())
            .await
            .is_ok()
    );
    let page = site.post(&path, &cookie, "").await;
    let page = site.follow(&page, &cookie).await;
    page.shows("was deleted.");
    page.hides(&path);
    assert!(
        site.domain
            .tokens
            .verify(issued.secret.expose())
            .await
            .is_err()
    );
    assert_eq!(site.post(&path, &cookie, "").await.status, 404);
}

#[tokio::test]
async fn tokens_are_listed_50_per_page() {
    let site = Site::new().await;
    let cookie = site.sign_in(MEMBER).await;
    let principal = site.principal(MEMBER).await;
    for number in 0..51 {
        let new = NewToken::new(
            TokenName::parse(&format!("token-{number:02}")).expect("a name"),
            Scope::ReadWrite,
            Expiry::Never,
        );
        let tokens = &site.domain.tokens;
        let issued = tokens
            .create(&principal, new, &RequestContext::default())
            .await;
        issued.expect("it is issued");
        site.domain.clock.advance_millis(1);
    }
    let first = site.get("/settings/tokens", &cookie).await;
    first.shows("token-50");
    first.shows("token-01");
    first.hides("token-00");
    first.hides("Previous page");
    let second = site.get(&first.link("rel=\"next\""), &cookie).await;
    second.shows("token-00");
    second.hides("token-01");
    second.hides("Next page");
    let again = site.get(&second.link("rel=\"prev\""), &cookie).await;
    assert_eq!(again.text, first.text);
    // If the rest of the list was deleted meanwhile, the account is not shown as empty.
    let after = newest(&site, MEMBER).await.id;
    let oldest = site
        .get(
            "/settings/tokens?after=pat_00000000000070008000000000000000",
            &cookie,
        )
        .await;
    assert_eq!(oldest.text, first.text);
    let behind = site
        .get(&format!("/settings/tokens?after={after}"), &cookie)
        .await;
    behind.shows("token-00");
}

#[tokio::test]
async fn a_leaked_token_is_reported_until_it_is_dismissed() {
    let site = Site::new().await;
    let issued = site
        .create(MEMBER, "left <b>open</b>", Scope::ReadWrite)
        .await;
    let secrets = [issued.secret.expose()];
    let admin_tokens = &site.domain.admin_tokens;
    let report = admin_tokens.report_leaked(&secrets, &context()).await;
    report.expect("a report");
    let cookie = site.sign_in(MEMBER).await;
    for path in [
        "/settings/tokens",
        "/settings/account",
        "/settings/tokens/new",
    ] {
        let page = site.get(path, &cookie).await;
        page.shows("One of your tokens was leaked");
        page.shows("left &#60;b&#62;open&#60;/b&#62;");
    }
    let other = site.sign_in(OTHER).await;
    site.get("/settings/tokens", &other)
        .await
        .hides("reported as leaked");
    for wrong in ["", "upTo=x", "upTo=-1"] {
        let page = site.post("/settings/notices/dismiss", &cookie, wrong).await;
        assert_eq!(page.status, 400, "{wrong}");
    }
    let up_to = format!("upTo={}", fixtures::NOW.unix_millis());
    let page = site
        .post("/settings/notices/dismiss", &cookie, &up_to)
        .await;
    site.follow(&page, &cookie)
        .await
        .hides("reported as leaked");
}
