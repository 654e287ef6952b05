//! Decides whether the servers kept their promise: a pure function of the log.
//!
//! The promise is about order. A credential that a change has ended is accepted by no request that
//! began after the change was acknowledged, and a credential that nothing can have ended is not
//! denied. Concurrent requests may be seen in either order. An unacknowledged change may have
//! happened or not, until a later one is acknowledged.

use std::collections::HashMap;
use std::fmt;

use crate::log::{Act, Change, Check, Credential, Item, Log, Outcome, User, Verdict};

/// A violation of the promise.
#[derive(Debug)]
pub(crate) enum Finding<'a> {
    /// Accepted although this change had ended it before.
    StaleAccept(&'a Check, &'a Change),
    /// Denied although nothing can have ended it.
    FalseDenial(&'a Check),
    /// Neither accepted nor denied, and not an outage.
    NoVerdict(&'a Check),
}

impl fmt::Display for Finding<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StaleAccept(check, change) => {
                write!(f, "STALE ACCEPT\n  {change}\n  {check}")
            }
            Self::FalseDenial(check) => write!(f, "DENIED, although nothing ended it\n  {check}"),
            Self::NoVerdict(check) => write!(f, "NO VERDICT\n  {check}"),
        }
    }
}

/// Returns all violations in the log.
pub(crate) fn judge(log: &Log) -> Vec<Finding<'_>> {
    let oracle = Oracle::new(log);
    let findings = log.checks.iter().filter_map(|check| match check.verdict {
        Verdict::Accepted => oracle
            .surely_ended_before(check)
            .map(|change| Finding::StaleAccept(check, change)),
        Verdict::Denied => (!oracle.may_have_ended(check)).then_some(Finding::FalseDenial(check)),
        Verdict::Unknown => None,
        Verdict::Other(_) => Some(Finding::NoVerdict(check)),
    });
    findings.collect()
}

/// The changes, by target.
struct Oracle<'a> {
    log: &'a Log,
    ends: HashMap<Credential, Vec<&'a Change>>,
    resolutions: HashMap<&'a Item, Vec<&'a Change>>,
    suspensions: HashMap<User, Vec<&'a Change>>,
    lifts: HashMap<User, Vec<&'a Change>>,
}

impl<'a> Oracle<'a> {
    fn new(log: &'a Log) -> Self {
        let mut oracle = Self {
            log,
            ends: HashMap::new(),
            resolutions: HashMap::new(),
            suspensions: HashMap::new(),
            lifts: HashMap::new(),
        };
        for change in &log.changes {
            match &change.act {
                Act::End(credentials) | Act::LetExpire(credentials) => {
                    for credential in credentials {
                        oracle.ends.entry(*credential).or_default().push(change);
                    }
                }
                Act::Resolve(item) => oracle.resolutions.entry(item).or_default().push(change),
                Act::Suspend(user) => oracle.suspensions.entry(*user).or_default().push(change),
                Act::Lift(user) => oracle.lifts.entry(*user).or_default().push(change),
            }
        }
        oracle
    }

    /// Returns the changes that end this credential permanently, whenever they happen; suspensions
    /// are not among them.
    fn ends_for_good(&self, credential: Credential) -> impl Iterator<Item = &'a Change> {
        let run = self.log.issued[credential.0].run.as_ref();
        let own = self.ends.get(&credential);
        let issuer = run.and_then(|run| self.ends.get(&run.issuer));
        let item = run
            .and_then(|run| run.item.as_ref())
            .and_then(|item| self.resolutions.get(item));
        [own, issuer, item].into_iter().flatten().flatten().copied()
    }

    /// Returns a change that had certainly ended the credential when the check began.
    fn surely_ended_before(&self, check: &Check) -> Option<&'a Change> {
        let issued = &self.log.issued[check.credential.0];
        let before = |change: &&Change| {
            change.outcome == Outcome::Done
                && change.span.precedes(check.span)
                && !matches!(change.act, Act::LetExpire(_))
        };
        let suspensions = of(&self.suspensions, issued.owner);
        let lifts = of(&self.lifts, issued.owner);
        self.ends_for_good(check.credential)
            .find(before)
            .or_else(|| {
                suspensions
                    .iter()
                    .copied()
                    .filter(before)
                    .find(|suspension| {
                        if issued.run.is_some() {
                            // A suspension does not affect a run started after it.
                            issued.span.precedes(suspension.span)
                        } else {
                            // A failed lift may have happened too, but not once a suspension that
                            // began later is acknowledged.
                            !lifts.iter().any(|lift| {
                                !lift.span.precedes(suspension.span)
                                    && !check.span.precedes(lift.span)
                            })
                        }
                    })
            })
    }

    /// Returns whether anything can have ended the credential before the response to the check.
    fn may_have_ended(&self, check: &Check) -> bool {
        let issued = &self.log.issued[check.credential.0];
        let begun = |change: &&Change| !check.span.precedes(change.span);
        let suspensions = of(&self.suspensions, issued.owner);
        let lifts = of(&self.lifts, issued.owner);
        self.ends_for_good(check.credential)
            .any(|change| begun(&change))
            || suspensions.iter().copied().filter(begun).any(|suspension| {
                if issued.run.is_some() {
                    !suspension.span.precedes(issued.span)
                } else {
                    !lifts.iter().any(|lift| {
                        lift.outcome == Outcome::Done
                            && suspension.span.precedes(lift.span)
                            && lift.span.precedes(check.span)
                    })
                }
            })
    }
}

fn of<'m, 'a>(changes: &'m HashMap<User, Vec<&'a Change>>, user: User) -> &'m [&'a Change] {
    changes.get(&user).map_or(&[], Vec::as_slice)
}
