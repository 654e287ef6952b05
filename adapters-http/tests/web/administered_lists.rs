//! Search, sort, filters and paging of the administrator's lists.

use http_body_util::BodyExt as _;
use openindex_domain::agent_run::AgentRunAction;
use openindex_domain::audit::{AuditActor, AuditStore as _, Subject};
use openindex_domain::testing::fixtures;
use openindex_domain::token::{Scope, TokenAction};
use openindex_domain::user::{Email, PersonName, Role};
use openindex_domain::work_item::WorkItemAction;

use crate::support::{ADMIN, MEMBER, OTHER, Page, Site, put_user};

const USERS: &str = "/settings/admin/users";
const AUDIT: &str = "/settings/admin/audit";

/// The target of a link on a page.
fn link(page: &Page, before: &str) -> String {
    let (_, rest) = page.text.split_once(before).expect("a link");
    rest.split('"')
        .next()
        .expect("a link")
        .replace("&#38;", "&")
}

async fn site_with_users() -> Site {
    let site = Site::new().await;
    for (number, name, email) in [
        (10, "Özge Demir", "oezge@example.net"),
        (11, "Ada Lovelace", "ada@example.net"),
        (12, "Ada Byron", "byron@example.net"),
    ] {
        let mut user = fixtures::user(number);
        user.name = PersonName::parse(name).expect("a name");
        user.email = Email::parse(email).expect("an address");
        user.role = Role::Member;
        put_user(&site.domain, user).await;
    }
    site
}

#[tokio::test]
async fn users_are_found_by_a_part_of_name_or_address() {
    let site = site_with_users().await;
    let admin = site.sign_in(ADMIN).await;
    for (search, shown, hidden) in [
        ("%C3%96ZGE", "Özge Demir", "Ada Byron"),
        ("byron%40", "Ada Byron", "Ada Lovelace"),
        ("EXAMPLE.NET", "Ada Lovelace", "User 2"),
    ] {
        let page = site.get(&format!("{USERS}?search={search}"), &admin).await;
        assert_eq!(page.status, 200, "{search}");
        page.shows(shown);
        page.hides(hidden);
        page.shows(">Clear<");
    }
    let none = site.get(&format!("{USERS}?search=zzz"), &admin).await;
    none.shows("No matching users");
    let secret = "oi_pat_jZHvxRBv86PcflRJxLvgWo9a_8nw9xGsKx80URWSUagWwm0h";
    let page = site.get(&format!("{USERS}?search={secret}"), &admin).await;
    assert_eq!(page.status, 422);
    page.hides(secret);
}

#[tokio::test]
async fn users_are_sorted_and_show_their_tokens_and_when_they_were_seen() {
    let site = site_with_users().await;
    site.create(MEMBER, "theirs", Scope::ReadWrite).await;
    let admin = site.sign_in(ADMIN).await;
    let order = |page: &Page| {
        let at = |name: &str| page.text.find(&format!("<bdi>{name}</bdi></a>"));
        (at("Ada Byron"), at("User 2"), at("Özge Demir"))
    };
    let by_name = order(&site.get(&format!("{USERS}?sort=name"), &admin).await);
    assert!(
        by_name.0 < by_name.1 && by_name.1 < by_name.2,
        "{by_name:?}"
    );
    let newest = order(&site.get(&format!("{USERS}?sort=newest"), &admin).await);
    assert!(newest.0 < newest.2 && newest.2 < newest.1, "{newest:?}");
    let page = site.get(&format!("{USERS}?search=user2"), &admin).await;
    page.shows("1<span class=\"sr\"> active tokens of");
    page.shows("<td role=\"cell\" data-label=\"Last seen\"><time");
    let never = site.get(&format!("{USERS}?search=byron"), &admin).await;
    never.shows("data-label=\"Last seen\">Never");
}

