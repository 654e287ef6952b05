use super::*;
use crate::commands::admin::tests::users;

/// The names of the first users, one of them hostile.
pub(in crate::commands) fn names() -> Names {
    let users = users().into_iter();
    Names(
        users
            .map(|user| {
                let (name, email) = (user.name, user.email);
                (user.id, Named { name, email })
            })
            .collect(),
    )
}

#[test]
fn an_unknown_user_is_shown_by_id() {
    let known = "usr_0199f3a1c6d07c35b2f0e8a4d1c7b9e1";
    assert_eq!(names().short(known), "user1@example.com");
    assert_eq!(names().full(known), format!("Ada Lovelace ({known})"));
    let unknown = "usr_0199f3a1c6d07c35b2f0e8a4d1c7b9e9";
    assert_eq!(names().short(unknown), unknown);
    assert_eq!(names().full(unknown), unknown);
    let hostile = names().full("usr_0199f3a1c6d07c35b2f0e8a4d1c7b9e3");
    assert!(!hostile.contains(char::is_control), "{hostile:?}");
}
