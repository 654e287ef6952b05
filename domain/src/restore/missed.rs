use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::audit::{AuditEventId, Subject};
use crate::clock::Timestamp;
use crate::session::SessionAction;
use crate::token::TokenId;
use crate::user::{Role, UserAction, UserId};

use super::ExportedEvent;

/// How long before the newest known event an export must begin: that of the backup, or of the export
/// that it continues. Events can be committed in another order than that of their times, and a
/// filter shows only by the events that it leaves out.
pub(super) const MARGIN_SECONDS: i64 = 60 * 60;

/// What happened after a backup was made, as exports of the audit log tell it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missed {
    /// The time of the newest event in the backup.
    pub backup_at: Timestamp,
    /// The time up to which everything is known: that of the newest event in an export that
    /// continues the backup, if the exports have all events from
    /// [`required_from`](Self::required_from) on; otherwise that of the newest event in the backup.
    pub known_until: Timestamp,
    /// Whether each export continues the backup or another export that does (it has events that
    /// these have, all of those in its period, and all of the hour before their newest one if it
    /// ends later), and one of them has all events of the backup from
    /// [`required_from`](Self::required_from) on. Exports that end earlier know nothing of the time
    /// after it.
    pub is_continuous: bool,
    /// The indexes of the exports that do not continue the backup or another export.
    pub apart: Vec<usize>,
    /// The number of exported events that the backup lacks.
    pub events: usize,
    pub(super) tokens: BTreeSet<TokenId>,
    pub(super) users: BTreeMap<UserId, MissedUser>,
}

/// What happened to a user: their last state, where it is less than they may have in the backup.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct MissedUser {
    pub(super) is_deleted: bool,
    pub(super) is_suspended: bool,
    pub(super) role: Option<Role>,
    pub(super) has_new_password: bool,
}

impl Missed {
    /// Compares exports with the events in the backup, from the oldest exported one and the oldest
    /// required one on, and the time of the newest event in the backup, which is not after `now`.
    ///
    /// Events after `now` are from a clock that was ahead. What they took away counts, but they
    /// tell nothing about the time up to theirs.
    pub(super) fn of(
        exports: &[Vec<ExportedEvent>],
        stored: &[(Timestamp, AuditEventId)],
        backup_at: Timestamp,
        now: Timestamp,
    ) -> Self {
        let in_backup: HashSet<AuditEventId> = stored.iter().map(|(_, id)| *id).collect();
        let mut known: BTreeSet<(Timestamp, AuditEventId)> = stored.iter().copied().collect();
        known.retain(|(at, _)| *at <= now);
        let required: Vec<_> = Self::last_hour(&known, backup_at).copied().collect();
        let mut exports: Vec<_> = exports.iter().enumerate().collect();
        exports.sort_by_key(|(_, export)| {
            let oldest = export.iter().map(|event| event.at).min();
            (oldest, Reverse(export.len()))
        });
        let mut known_until = backup_at;
        let mut apart = Vec::new();
        let mut has_required = false;
        let mut later: BTreeMap<(Timestamp, AuditEventId), ExportedEvent> = BTreeMap::new();
        for (index, export) in exports {
            let missed = export.iter().filter(|event| !in_backup.contains(&event.id));
            later.extend(missed.map(|event| ((event.at, event.id), *event)));
            let own = export.iter().filter(|event| event.at <= now);
            let own: BTreeSet<_> = own.map(|event| (event.at, event.id)).collect();
            let (Some(oldest), Some(newest)) = (own.first(), own.last()) else {
                continue;
            };
            let mut common = known.range(oldest..=newest).peekable();
            let is_joined = common.peek().is_some()
                && common.all(|event| own.contains(event))
                && (newest.0 <= known_until
                    || Self::last_hour(&known, known_until).all(|event| own.contains(event)));
            if is_joined {
                has_required |= required.iter().all(|event| own.contains(event));
                known_until = known_until.max(newest.0);
                known.extend(own);
            } else {
                apart.push(index);
            }
        }
        let mut missed = Self {
            backup_at,
            known_until: if has_required { known_until } else { backup_at },
            is_continuous: apart.is_empty() && has_required,
            apart,
            events: later.len(),
            tokens: BTreeSet::new(),
            users: BTreeMap::new(),
        };
        for event in later.values() {
            missed.add(event, event.at > now);
        }
        missed
    }

    /// Returns the time from which on exports must have all events of the backup.
    #[must_use]
    pub fn required_from(&self) -> Timestamp {
        Self::required_before(self.backup_at)
    }