#[tokio::test]
async fn search_results_are_paged_forward_and_back() {
    let site = Site::new().await;
    for number in 10..70 {
        put_user(&site.domain, fixtures::user(number)).await;
    }
    let admin = site.sign_in(ADMIN).await;
    for sort in ["joined", "newest", "name", "last_seen", "least_seen"] {
        let path = format!("{USERS}?search=user&sort={sort}");
        let first = site.get(&path, &admin).await;
        first.hides("Previous page");
        let second = site
            .get(&link(&first, "rel=\"next\" href=\""), &admin)
            .await;
        assert_eq!(second.text.matches("scope=\"row\"").count(), 13, "{sort}");
        second.hides("Next page");
        let back = site
            .get(&link(&second, "rel=\"prev\" href=\""), &admin)
            .await;
        let rows = |page: &Page| -> Vec<String> {
            let rows = page.text.split("scope=\"row\"><a href=\"").skip(1);
            rows.map(|row| row[..60].to_owned()).collect()
        };
        assert_eq!(rows(&back).len(), 50, "{sort}");
        let ids = |page: &Page| -> Vec<String> {
            let rows = rows(page).into_iter();
            rows.map(|row| {
                row[USERS.len()..]
                    .split('?')
                    .next()
                    .unwrap_or("")
                    .to_owned()
            })
            .collect()
        };
        assert_eq!(ids(&back), ids(&first), "{sort}");
    }
}

#[tokio::test]
async fn an_action_returns_to_the_filtered_list_only() {
    let site = site_with_users().await;
    let issued = site.create(MEMBER, "theirs", Scope::ReadWrite).await;
    let (invite, _) = site.invite("new@example.com", Role::Member).await;
    let admin = site.sign_in(ADMIN).await;
    let user = format!("{USERS}/{}", fixtures::user(11).id);
    let user_list = "/settings/admin/users?search=ada&sort=name";
    let token = format!("/settings/admin/tokens/{}", issued.token.id);
    let token_list = "/settings/admin/tokens?scope=read_write";
    let invite = format!("/settings/admin/invites/{invite}");
    let after = fixtures::invite(900).id;
    let invite_list = format!("/settings/admin/invites?after={after}");
    let encode = |path: &str| {
        path.replace('?', "%3F")
            .replace('=', "%3D")
            .replace('&', "%26")
            .replace('/', "%2F")
    };
    let list = site.get(user_list, &admin).await;
    let page = site
        .get(&link(&list, "scope=\"row\"><a href=\""), &admin)
        .await;
    page.shows(&format!("href=\"{}\"", user_list.replace('&', "&#38;")));
    for (path, form, list) in [
        (format!("{user}/suspend"), "", user_list),
        (format!("{user}/unsuspend"), "", user_list),
        (format!("{user}/role"), "role=admin&", user_list),
        (
            format!("{user}/email"),
            "email=other%40example.com&",
            user_list,
        ),
        (format!("{user}/delete"), "", user_list),
        (format!("{token}/revoke"), "", token_list),
        (format!("{invite}/withdraw"), "", invite_list.as_str()),
    ] {
        if !path.ends_with("/unsuspend") {
            let asked = site
                .get(&format!("{path}?next={}", encode(list)), &admin)
                .await;
            asked.shows(&format!("value=\"{}\"", list.replace('&', "&#38;")));
        }
        let next = encode(list);
        let page = site
            .post(&path, &admin, &format!("{form}next={next}"))
            .await;
        assert_eq!(page.to(), list, "{path}");
        assert_ne!(page.done(), "", "{path}");
    }
    let other = format!("{USERS}/{}", fixtures::user(OTHER).id);
    for next in ["https://evil.example/", "//evil.example", "/sign-out", ""] {
        let form = format!("next={}", encode(next));
        let page = site.post(&format!("{other}/suspend"), &admin, &form).await;
        assert_eq!(page.to(), other, "{next}");
    }
}

