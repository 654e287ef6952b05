//! Users, invites, all tokens, and the audit log.

use openindex_domain::admin_tokens::TokenFilter;
use openindex_domain::testing::fixtures;
use openindex_domain::token::Scope;
use openindex_domain::user::Role;

use crate::support::{ADMIN, MEMBER, OTHER, Site, context, put_user};

#[tokio::test]
async fn suspending_a_user_requires_confirmation_and_takes_effect_immediately() {
    let site = Site::new().await;
    let issued = site.create(MEMBER, "theirs", Scope::ReadWrite).await;
    let (admin, member) = (site.sign_in(ADMIN).await, site.sign_in(MEMBER).await);
    let user = format!("/settings/admin/users/{}", fixtures::user(MEMBER).id);
    let suspend = format!("{user}/suspend");
    site.get(&suspend, &admin)
        .await
        .shows("Their tokens stop working immediately");
    assert_eq!(site.get("/settings/tokens", &member).await.status, 200);
    let page = site.post(&suspend, &admin, "").await;
    site.follow(&page, &admin).await.shows("was suspended.");
    assert_eq!(site.get("/settings/tokens", &member).await.status, 303);
    assert!(
        site.domain
            .tokens
            .verify(issued.secret.expose())
            .await
            .is_err()
    );
    site.post(&format!("{user}/unsuspend"), &admin, "").await;
    assert!(
        site.domain
            .tokens
            .verify(issued.secret.expose())
            .await
            .is_ok()
    );
    assert_eq!(
        site.get("/settings/tokens", &member).await.status,
        303,
        "sessions stay ended"
    );
}

#[tokio::test]
async fn deleting_a_user_requires_confirmation_and_takes_effect_immediately() {
    let site = Site::new().await;
    let issued = site.create(MEMBER, "theirs", Scope::ReadWrite).await;
    let (admin, member) = (site.sign_in(ADMIN).await, site.sign_in(MEMBER).await);
    let id = fixtures::user(MEMBER).id;
    let user = format!("/settings/admin/users/{id}");
    site.get(&user, &admin).await.shows("Delete user");
    let asked = site.get(&format!("{user}/delete"), &admin).await;
    asked.shows("This cannot be undone.");
    asked.shows("stop working immediately");
    let page = site.post(&format!("{user}/delete"), &admin, "").await;
    site.follow(&page, &admin).await.shows("was deleted.");
    assert_eq!(site.get("/settings/tokens", &member).await.status, 303);
    let verified = site.domain.tokens.verify(issued.secret.expose()).await;
    assert!(verified.is_err());
    assert_eq!(site.get(&user, &admin).await.status, 404);
    let page = site.get("/settings/admin/audit", &admin).await;
    page.shows("User deleted");
    page.shows(&id.to_string());
    let own = format!("/settings/admin/users/{}", fixtures::user(ADMIN).id);
    let page = site.get(&format!("{own}/delete"), &admin).await;
    assert_eq!(page.status, 409);
    page.shows("You can’t delete your own account");
}

#[tokio::test]
async fn an_address_is_changed_and_a_look_alike_is_marked() {
    let site = Site::new().await;
    let admin = site.sign_in(ADMIN).await;
    let user = format!("/settings/admin/users/{}", fixtures::user(MEMBER).id);
    let form = format!("{user}/email");
    let page = site.post(&form, &admin, "email=nothing").await;
    assert_eq!(page.status, 422);
    let taken = fixtures::user(ADMIN).email;
    let taken = format!("email={}", taken.as_str().replace('@', "%40"));
    let page = site.post(&form, &admin, &taken).await;
    assert_eq!(page.status, 409);
    page.shows("belongs to another user");
    // The first letter is Cyrillic.
    let page = site
        .post(&form, &admin, "email=%D0%B0dmin%40example.org")
        .await;
    site.follow(&page, &admin)
        .await
        .shows("Mixed scripts: Cyrillic, Latin");
    site.get("/settings/admin/users", &admin)
        .await
        .shows("Mixed scripts: Cyrillic, Latin");
    let invite = "email=%D0%B0dmin%40example.com&role=admin";
    site.post("/settings/admin/invites", &admin, invite)
        .await
        .shows("Mixed scripts: Cyrillic, Latin");
    site.get("/settings/admin/invites", &admin)
        .await
        .shows("Mixed scripts: Cyrillic, Latin");
}

