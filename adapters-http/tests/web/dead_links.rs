//! Invalid links never reveal their recipients.

use openindex_domain::testing::fixtures;
use openindex_domain::user::{Email, Role, UserChange};

use crate::support::{ADMIN, OTHER, Page, Site, context};

/// What happened to the link's creator (user 1) or recipient.
#[derive(Debug, Clone, Copy)]
enum Became {
    MakerDemoted,
    MakerSuspended,
    UserSuspended,
    Used,
    Replaced,
    Expired,
    AddressTaken,
}

/// Makes user 2 an administrator, so that user 1 can be changed.
async fn change(site: &Site, user: u64, to: UserChange) {
    let by = site.principal(if user == ADMIN { 2 } else { ADMIN }).await;
    let (users, context) = (&site.domain.users, context());
    let changed = users.change(&by, fixtures::user(user).id, to, &context);
    changed.await.expect("a change");
}

async fn site() -> Site {
    let site = Site::new().await;
    change(&site, 2, UserChange::SetRole(Role::Admin)).await;
    site
}

async fn show_and_act(site: &Site, path: &str) -> [Page; 2] {
    let shown = site.get(path, "").await;
    let form = "name=Eve&email=eve%40example.com&password=kettle+walrus+teapot+x";
    [shown, site.post(path, "", form).await]
}

#[tokio::test]
async fn an_invalid_sign_in_link_never_reveals_its_user() {
    for became in [
        Became::MakerDemoted,
        Became::MakerSuspended,
        Became::UserSuspended,
        Became::Used,
        Became::Replaced,
        Became::Expired,
    ] {
        let site = site().await;
        let path = format!("/sign-in/link/{}", site.link(OTHER).await);
        site.get(&path, "").await.shows("user3@example.com");
        match became {
            Became::MakerDemoted => {
                change(&site, ADMIN, UserChange::SetRole(Role::Member)).await;
            }
            Became::MakerSuspended => change(&site, ADMIN, UserChange::Suspend).await,
            Became::UserSuspended => change(&site, OTHER, UserChange::Suspend).await,
            Became::Used => {
                let [_, used] = show_and_act(&site, &path).await;
                assert_eq!(used.status, 303);
            }
            Became::Replaced => drop(site.link(OTHER).await),
            Became::Expired => site.domain.clock.advance_seconds(60 * 60),
            Became::AddressTaken => unreachable!("of invites alone"),
        }
        for page in show_and_act(&site, &path).await {
            assert_eq!(page.status, 404, "{became:?}");
            page.shows("This link can’t be used");
            page.hides("user3@example.com");
            page.hides("User 3");
        }
    }
}

#[tokio::test]
async fn an_invalid_invite_never_reveals_its_address() {
    for became in [
        Became::MakerDemoted,
        Became::MakerSuspended,
        Became::Used,
        Became::Replaced,
        Became::Expired,
        Became::AddressTaken,
    ] {
        let site = site().await;
        let address = "grace@example.com";
        let path = format!("/join/{}", site.invite(address, Role::Member).await.1);
        site.get(&path, "").await.shows(address);
        match became {
            Became::MakerDemoted => {
                change(&site, ADMIN, UserChange::SetRole(Role::Member)).await;
            }
            Became::MakerSuspended => change(&site, ADMIN, UserChange::Suspend).await,
            Became::Used => {
                let [_, used] = show_and_act(&site, &path).await;
                assert_eq!(used.status, 303);
            }
            Became::Replaced => drop(site.invite(address, Role::Member).await),
            Became::Expired => site.domain.clock.advance_seconds(7 * 24 * 60 * 60),
            Became::AddressTaken => {
                let mut user = fixtures::user(9);
                user.email = Email::parse(address).expect("an address");
                site.domain.store.put_user(user);
            }
            Became::UserSuspended => unreachable!("of sign-in links alone"),
        }
        for page in show_and_act(&site, &path).await {
            assert_eq!(page.status, 410, "{became:?}");
            page.hides(address);
        }
    }
}
