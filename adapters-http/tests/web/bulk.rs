//! Bulk revocation: revokes exactly the reviewed tokens, or nothing.

use openindex_domain::token::{Scope, TokenWithSecret};

use crate::support::{ADMIN, MEMBER, OTHER, Page, Site, context};

const BULK: &str = "/settings/admin/tokens/revoke";
const FILTER: &str = "scope=read_write";
const CHANGED: &str = "The list has changed since you opened it. Nothing was revoked";

async fn review(site: &Site, admin: &str) -> Page {
    site.get(&format!("{BULK}?{FILTER}"), admin).await
}

async fn press(site: &Site, admin: &str, expected: &str) -> Page {
    let form = format!("expected={expected}");
    site.post(&format!("{BULK}?{FILTER}"), admin, &form).await
}

async fn delete(site: &Site, owner: u64, token: &TokenWithSecret) {
    let (owner, context) = (site.principal(owner).await, context());
    let deleted = site.domain.tokens.revoke(&owner, token.token.id, &context);
    deleted.await.expect("deleted");
}

async fn works(site: &Site, token: &TokenWithSecret) -> bool {
    let verified = site.domain.tokens.verify(token.secret.expose()).await;
    verified.is_ok()
}

#[tokio::test]
async fn only_the_reviewed_tokens_are_revoked() {
    let site = Site::new().await;
    let one = site.create(MEMBER, "one", Scope::ReadWrite).await;
    let two = site.create(MEMBER, "two", Scope::ReadWrite).await;
    let kept = site.create(ADMIN, "kept", Scope::Admin).await;
    let admin = site.sign_in(ADMIN).await;
    let list = site
        .get(&format!("/settings/admin/tokens?{FILTER}"), &admin)
        .await;
    list.shows(&format!("{BULK}?{FILTER}"));
    let page = review(&site, &admin).await;
    assert_eq!(page.status, 200);
    page.shows("Revoke 2 tokens");
    page.shows("every token listed below");
    page.shows(&format!("action=\"{BULK}?{FILTER}\""));
    page.hides("Next page");
    assert!(works(&site, &one).await, "a look revokes nothing");
    let done = press(&site, &admin, &page.expected()).await;
    assert_eq!(done.status, 303);
    assert_eq!(done.to(), format!("/settings/admin/tokens?{FILTER}"));
    site.follow(&done, &admin).await.shows("2 tokens");
    assert!(!works(&site, &one).await && !works(&site, &two).await);
    assert!(works(&site, &kept).await);
    let empty = review(&site, &admin).await;
    empty.shows("Nothing to revoke");
    empty.hides("<form class=\"buttons\"");
}

#[tokio::test]
async fn a_review_with_other_tokens_revokes_nothing_and_shows_the_new_list() {
    let site = Site::new().await;
    let mut tokens = Vec::new();
    for number in 1..=31 {
        let name = format!("listed-{number}");
        tokens.push(site.create(MEMBER, &name, Scope::ReadWrite).await);
    }
    let admin = site.sign_in(ADMIN).await;
    let page = review(&site, &admin).await;
    page.shows("Revoke 31 tokens");
    // The number is the same, but the tokens are not.
    let gone = tokens.remove(0);
    delete(&site, MEMBER, &gone).await;
    tokens.push(site.create(OTHER, "unseen", Scope::ReadWrite).await);
    let rejected = press(&site, &admin, &page.expected()).await;
    assert_eq!(rejected.status, 409);
    rejected.shows(CHANGED);
    rejected.shows("Revoke 31 tokens");
    rejected.shows("unseen");
    rejected.hides("listed-1<");
    for token in &tokens {
        assert!(works(&site, token).await, "{:?}", token.token);
    }
    let done = press(&site, &admin, &rejected.expected()).await;
    assert_eq!(done.status, 303);
    for token in &tokens {
        assert!(!works(&site, token).await, "{:?}", token.token);
    }
}

#[tokio::test]
async fn a_form_without_a_digest_revokes_nothing() {
    let site = Site::new().await;
    let issued = site.create(MEMBER, "kept", Scope::ReadWrite).await;
    let admin = site.sign_in(ADMIN).await;
    let zeros = "0".repeat(64);
    for expected in ["", "x", "1", &zeros] {
        let page = press(&site, &admin, expected).await;
        assert_eq!(page.status, 409, "{expected}");
        page.shows(CHANGED);
    }
    let path = format!("{BULK}?{FILTER}");
    let page = site.post(&path, &admin, "count=1").await;
    assert_eq!(page.status, 409);
    // A digest does not replace the filter.
    let digest = review(&site, &admin).await.expected();
    for filter in ["", "scope=", "scope=nonsense", "user=x"] {
        let (path, form) = (format!("{BULK}?{filter}"), format!("expected={digest}"));
        let page = site.post(&path, &admin, &form).await;
        assert!(page.to().starts_with("/settings/admin/tokens"), "{path}");
        assert_eq!(page.done(), "", "{path}");
    }
    assert!(works(&site, &issued).await);
}

