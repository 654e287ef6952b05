//! Lists whose address has an invalid value: it is named, on every list in the same way.

use openindex_domain::token::Scope;

use crate::support::{ADMIN, MEMBER, Site};

const LISTS: [(&str, &[&str]); 9] = [
    ("/settings/tokens", &["sort", "before", "after"]),
    ("/settings/agent-runs", &["after"]),
    ("/settings/account/activity", &["before", "after"]),
    ("/settings/admin/users", &["sort", "before", "after"]),
    ("/settings/admin/invites", &["after"]),
    ("/settings/admin/tokens", &["after"]),
    ("/settings/admin/audit", &["after"]),
    ("/work", &["after"]),
    ("/work/queue", &["for"]),
];

#[tokio::test]
async fn a_list_is_shown_without_an_invalid_order_or_place_and_says_so() {
    let site = Site::new().await;
    let admin = site.sign_in(ADMIN).await;
    for (list, parameters) in LISTS {
        let plain = site.get(list, &admin).await;
        plain.hides("invalid <code>");
        for name in parameters {
            let page = site.get(&format!("{list}?{name}=x%3Cb"), &admin).await;
            assert_eq!(page.status, 200, "{list} {name}");
            page.shows(&format!(
                "This page’s address has an invalid <code>{name}</code>, so the list is shown \
                 without it."
            ));
            page.hides("x<b");
            let empty = site.get(&format!("{list}?{name}="), &admin).await;
            empty.hides("invalid <code>");
        }
    }
    let both = "/settings/admin/users?sort=owner&after=1";
    site.get(both, &admin)
        .await
        .shows("<code>sort</code> and <code>after</code>, so the list is shown without them.");
}

#[tokio::test]
async fn a_place_in_another_order_is_invalid() {
    let site = Site::new().await;
    let token = site.create(MEMBER, "ci", Scope::ReadWrite).await;
    let cookie = site.sign_in(MEMBER).await;
    let path = format!("/settings/tokens?sort=name&after={}", token.token.id);
    let page = site.get(&path, &cookie).await;
    page.shows("invalid <code>after</code>");
    page.shows("<bdi>ci</bdi>");
    let newest = path.replace("sort=name", "sort=newest");
    let page = site.get(&newest, &cookie).await;
    page.hides("invalid <code>");
}

#[tokio::test]
async fn a_filter_that_is_invalid_widens_no_list() {
    let site = Site::new().await;
    site.create(ADMIN, "ci", Scope::ReadWrite).await;
    site.item(ADMIN, "Mend it").await;
    let admin = site.sign_in(ADMIN).await;
    for list in [
        "/settings/tokens",
        "/settings/agent-runs",
        "/settings/admin/tokens",
        "/work",
    ] {
        let page = site.get(&format!("{list}?status=broken"), &admin).await;
        assert_eq!(page.status, 422, "{list}");
        page.shows("A filter is invalid.");
        page.hides("<table");
    }
}
