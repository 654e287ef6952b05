//! Forms that create something: each is good once.
//!
//! A browser sends a form again when its page is reloaded, when its button is pressed twice, or
//! after a step back. A page therefore puts a [`FormId`] into the form; the change that the form
//! asks for records the id in its own transaction, and a second one with the same id is refused.

use crate::audit::Subject;
use crate::clock::Timestamp;
use crate::id::{derived, prefixed_id};
use crate::user::UserId;

/// How long a form can be sent after its page was shown: 24 hours.
pub const FORM_LIFETIME_SECONDS: i64 = 24 * 60 * 60;
/// How far the clocks of two replicas may differ: 1 hour.
const CLOCK_SKEW_SECONDS: i64 = 60 * 60;
/// How long a store remembers a used form: until it has expired on every replica's clock.
pub(crate) const KEPT_SECONDS: i64 = FORM_LIFETIME_SECONDS + 2 * CLOCK_SKEW_SECONDS;

prefixed_id! {
    /// The id of a form as a page showed it: `frm_` and a UUID. It opens nothing and is no secret.
    FormId, "frm_"
}

impl FormId {
    /// Returns whether the form can still be sent at `now`. A store forgets used forms, so one that
    /// is older than it remembers must not be accepted.
    #[must_use]
    pub fn is_open(self, now: Timestamp) -> bool {
        let bytes = self.uuid().into_bytes();
        // A UUID version 7 begins with its time, in milliseconds (RFC 9562 §5.7).
        let shown = bytes[..6]
            .iter()
            .fold(0, |millis, byte| (millis << 8) | i64::from(*byte));
        let age = now.unix_millis() - shown;
        (-CLOCK_SKEW_SECONDS * 1000..FORM_LIFETIME_SECONDS * 1000).contains(&age)
    }
}

/// A form that a change was sent with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SentForm {
    /// The form, bound to its user and its page.
    pub id: FormId,
    /// What the change creates; for a sign-in link, the user whom it is for.
    pub made: Subject,
}

impl SentForm {
    /// Returns `form` as sent by this user to create `made`. Sent by another user, or from another
    /// page, it is another form: what its namesake created says nothing about it.
    #[must_use]
    pub fn new(form: FormId, by: UserId, made: Subject) -> Self {
        let text = made.to_string();
        let page = match made {
            // A sign-in link is created on the page of its user.
            Subject::User(_) => text.as_str(),
            _ => text.split('_').next().unwrap_or_default(),
        };
        let id = derived(form.uuid(), &[by.uuid().as_bytes(), page.as_bytes()]);
        Self {
            id: FormId::from_uuid(id),
            made,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{SeededEntropy, fixtures, fixtures::NOW};

    #[test]
    fn a_form_can_be_sent_for_a_day_and_from_no_later_day() {
        let form = FormId::generate(NOW, &SeededEntropy::new(1)).unwrap();
        let hour = 60 * 60;
        for (after, open) in [
            (0, true),
            (FORM_LIFETIME_SECONDS - 1, true),
            (FORM_LIFETIME_SECONDS, false),
            (-hour, true),
            (-hour - 1, false),
            (-365 * 24 * hour, false),
        ] {
            let now = NOW.saturating_add_seconds(after);
            assert_eq!(form.is_open(now), open, "{after}");
        }
    }

    #[test]
    fn a_form_is_another_for_another_user_and_on_another_page() {
        let form = FormId::generate(NOW, &SeededEntropy::new(1)).unwrap();
        let (ada, grace) = (fixtures::user(1).id, fixtures::user(2).id);
        let token = |number| Subject::Token(fixtures::token(number, NOW).id);
        let sent = |by, made| SentForm::new(form, by, made).id;
        assert_eq!(sent(ada, token(1)), sent(ada, token(2)));
        assert!(sent(ada, token(1)).is_open(NOW));
        let different = [
            sent(ada, token(1)),
            sent(grace, token(1)),
            sent(ada, Subject::Invite(fixtures::invite(1).id)),
            sent(ada, Subject::User(ada)),
            sent(ada, Subject::User(grace)),
        ];
        let ids: std::collections::HashSet<_> = different.iter().collect();
        assert_eq!(ids.len(), different.len());
    }

    #[test]
    fn a_form_is_remembered_for_longer_than_it_can_be_sent() {
        let latest_use = FORM_LIFETIME_SECONDS + CLOCK_SKEW_SECONDS;
        assert!(KEPT_SECONDS > latest_use);
    }
}