#[tokio::test]
async fn setting_the_current_address_is_reported_as_unchanged() {
    let site = Site::new().await;
    let admin = site.sign_in(ADMIN).await;
    let user = format!("/settings/admin/users/{}", fixtures::user(MEMBER).id);
    let form = format!("{user}/email");
    let present = fixtures::user(MEMBER).email.as_str().replace('@', "%40");
    for (typed, message) in [
        (present.clone(), "is unchanged."),
        (format!("+{present}+"), "is unchanged."),
        (present.to_uppercase(), "was changed."),
    ] {
        site.get(&form, &admin)
            .await
            .hides("This is your own account:");
        let page = site.post(&form, &admin, &format!("email={typed}")).await;
        site.follow(&page, &admin).await.shows(message);
    }
    let own = format!("/settings/admin/users/{}/email", fixtures::user(ADMIN).id);
    site.get(&own, &admin)
        .await
        .shows("This is your own account:");
}

#[tokio::test]
async fn the_last_administrator_cannot_be_demoted() {
    let site = Site::new().await;
    let admin = site.sign_in(ADMIN).await;
    let user = format!("/settings/admin/users/{}", fixtures::user(ADMIN).id);
    for (action, form) in [("suspend", ""), ("role", "role=member")] {
        let page = site.post(&format!("{user}/{action}"), &admin, form).await;
        assert_eq!(page.status, 409, "{action}");
        page.shows("You can’t remove the last administrator");
    }
    // The pages say so before.
    let confirmations = [format!("{user}/suspend"), format!("{user}/role")];
    let page = site.get(&user, &admin).await;
    page.shows("You’re the last administrator");
    page.shows("You can’t delete your own account.");
    for path in &confirmations {
        page.hides(path);
        let confirmation = site.get(path, &admin).await;
        confirmation.shows("You’re the last administrator");
        confirmation.hides("<form class=\"buttons\"");
    }
    let other = format!("/settings/admin/users/{}", fixtures::user(OTHER).id);
    site.post(&format!("{other}/role"), &admin, "role=admin")
        .await;
    let page = site.get(&user, &admin).await;
    page.shows("affect your tokens");
    page.hides("their tokens");
    for path in &confirmations {
        page.shows(path);
        let confirmation = site.get(path, &admin).await;
        confirmation.shows("<form class=\"buttons\"");
        confirmation.shows("your own account");
        confirmation.hides("Their ");
    }
    let page = site
        .post(&format!("{user}/role"), &admin, "role=member")
        .await;
    // Administrators who demote themselves are not redirected to a page they cannot open.
    assert_eq!(page.to(), "/");
    let page = site
        .get("/settings/tokens", &format!("{admin}; {}", page.done()))
        .await;
    page.shows("’s role was changed.");
    assert_eq!(site.get("/settings/admin/users", &admin).await.status, 403);
    let wrong = site
        .post(&format!("{user}/role"), &admin, "role=owner")
        .await;
    assert_eq!(wrong.status, 403);
}

#[tokio::test]
async fn unknown_objects_are_404() {
    let site = Site::new().await;
    let admin = site.sign_in(ADMIN).await;
    let unknown = fixtures::user(99).id;
    for path in [
        format!("/settings/admin/users/{unknown}"),
        format!("/settings/admin/users/{unknown}/suspend"),
        format!("/settings/admin/users/{unknown}/role"),
        "/settings/admin/users/usr_x".to_owned(),
        format!(
            "/settings/admin/invites/{}/withdraw",
            fixtures::invite(9).id
        ),
        "/settings/admin/invites/x/withdraw".to_owned(),
        format!(
            "/settings/admin/tokens/{}/revoke",
            fixtures::token(9, fixtures::NOW).id
        ),
        "/settings/admin/tokens/pat_x/revoke".to_owned(),
    ] {
        let page = site.get(&path, &admin).await;
        assert_eq!(page.status, 404, "{path}");
        page.shows("never existed.");
    }
    let path = format!("/settings/admin/users/{unknown}/sign-in-link");
    assert_eq!(site.post(&path, &admin, "").await.status, 404);
}