#[tokio::test]
async fn the_audit_log_is_filtered_by_name_and_address() {
    let site = site_with_users().await;
    site.create(MEMBER, "theirs", Scope::ReadWrite).await;
    let admin = site.sign_in(ADMIN).await;
    site.suspend(11).await;
    for (query, is_found) in [
        ("actor=user2%40example.com", true),
        ("actor=USER2%40EXAMPLE.com", true),
        ("actor=User+2", true),
        ("actor=byron", false),
        ("subject=ada%40example.net", true),
        ("subject=Lovelace", true),
        ("subject=Ada+Byron", false),
    ] {
        let page = site.get(&format!("{AUDIT}?{query}"), &admin).await;
        assert_eq!(page.status, 200, "{query}");
        assert_eq!(page.text.contains("scope=\"row\""), is_found, "{query}");
    }
    let (choose, lovelace) = (format!("<a href=\"{AUDIT}?"), fixtures::user(11).id);
    for (query, why) in [
        ("actor=ada", "Actor matches 2 users; choose one"),
        (
            "actor=ada&to=2026-12-01",
            &format!("{choose}actor={lovelace}&#38;to=2026-12-01\""),
        ),
        (
            "actor=ada",
            "aria-invalid=\"true\" aria-describedby=\"actor-error\" autofocus",
        ),
    ] {
        let page = site.get(&format!("{AUDIT}?{query}"), &admin).await;
        assert_eq!(page.status, 422, "{query}");
        page.shows(why);
        page.hides("Export CSV");
    }
}

#[tokio::test]
async fn the_target_is_found_by_the_name_of_a_token() {
    let site = Site::new().await;
    let token = site.create(MEMBER, "web-1", Scope::ReadWrite).await.token;
    let former = site.create(OTHER, "deploy", Scope::ReadWrite).await.token;
    let item = site.item(MEMBER, "Pump").await.key;
    let admin = site.sign_in(ADMIN).await;
    let revoke = format!("/settings/admin/tokens/{}/revoke", former.id);
    site.post(&revoke, &admin, "").await;
    let by_item = item.to_string().to_lowercase();
    for (text, found) in [
        ("web-1", token.id.to_string()),
        ("WEB", token.id.to_string()),
        ("deploy", former.id.to_string()),
        (by_item.as_str(), format!("work/{item}")),
        ("none-7", "No matching events".to_owned()),
    ] {
        let page = site.get(&format!("{AUDIT}?subject={text}"), &admin).await;
        assert_eq!(page.status, 200, "{text}");
        page.shows(&found);
        let other = [token.id, former.id].map(|id| id.to_string());
        for other in other.iter().filter(|id| **id != found) {
            page.hides(other);
        }
    }
    // A name that several have, and that could be the key of a work item.
    let second = site.create(OTHER, "web-1", Scope::ReadWrite).await.token;
    let subject = Subject::WorkItem("WEB-1".parse().expect("a key"));
    let event = fixtures::audit(900, fixtures::NOW, WorkItemAction::CLAIMED, subject);
    site.domain.store.append(event).await.expect("an event");
    let page = site.get(&format!("{AUDIT}?subject=web-1"), &admin).await;
    assert_eq!(page.status, 422);
    page.shows("id=\"subject-error\">Target matches 3 targets; choose one");
    for id in [token.id, second.id] {
        page.shows(&format!(
            "<a href=\"{AUDIT}?subject={id}\"><bdi>web-1</bdi>"
        ));
    }
    page.shows("Token of User 2, …");
    page.shows(&format!("<a href=\"{AUDIT}?subject=WEB-1\">"));
    site.create(OTHER, "web-3", Scope::ReadWrite).await;
    let page = site.get(&format!("{AUDIT}?subject=web"), &admin).await;
    page.shows("Target matches 3 tokens; choose one");
    let none = site.get(&format!("{AUDIT}?subject=zzz"), &admin).await;
    none.shows("Target matches nothing");
    let secret = "oi_pat_jZHvxRBv86PcflRJxLvgWo9a_8nw9xGsKx80URWSUagWwm0h";
    let page = site.get(&format!("{AUDIT}?subject={secret}"), &admin).await;
    assert_eq!(page.status, 422);
    page.hides(secret);
}