#[tokio::test]
async fn every_page_of_a_review_lists_the_same_tokens() {
    let site = Site::new().await;
    let mut tokens = Vec::new();
    for user in [MEMBER, OTHER, ADMIN] {
        for number in 0..100 {
            let name = format!("token-{user}-{number}-");
            tokens.push(site.create(user, &name, Scope::ReadWrite).await);
        }
    }
    let admin = site.sign_in(ADMIN).await;
    let path = |page: &Page, rel: &str| {
        let (_, rest) = page
            .text
            .split_once(&format!("rel=\"{rel}\" href=\""))
            .expect("a link");
        let path = rest.split('"').next().unwrap_or_default();
        path.replace("&#38;", "&").replace("&amp;", "&")
    };
    let first = review(&site, &admin).await;
    first.shows("Tokens 1 to 200 of 300");
    first.shows("all 300 tokens in this list, on every page");
    first.hides("Previous page");
    let second = site.get(&path(&first, "next"), &admin).await;
    second.shows("Tokens 201 to 300 of 300");
    second.hides("Next page");
    assert_eq!(first.expected(), second.expected());
    for user in [MEMBER, OTHER, ADMIN] {
        for number in 0..100 {
            let name = format!("token-{user}-{number}-");
            let pages = [&first, &second].map(|page| page.text.contains(&name));
            assert!(pages == [true, false] || pages == [false, true], "{name}");
        }
    }
    let back = site.get(&path(&second, "prev"), &admin).await;
    assert_eq!(back.expected(), first.expected());
    back.shows("Tokens 1 to 200 of 300");
    // After a deletion, the next page no longer belongs to this review.
    delete(&site, MEMBER, &tokens[0]).await;
    let changed = site.get(&path(&first, "next"), &admin).await;
    assert_eq!(changed.status, 409);
    changed.shows(CHANGED);
    changed.shows("Tokens 1 to 200 of 299");
    assert_ne!(changed.expected(), first.expected());
    assert_eq!(press(&site, &admin, &first.expected()).await.status, 409);
    // The button of any page revokes all of them.
    let last = site.get(&path(&changed, "next"), &admin).await;
    last.shows("Tokens 201 to 299 of 299");
    let done = press(&site, &admin, &last.expected()).await;
    site.follow(&done, &admin).await.shows("299 tokens");
}

#[tokio::test]
async fn one_token_is_revoked_in_the_singular() {
    let site = Site::new().await;
    site.create(MEMBER, "one", Scope::ReadWrite).await;
    let admin = site.sign_in(ADMIN).await;
    let page = review(&site, &admin).await;
    let done = press(&site, &admin, &page.expected()).await;
    site.follow(&done, &admin)
        .await
        .shows("1 token was revoked. It no longer works.");
}

#[tokio::test]
async fn tokens_of_one_name_are_searched_reviewed_and_revoked() {
    let site = Site::new().await;
    let deploys = site
        .create(MEMBER, "Deploy to Zürich", Scope::ReadWrite)
        .await;
    let other = site.create(OTHER, "backup", Scope::ReadWrite).await;
    let admin = site.sign_in(ADMIN).await;
    let list = "/settings/admin/tokens?search=Z%C3%9CRICH";
    let page = site.get(list, &admin).await;
    page.shows("Deploy to Zürich");
    page.hides("backup");
    page.shows("value=\"ZÜRICH\"");
    let page = site.get(&page.link("/tokens/revoke?"), &admin).await;
    page.shows("Revoke 1 token");
    let path = format!("{BULK}?search=Z%C3%9CRICH");
    let form = format!("expected={}", page.expected());
    assert_eq!(site.post(&path, &admin, &form).await.status, 303);
    assert!(!works(&site, &deploys).await && works(&site, &other).await);
    let page = site.get(&format!("{list}&status=revoked"), &admin).await;
    page.shows("Revoked by an administrator");
    let none = "/settings/admin/tokens?search=%25";
    site.get(none, &admin)
        .await
        .shows("No tokens match these filters");
}

#[tokio::test]
async fn a_token_that_was_searched_for_is_not_repeated() {
    let site = Site::new().await;
    let issued = site.create(MEMBER, "one", Scope::ReadWrite).await;
    let admin = site.sign_in(ADMIN).await;
    let secret = issued.secret.expose();
    let page = site
        .get(&format!("/settings/admin/tokens?search={secret}"), &admin)
        .await;
    assert_eq!(page.status, 422);
    page.hides(secret);
    page.shows("must not contain a token");
    let review = site.get(&format!("{BULK}?search={secret}"), &admin).await;
    assert!(!review.to().contains(secret), "{}", review.to());
}