#[tokio::test]
async fn a_suspended_user_gets_no_sign_in_link() {
    let site = Site::new().await;
    let admin = site.sign_in(ADMIN).await;
    let user = format!("/settings/admin/users/{}", fixtures::user(MEMBER).id);
    site.post(&format!("{user}/suspend"), &admin, "").await;
    site.get(&user, &admin).await.hides("sign-in-link");
    let page = site.post(&format!("{user}/sign-in-link"), &admin, "").await;
    assert_eq!(page.status, 404);
}

#[tokio::test]
async fn an_invite_requires_an_address_without_an_account_and_can_be_withdrawn() {
    let site = Site::new().await;
    let admin = site.sign_in(ADMIN).await;
    let invites = "/settings/admin/invites";
    site.get(invites, &admin).await.shows("No invites");
    for (form, status, message) in [
        ("email=nonsense&role=admin", 422, "must be an email address"),
        (
            "email=User2%40example.com",
            409,
            "This person already has an account",
        ),
    ] {
        let page = site.post(invites, &admin, form).await;
        assert_eq!(page.status.as_u16(), status);
        page.shows(message);
    }
    let (id, code) = site.invite("new@example.com", Role::Admin).await;
    let path = format!("{invites}/{id}/withdraw");
    site.get(invites, &admin).await.shows(&path);
    site.get(&path, &admin).await.shows("new@example.com");
    let page = site.post(&path, &admin, "").await;
    let page = site.follow(&page, &admin).await;
    page.shows("was withdrawn.");
    page.hides(&path);
    let page = site.get(&format!("/join/{code}"), "").await;
    assert_eq!(page.status, 410);
    page.shows("This invite is no longer valid");
    assert_eq!(site.get(&path, &admin).await.status, 404);
    assert_eq!(site.post(&path, &admin, "").await.status, 404);
}

#[tokio::test]
async fn a_replaced_invite_is_not_a_withdrawn_one() {
    let site = Site::new().await;
    let admin = site.sign_in(ADMIN).await;
    let invites = "/settings/admin/invites";
    let (earlier, code) = site.invite("new@example.com", Role::Member).await;
    let (later, _) = site.invite("New@Example.com", Role::Member).await;
    let page = site.get(invites, &admin).await;
    page.shows("Replaced");
    page.hides("Withdrawn");
    page.shows(&format!("href=\"#{later}\">Newer invite</a>"));
    page.shows(&format!("id=\"{later}\""));
    let page = site.get(&format!("/join/{code}"), "").await;
    assert_eq!(page.status, 410);
    page.shows("This invite was replaced by a newer one");
    page.hides(&later);
    let withdraw = format!("{invites}/{earlier}/withdraw");
    assert_eq!(site.post(&withdraw, &admin, "").await.status, 404);
}

#[tokio::test]
async fn a_new_invite_shows_its_role_and_an_address_that_may_lack_its_ending() {
    let site = Site::new().await;
    let admin = site.sign_in(ADMIN).await;
    let hint = "This address has no domain ending";
    for (form, role, is_dotless) in [
        ("email=bob%40example.com&role=member", "Member", false),
        ("email=bob%40example&role=admin", "Administrator", true),
    ] {
        let page = site.post("/settings/admin/invites", &admin, form).await;
        assert_eq!(page.status, 201, "{form}");
        page.shows(&format!(" · {role} · expires"));
        if is_dotless {
            page.shows(hint);
        } else {
            page.hides(hint);
        }
    }
}