#[tokio::test]
async fn the_audit_log_shows_the_address_of_an_invite_and_who_claimed_it() {
    let site = Site::new().await;
    let (id, code) = site.invite("grace@example.com", Role::Member).await;
    let admin = site.sign_in(ADMIN).await;
    let address = format!("<a href=\"{AUDIT}?subject={id}\"><bdi>grace@example.com</bdi></a>");
    site.get(AUDIT, &admin).await.shows(&address);
    // No user has the address yet.
    let page = site
        .get(&format!("{AUDIT}?subject=Grace%40example.com"), &admin)
        .await;
    page.shows("Invite created");
    let claim = "name=Grace+Hopper&password=elephant+umbrella";
    let cookie = site
        .post(&format!("/join/{code}"), "", claim)
        .await
        .cookie();
    let page = site
        .get(&format!("{AUDIT}?action=invite.claimed"), &admin)
        .await;
    page.shows(&address);
    page.shows("New user</span>");
    page.shows("Invite link");
    page.hides("Anonymous");
    assert_eq!(page.text.matches("<bdi>Grace Hopper</bdi></a>").count(), 2);
    let page = site.get("/settings/account/activity", &cookie).await;
    page.shows("Invite claimed");
    page.shows("<span>You</span>");
    page.shows("<bdi>grace@example.com</bdi>");
    page.hides("/settings/admin");
}

#[tokio::test]
async fn dates_between_which_nothing_can_have_happened_are_reported_at_the_field() {
    let site = Site::new().await;
    let admin = site.sign_in(ADMIN).await;
    for path in [AUDIT, "/settings/account/activity"] {
        for (query, why) in [
            (
                "from=2026-11-24&to=2026-11-23",
                "Start date is after the end date.",
            ),
            ("from=2026-11-25", "Start date is in the future."),
            (
                "from=2026-11-25&to=2026-11-26",
                "Start date is in the future.",
            ),
        ] {
            let page = site.get(&format!("{path}?{query}"), &admin).await;
            assert_eq!(page.status, 422, "{query}");
            page.shows(&format!("<p class=\"error\" id=\"from-error\">{why}</p>"));
            page.hides("No matching events");
        }
        for query in ["from=2026-11-24&to=2026-11-24", "to=2030-01-01"] {
            let page = site.get(&format!("{path}?{query}"), &admin).await;
            assert_eq!(page.status, 200, "{query}");
            page.shows("Signed in");
        }
    }
}

#[tokio::test]
async fn the_tokens_of_all_users_show_their_last_four_characters() {
    let site = Site::new().await;
    let issued = site.create(MEMBER, "theirs", Scope::ReadWrite).await;
    let secret = issued.secret.expose();
    let end = &secret[secret.len() - 4..];
    let admin = site.sign_in(ADMIN).await;
    let page = site.get("/settings/admin/tokens", &admin).await;
    page.shows(&format!("<code class=\"hint\">…{end}</code>"));
    let page = site
        .get(
            &format!("/settings/admin/tokens/{}", issued.token.id),
            &admin,
        )
        .await;
    page.shows(&format!("<dt>Secret ends with</dt><dd><code>{end}</code>"));
}

#[tokio::test]
async fn audit_entries_name_tokens_and_link_to_them_and_back() {
    let site = Site::new().await;
    let issued = site.create(MEMBER, "deploy", Scope::ReadWrite).await;
    let run = fixtures::run(77, issued.token.id);
    site.domain
        .store
        .put_token(run.clone(), fixtures::digest(77));
    let subject = Subject::Token(run.id);
    let mut event = fixtures::audit(900, fixtures::NOW, AgentRunAction::ENDED, subject);
    event.actor = AuditActor::Anonymous;
    site.domain.store.append(event).await.expect("an event");
    let admin = site.sign_in(ADMIN).await;
    let token = format!("/settings/admin/tokens/{}", issued.token.id);
    let page = site.get(AUDIT, &admin).await;
    page.shows(&format!("<a href=\"{token}\"><bdi>deploy</bdi></a>"));
    page.shows("Agent run</span>");
    page.shows(">Anonymous");
    page.hides("Somebody");
    let page = site.get(&token, &admin).await;
    page.shows("Personal access token");
    let entries = link(&page, "class=\"button\" href=\"");
    let page = site.get(&entries, &admin).await;
    page.shows("Token created");
    page.shows("deploy");
    let page = site
        .get(&format!("/settings/admin/tokens/{}", run.id), &admin)
        .await;
    page.shows("<dd>Agent run</dd>");
    page.hides("Revoke token");
}

