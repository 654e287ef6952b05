use openindex_domain::invite::{Claim, InviteAction, InviteError, NotClaimable};
use openindex_domain::testing::InMemory;
use openindex_domain::user::{PersonName, Role, WeakPassword};

use crate::world::{PASSWORD, World, context, email, password, session_of};

#[tokio::test]
async fn an_invite_creates_one_signed_in_user() {
    let world = World::new().await;
    let code = world.invite("Grace@Example.com", Role::Member).await;
    let invite = world.all.invites.preview(&code).await.expect("open");
    assert_eq!(invite.role(), Role::Member);
    let claimed = world.claim(&code).await.expect("claimed");
    assert_eq!(claimed.user.email.as_str(), "Grace@Example.com");
    let principal = world.principal(session_of(&claimed)).await;
    assert_eq!(principal.expect("signed in").user_id(), claimed.user.id);
    let again = world.claim(&code).await;
    assert!(
        matches!(again, Err(InviteError::NotClaimable(NotClaimable::Claimed))),
        "{again:?}"
    );
    assert!(world.sign_in("GRACE@example.com", PASSWORD).await.is_ok());
    assert_eq!(world.count(InviteAction::CLAIMED).await, 1);
}

#[tokio::test]
async fn an_invite_is_for_its_address_and_requires_a_way_to_sign_in() {
    let world = World::new().await;
    let code = world.invite("grace@example.com", Role::Member).await;
    let claim = |email: Option<&str>, word: Option<&str>| {
        let claim = Claim {
            email: email.map(self::email),
            name: PersonName::parse("Grace").expect("a name"),
            password: word.map(password),
            token: None,
            session: None,
        };
        let invites = world.all.invites.clone();
        let code = code.clone();
        async move { invites.claim(&code, claim, context()).await }
    };
    let other = claim(Some("eve@example.com"), Some(PASSWORD)).await;
    assert!(
        matches!(other, Err(InviteError::EmailMismatch)),
        "{other:?}"
    );
    let nothing = claim(None, None).await;
    assert!(
        matches!(nothing, Err(InviteError::NoCredential)),
        "{nothing:?}"
    );
    for (word, weak) in [
        ("too short", WeakPassword::TooShort),
        ("passwordpassword", WeakPassword::Common),
        ("grace@example.com", WeakPassword::Personal),
    ] {
        match claim(None, Some(word)).await {
            Err(InviteError::WeakPassword(found)) => assert_eq!(found, weak, "{word}"),
            other => panic!("{word}: {other:?}"),
        }
    }
    let spelled = claim(Some("GRACE@EXAMPLE.COM"), Some(PASSWORD)).await;
    assert!(spelled.is_ok(), "{spelled:?}");
}

#[tokio::test]
async fn the_first_administrator_claims_a_new_instance_once() {
    let all = InMemory::default();
    let earlier = all.invites.first_admin().await.expect("a link");
    let link = all.invites.first_admin().await.expect("another link");
    let claim = |email: Option<&str>| Claim {
        email: email.map(self::email),
        name: PersonName::parse("Ada").expect("a name"),
        password: Some(password(PASSWORD)),
        token: None,
        session: None,
    };
    let invites = &all.invites;
    let invalid = invites.claim(
        earlier.secret.expose(),
        claim(Some("ada@example.com")),
        context(),
    );
    assert!(matches!(
        invalid.await,
        Err(InviteError::NotClaimable(NotClaimable::Replaced))
    ));
    let nameless = invites.claim(link.secret.expose(), claim(None), context());
    assert!(matches!(nameless.await, Err(InviteError::EmailRequired)));
    let ada = invites.claim(
        link.secret.expose(),
        claim(Some("ada@example.com")),
        context(),
    );
    assert_eq!(ada.await.expect("claimed").user.role, Role::Admin);
    assert!(matches!(
        all.invites.first_admin().await,
        Err(InviteError::EmailTaken)
    ));
}