#[tokio::test]
async fn owners_are_told_what_administrators_did_until_they_dismiss_it() {
    let site = Site::new().await;
    let admin = site.sign_in(ADMIN).await;
    for name in ["one", "two"] {
        site.create(MEMBER, name, Scope::ReadWrite).await;
    }
    let one = site.create(MEMBER, "three", Scope::ReadWrite).await;
    let own = site.create(ADMIN, "own", Scope::ReadWrite).await;
    let member = fixtures::user(MEMBER).id;
    for id in [one.token.id, own.token.id] {
        let path = format!("/settings/admin/tokens/{id}/revoke");
        assert_eq!(site.post(&path, &admin, "").await.status, 303);
    }
    let filter = TokenFilter {
        owner: Some(member),
        ..TokenFilter::default()
    };
    let principal = site.principal(ADMIN).await;
    let admin_tokens = &site.domain.admin_tokens;
    let revoked = admin_tokens
        .revoke_matching(&principal, &filter, None, &context())
        .await;
    assert_eq!(revoked.expect("revoked").tokens.count(), 2);
    let told = "An administrator revoked 3 of your tokens";
    let lifted = "Your account was suspended and is active again";
    let cookie = site.sign_in(MEMBER).await;
    let page = site.get("/settings/tokens", &cookie).await;
    page.shows(told);
    page.shows("1 token on");
    page.shows("2 tokens on");
    page.shows("href=\"/settings/tokens?status=revoked\">recently revoked tokens</a>");
    page.hides(lifted);
    site.get("/settings/tokens", &admin)
        .await
        .hides("An administrator revoked");
    let user = format!("/settings/admin/users/{member}");
    for action in ["suspend", "unsuspend"] {
        site.post(&format!("{user}/{action}"), &admin, "").await;
    }
    let cookie = site.sign_in(MEMBER).await;
    let page = site.get("/settings/account", &cookie).await;
    page.shows(told);
    page.shows(lifted);
    let (_, up_to) = page
        .text
        .split_once("name=\"upTo\" value=\"")
        .expect("notices");
    let (up_to, _) = up_to.split_once('"').expect("a value");
    let dismiss = format!("upTo={up_to}");
    site.post("/settings/notices/dismiss", &cookie, &dismiss)
        .await;
    let page = site.get("/settings/account", &cookie).await;
    page.hides(told);
    page.hides(lifted);
}

#[tokio::test]
async fn all_tokens_are_filtered() {
    let site = Site::new().await;
    site.create(MEMBER, "members-own", Scope::ReadWrite).await;
    site.create(ADMIN, "mighty-one", Scope::Admin).await;
    let admin = site.sign_in(ADMIN).await;
    let member = fixtures::user(MEMBER).id;
    for (query, shown, hidden) in [
        (
            format!("user={member}"),
            Some("members-own"),
            Some("mighty-one"),
        ),
        (
            "scope=admin".to_owned(),
            Some("mighty-one"),
            Some("members-own"),
        ),
        (
            "status=live&unusedSince=2026-11-25".to_owned(),
            Some("members-own"),
            None,
        ),
        (
            "unusedSince=2026-11-24".to_owned(),
            None,
            Some("members-own"),
        ),
        (
            "expiringBefore=2027-01-01".to_owned(),
            None,
            Some("members-own"),
        ),
        ("status=revoked".to_owned(), None, Some("members-own")),
    ] {
        let page = site
            .get(&format!("/settings/admin/tokens?{query}"), &admin)
            .await;
        assert_eq!(page.status, 200);
        if let Some(text) = shown {
            page.shows(text);
        }
        if let Some(text) = hidden {
            page.hides(text);
        }
    }
    for wrong in [
        "user=x",
        "scope=x",
        "status=x",
        "unusedSince=x",
        "expiringBefore=2026-13-01",
    ] {
        let page = site
            .get(&format!("/settings/admin/tokens?{wrong}"), &admin)
            .await;
        assert_eq!(page.status, 422, "{wrong}");
        page.shows("A filter is invalid.");
        page.hides("mighty-one");
    }
}

#[tokio::test]
async fn one_token_of_another_user_is_revoked() {
    let site = Site::new().await;
    let issued = site.create(MEMBER, "theirs", Scope::ReadWrite).await;
    site.create(OTHER, "another", Scope::ReadWrite).await;
    let admin = site.sign_in(ADMIN).await;
    let path = format!("/settings/admin/tokens/{}/revoke", issued.token.id);
    let page = site.get(&path, &admin).await;
    page.shows("theirs");
    page.shows("User 2");
    site.post(&path, &admin, "").await;
    assert!(
        site.domain
            .tokens
            .verify(issued.secret.expose())
            .await
            .is_err()
    );
    assert_eq!(site.get(&path, &admin).await.status, 404);
}