    /// Returns the events that an export must have to continue others, whose newest one is from
    /// this time.
    fn last_hour(
        events: &BTreeSet<(Timestamp, AuditEventId)>,
        until: Timestamp,
    ) -> impl Iterator<Item = &(Timestamp, AuditEventId)> {
        let from = Self::required_before(until);
        events.iter().rev().take_while(move |(at, _)| *at >= from)
    }

    pub(super) fn required_before(backup_at: Timestamp) -> Timestamp {
        backup_at.saturating_add_seconds(-MARGIN_SECONDS)
    }

    /// Adds an event that is newer than all that were added. One of a clock that was ahead only
    /// takes away: it may be older than what took away again.
    fn add(&mut self, event: &ExportedEvent, is_ahead: bool) {
        match event.subject {
            Subject::Token(token) if event.action.ends_token() => {
                self.tokens.insert(token);
            }
            Subject::User(user) => {
                let user = self.users.entry(user).or_default();
                match event.action {
                    UserAction::DELETED => user.is_deleted = true,
                    UserAction::SUSPENDED => user.is_suspended = true,
                    UserAction::UNSUSPENDED if !is_ahead => user.is_suspended = false,
                    UserAction::DEMOTED => user.role = Some(Role::Member),
                    UserAction::PROMOTED if !is_ahead => user.role = None,
                    SessionAction::PASSWORD_CHANGED | SessionAction::SIGN_IN_LINK_USED => {
                        user.has_new_password = true;
                    }
                    _ => {}
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::AuditAction;
    use crate::testing::fixtures::{self, NOW};
    use crate::token::TokenAction;

    /// Events with consecutive numbers are so far apart that only the newest one in the backup is
    /// required.
    fn at(number: u64) -> Timestamp {
        let number = i64::try_from(number).expect("a small number");
        NOW.saturating_add_seconds(number * (MARGIN_SECONDS + 1))
    }

    fn event(number: u64, action: AuditAction, subject: Subject) -> ExportedEvent {
        let at = at(number);
        let event = fixtures::audit(number, at, action, subject);
        ExportedEvent {
            at,
            id: event.id,
            action,
            subject,
        }
    }

    fn revocations(numbers: impl IntoIterator<Item = u64>) -> Vec<ExportedEvent> {
        let numbers = numbers.into_iter();
        numbers
            .map(|number| {
                let token = Subject::Token(fixtures::token(number, NOW).id);
                event(number, TokenAction::REVOKED, token)
            })
            .collect()
    }

    fn compare(backup: &[ExportedEvent], exports: &[Vec<ExportedEvent>]) -> Missed {
        let stored: Vec<_> = backup.iter().map(|event| (event.at, event.id)).collect();
        let backup_at = stored.iter().map(|(at, _)| *at).max().unwrap_or(NOW);
        Missed::of(exports, &stored, backup_at, at(100))
    }

    #[test]
    fn only_what_the_backup_lacks_was_missed() {
        let backup = revocations(1..=3);
        let missed = compare(&backup, &[revocations(2..=5)]);
        assert!(missed.is_continuous);
        assert_eq!(missed.events, 2);
        let expected = [4, 5].map(|number| fixtures::token(number, NOW).id);
        assert_eq!(missed.tokens, expected.into());
        assert_eq!(missed.known_until, at(5));
        assert_eq!(missed.backup_at, at(3));
    }

    #[test]
    fn an_export_with_a_gap_or_a_filter_does_not_vouch_for_its_period() {
        let backup = revocations(1..=3);
        for (exports, is_continuous, until, apart) in [
            (vec![], false, 3, vec![]),
            // Its first event may not be the first one after the backup.
            (vec![revocations(4..=5)], false, 3, vec![0]),
            // It lacks an event that is in its period and in the backup.
            (vec![revocations([1, 3, 4, 5])], false, 3, vec![0]),
            (vec![revocations(3..=5)], true, 5, vec![]),
            (
                vec![revocations(5..=9), revocations(3..=5)],
                true,
                9,
                vec![],
            ),
            (
                vec![revocations(6..=9), revocations(3..=5)],
                false,
                5,
                vec![0],
            ),
            (
                vec![revocations([3, 5]), revocations(3..=9)],
                false,
                9,
                vec![0],
            ),
            // It was made before the backup.
            (vec![revocations(1..=2)], false, 3, vec![]),
            (
                vec![revocations(1..=2), revocations(2..=3)],
                true,
                3,
                vec![],
            ),
            // What follows the newest event in the backup is nothing so far.
            (vec![revocations(1..=3)], true, 3, vec![]),
            (
                vec![revocations(1..=2), revocations(5..=6)],
                false,
                3,
                vec![1],
            ),
        ] {
            let missed = compare(&backup, &exports);
            assert_eq!(missed.is_continuous, is_continuous, "{exports:?}");
            assert_eq!(missed.known_until, at(until), "{exports:?}");
            assert_eq!(missed.apart, apart, "{exports:?}");
        }
    }

    #[test]
    fn an_export_that_begins_with_the_newest_event_of_the_backup_does_not_vouch() {
        let mut backup = revocations(1..=4);
        backup[2].at = backup[3].at.saturating_add_seconds(-MARGIN_SECONDS);
        let after = revocations([9]).remove(0);
        for (first, is_continuous) in [(3, false), (2, true), (1, true), (0, true)] {
            let export = [&backup[first..], &[after]].concat();
            let missed = compare(&backup, &[export]);
            assert_eq!(missed.is_continuous, is_continuous, "{first}");
            let until = if is_continuous {
                after.at
            } else {
                backup[3].at
            };
            assert_eq!(missed.known_until, until, "{first}");
            assert_eq!(missed.required_from(), backup[2].at);
        }
        let halves = [backup[..3].to_vec(), [&backup[2..], &[after]].concat()];
        assert!(compare(&backup, &halves).is_continuous);
    }

    #[test]
    fn an_export_that_begins_with_the_newest_event_of_another_does_not_vouch() {
        let backup = revocations(1..=3);
        let mut later = revocations(4..=7);
        // Less than an hour before the end of the first export.
        later[1].at = later[2].at.saturating_add_seconds(-1);
        let first = [&backup[2..], &later[..3]].concat();
        for (from, is_continuous, until) in [(2, false, 6), (1, true, 7), (0, true, 7)] {
            let second = later[from..].to_vec();
            let missed = compare(&backup, &[first.clone(), second]);
            assert_eq!(missed.is_continuous, is_continuous, "{from}");
            assert_eq!(missed.known_until, at(until), "{from}");
        }
    }

    #[test]
    fn what_continues_an_export_that_is_apart_is_apart() {
        let backup = revocations(1..=3);
        let exports = [revocations(3..=5), revocations(7..=9), revocations(9..=12)];
        let missed = compare(&backup, &exports);
        assert_eq!(missed.known_until, at(5));
        assert_eq!(missed.apart, [1, 2]);
        assert_eq!(missed.events, 8);
    }

    #[test]
    fn an_event_of_a_clock_that_was_ahead_vouches_for_nothing() {
        let mut backup = revocations(1..=3);
        backup.extend(revocations([200]));
        let stored: Vec<_> = backup.iter().map(|event| (event.at, event.id)).collect();
        let missed =
            |export: &[ExportedEvent]| Missed::of(&[export.to_vec()], &stored, at(3), at(100));
        let after = revocations([5, 6, 200, 300]);
        assert!(!missed(&after).is_continuous);
        assert_eq!(missed(&after).known_until, at(3));
        let whole = [&backup[2..], &after].concat();
        assert!(missed(&whole).is_continuous);
        assert_eq!(missed(&whole).known_until, at(6));
        // It is the only export that tells.
        assert_eq!(missed(&whole).tokens.len(), 3);

        let user = |number| Subject::User(fixtures::user(number).id);
        let changes = [
            event(5, UserAction::SUSPENDED, user(1)),
            event(6, UserAction::DEMOTED, user(2)),
            event(201, UserAction::UNSUSPENDED, user(1)),
            event(202, UserAction::PROMOTED, user(2)),
            event(203, UserAction::SUSPENDED, user(3)),
        ];
        let missed = missed(&changes);
        let of = |number| missed.users[&fixtures::user(number).id];
        assert!(of(1).is_suspended && of(3).is_suspended);
        assert_eq!(of(2).role, Some(Role::Member));
    }

    #[test]
    fn the_last_state_of_a_user_counts() {
        let user = |number| Subject::User(fixtures::user(number).id);
        let export = vec![
            event(1, UserAction::SUSPENDED, user(1)),
            event(2, UserAction::UNSUSPENDED, user(1)),
            event(3, UserAction::PROMOTED, user(2)),
            event(4, UserAction::DEMOTED, user(2)),
            event(5, SessionAction::SIGN_IN_LINK_USED, user(3)),
            event(6, UserAction::DELETED, user(4)),
            event(7, SessionAction::SIGNED_IN, user(5)),
        ];
        // In any order, as an export is: newest first.
        let export = export.into_iter().rev().collect();
        let missed = compare(&[], &[export]);
        let of = |number| missed.users[&fixtures::user(number).id];
        assert_eq!(of(1), MissedUser::default());
        assert_eq!(of(2).role, Some(Role::Member));
        assert!(of(3).has_new_password);
        assert!(of(4).is_deleted);
        assert_eq!(of(5), MissedUser::default());
    }
}
