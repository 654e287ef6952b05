//! One-time ids for forms that create something.
//!
//! A browser submits a form again when its page is reloaded, its button is pressed twice, or the
//! user goes back. Each rendered form therefore carries a [`FormId`]. The change records the id in
//! its own transaction, and a second change with the same id is rejected.

use crate::clock::Timestamp;
use crate::id::{Subject, UserId, derived};

pub use crate::id::FormId;

/// How long a form can be submitted after its page was rendered: 24 hours.
pub const FORM_LIFETIME_SECONDS: i64 = 24 * 60 * 60;
/// The maximum clock difference between two replicas: 1 hour.
const CLOCK_SKEW_SECONDS: i64 = 60 * 60;
/// How long a store remembers a used form: until it has expired by every replica's clock.
pub(crate) const RETENTION_SECONDS: i64 = FORM_LIFETIME_SECONDS + 2 * CLOCK_SKEW_SECONDS;

impl FormId {
    /// Returns whether the form can still be submitted at `now`. Stores delete used forms after a
    /// while, so an older form must be rejected.
    #[must_use]
    pub fn is_open(self, now: Timestamp) -> bool {
        let bytes = self.uuid().into_bytes();
        // A UUID version 7 begins with its time in milliseconds (RFC 9562 §5.7).
        let shown = bytes[..6]
            .iter()
            .fold(0, |millis, byte| (millis << 8) | i64::from(*byte));
        let age = now.unix_millis() - shown;
        (-CLOCK_SKEW_SECONDS * 1000..FORM_LIFETIME_SECONDS * 1000).contains(&age)
    }
}

/// The form with which a change was submitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SentForm {
    /// The form's id, bound to its user and page.
    pub id: FormId,
    /// What the change creates; for a sign-in link, the user it is for.
    pub created: Subject,
}

impl SentForm {
    /// Binds `form` to the user who submitted it and to what it creates. The same id submitted by
    /// another user or from another page is a different form, so its result is not disclosed to
    /// them.
    #[must_use]
    pub fn new(form: FormId, by: UserId, created: Subject) -> Self {
        let text = created.to_string();
        let page = match created {
            // A sign-in link is created on the page of its user.
            Subject::User(_) => text.as_str(),
            _ => text.split('_').next().unwrap_or_default(),
        };
        let id = derived(form.uuid(), &[by.uuid().as_bytes(), page.as_bytes()]);
        Self {
            id: FormId::from_uuid(id),
            created,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{SeededEntropy, fixtures, fixtures::NOW};

    #[test]
    fn a_form_can_be_submitted_for_a_day() {
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
    fn a_form_is_bound_to_its_user_and_page() {
        let form = FormId::generate(NOW, &SeededEntropy::new(1)).unwrap();
        let (ada, grace) = (fixtures::user(1).id, fixtures::user(2).id);
        let token = |number| Subject::Token(fixtures::token(number, NOW).id);
        let sent = |by, created| SentForm::new(form, by, created).id;
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
    fn a_form_is_remembered_for_longer_than_it_can_be_submitted() {
        let latest_use = FORM_LIFETIME_SECONDS + CLOCK_SKEW_SECONDS;
        assert!(RETENTION_SECONDS > latest_use);
    }
}