#[tokio::test]
async fn the_audit_log_is_filtered_and_names_actors() {
    let site = Site::new().await;
    let issued = site.create(MEMBER, "theirs", Scope::ReadWrite).await;
    let admin = site.sign_in(ADMIN).await;
    let audit = "/settings/admin/audit";
    let page = site
        .get(&format!("{audit}?action=token.created"), &admin)
        .await;
    page.shows("token.created");
    page.shows(&issued.token.id.to_string());
    page.hides(">session.started<");
    let member = fixtures::user(MEMBER).id;
    let page = site.get(&format!("{audit}?actor={member}"), &admin).await;
    page.shows("User 2</bdi>");
    let page = site
        .get(&format!("{audit}?subject={}", issued.token.id), &admin)
        .await;
    page.shows("Token created");
    for (range, is_shown) in [
        ("from=2026-11-24&to=2026-11-24", true),
        ("from=2026-11-25", false),
        ("to=2026-11-23", false),
    ] {
        let page = site.get(&format!("{audit}?{range}"), &admin).await;
        assert_eq!(page.text.contains(">token.created<"), is_shown, "{range}");
    }
    for wrong in [
        "actor=x",
        "action=x",
        "subject=x",
        "from=x",
        "to=31.12.2026",
    ] {
        let page = site.get(&format!("{audit}?{wrong}"), &admin).await;
        assert_eq!(page.status, 422, "{wrong}");
        let (field, _) = wrong.split_once('=').expect("a field");
        page.shows(&format!("<p class=\"error\" id=\"{field}-error\">"));
    }
}

#[tokio::test]
async fn long_lists_have_pages_and_every_item_is_on_one() {
    let site = Site::new().await;
    for number in 10..120 {
        let mut user = fixtures::user(number);
        user.role = Role::Member;
        put_user(&site.domain, user).await;
    }
    let admin = site.sign_in(ADMIN).await;
    let mut path = "/settings/admin/users".to_owned();
    let mut seen = 0;
    let mut pages = 0;
    loop {
        let page = site.get(&path, &admin).await;
        seen += page.text.matches("scope=\"row\"").count();
        pages += 1;
        let Some((_, next)) = page.text.split_once("rel=\"next\" href=\"") else {
            page.shows("Previous page");
            break;
        };
        path = next
            .split('"')
            .next()
            .expect("a link")
            .replace("&#38;", "&");
    }
    assert_eq!((seen, pages), (113, 3));
}

#[tokio::test]
async fn a_page_of_the_audit_log_starts_after_the_previous_one() {
    let site = Site::new().await;
    for _ in 0..60 {
        site.sign_in(MEMBER).await;
    }
    let admin = site.sign_in(ADMIN).await;
    let first = site
        .get("/settings/admin/audit?action=session.started", &admin)
        .await;
    assert_eq!(first.text.matches("scope=\"row\"").count(), 50);
    let (_, next) = first
        .text
        .split_once("rel=\"next\" href=\"")
        .expect("a next page");
    let next = next
        .split('"')
        .next()
        .expect("a link")
        .replace("&#38;", "&");
    assert!(next.contains("action=session.started"), "{next}");
    let second = site.get(&next, &admin).await;
    assert_eq!(second.text.matches("scope=\"row\"").count(), 11);
}

#[tokio::test]
async fn ending_a_token_names_its_agent_runs_first() {
    let site = Site::new().await;
    let own = site.create(ADMIN, "own", Scope::ReadWrite).await;
    let theirs = site.create(MEMBER, "theirs", Scope::ReadWrite).await;
    let admin = site.sign_in(ADMIN).await;
    let member = fixtures::user(MEMBER).id;
    for path in [
        format!("/settings/tokens/{}/delete", own.token.id),
        format!("/settings/tokens/{}/rotate", own.token.id),
        format!("/settings/admin/tokens/{}/revoke", theirs.token.id),
        "/settings/admin/tokens/revoke?scope=read_write".to_owned(),
        format!("/settings/admin/users/{member}/suspend"),
    ] {
        site.get(&path, &admin).await.shows("agent runs");
    }
}