#[tokio::test]
async fn the_audit_export_applies_the_filter() {
    let site = Site::new().await;
    site.create(MEMBER, "theirs", Scope::ReadWrite).await;
    let admin = site.sign_in(ADMIN).await;
    let page = site
        .get(&format!("{AUDIT}?action=token.created"), &admin)
        .await;
    for (label, content_type) in [
        ("CSV", "text/csv; charset=utf-8"),
        ("JSON", "application/json"),
    ] {
        let format = label.to_lowercase();
        let path = format!("{AUDIT}/export?action=token.created&format={format}");
        page.shows(&path.replace('&', "&amp;"));
        let file = site.get(&path, &admin).await;
        assert_eq!(file.header("content-type"), content_type);
        assert!(file.header("content-disposition").starts_with("attachment"));
        assert_eq!(file.header("cache-control"), "no-store");
        file.shows("token.created");
        file.hides("session.started");
    }
    let wrong = site.get(&format!("{AUDIT}/export?actor=zzz"), &admin).await;
    assert_eq!(wrong.to(), format!("{AUDIT}?actor=zzz"));
}

#[tokio::test(start_paused = true)]
async fn an_export_stops_with_its_session_and_is_marked_incomplete() {
    for (code, form) in [
        ("authentication_required", "suspend"),
        ("insufficient_scope", "role"),
    ] {
        let site = Site::new().await;
        for number in 1_000..1_250 {
            let subject = Subject::User(fixtures::user(MEMBER).id);
            let event = fixtures::audit(number, fixtures::NOW, TokenAction::REVOKED, subject);
            site.domain.store.append(event).await.expect("an event");
        }
        let mut other = fixtures::user(OTHER);
        other.role = Role::Admin;
        put_user(&site.domain, other).await;
        let (admin, other) = (site.sign_in(ADMIN).await, site.sign_in(OTHER).await);
        let path = format!("{AUDIT}/export?action=token.revoked&format=csv");
        let mut body = site.open(&path, &other).await;
        let first = body.frame().await.expect("a page").expect("data");
        let first = first.into_data().expect("data");
        let change = format!("{USERS}/{}/{form}", fixtures::user(OTHER).id);
        let changed = site.post(&change, &admin, "role=member").await;
        assert_ne!(changed.done(), "", "{code}");
        let mark = body.frame().await.expect("a mark").expect("data");
        let mark = mark.into_data().expect("data");
        assert!(body.frame().await.expect("an end").is_err(), "{code}");
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
        assert_eq!(text(&first).matches("evt_").count(), 200);
        assert!(text(&mark).starts_with("#incomplete,"), "{}", text(&mark));
        assert!(text(&mark).contains(code), "{}", text(&mark));
    }
}

#[tokio::test]
async fn headings_sort_the_users_and_say_the_order() {
    let site = site_with_users().await;
    let admin = site.sign_in(ADMIN).await;
    for (query, heading, next, direction) in [
        ("", "Joined", "sort=newest", "ascending"),
        ("?sort=newest", "Joined", "sort=joined", "descending"),
        ("?sort=name", "User", "sort=name", "ascending"),
        (
            "?sort=last_seen",
            "Last seen",
            "sort=least_seen",
            "descending",
        ),
        (
            "?sort=least_seen",
            "Last seen",
            "sort=last_seen",
            "ascending",
        ),
    ] {
        let page = site.get(&format!("{USERS}{query}"), &admin).await;
        page.shows(&format!(
            "aria-sort=\"{direction}\"><a href=\"{USERS}?{next}\">{heading}</a>"
        ));
        assert_eq!(page.text.matches("aria-sort").count(), 1, "{query}");
    }
    // A search keeps the order, and the order keeps the search.
    let page = site
        .get(&format!("{USERS}?search=ada&sort=name"), &admin)
        .await;
    page.shows("<input type=\"hidden\" name=\"sort\" value=\"name\">");
    page.shows(&format!("{USERS}?search=ada&#38;sort=joined\">Joined"));
}
