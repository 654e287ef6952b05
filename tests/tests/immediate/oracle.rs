//! Whether the servers did as they promise: a pure function of the log.
//!
//! The promise is about order alone. A credential that a change has ended is accepted by no request
//! that was begun after the change was answered, and one that nothing can have ended is not denied.
//! Whatever ran at the same time may be seen in either order; a change without an answer may have
//! happened or not, until one that was begun later is answered.

use std::collections::HashMap;
use std::fmt;

use crate::log::{Act, Change, Check, Credential, Item, Log, Outcome, User, Verdict};

/// Something that must not be.
#[derive(Debug)]
pub(crate) enum Finding<'a> {
    /// Accepted although this had ended it before.
    StaleAccept(&'a Check, &'a Change),
    /// Denied although nothing can have ended it.
    FalseDenial(&'a Check),
    /// Neither accepted nor denied, and no outage either.
    NoVerdict(&'a Check),
}

impl fmt::Display for Finding<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StaleAccept(check, change) => {
                write!(f, "STALE ACCEPT\n  {change}\n  {check}")
            }
            Self::FalseDenial(check) => write!(f, "DENIED, and nobody ended it\n  {check}"),
            Self::NoVerdict(check) => write!(f, "NO VERDICT\n  {check}"),
        }
    }
}

/// Everything in the log that must not be.
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

/// The changes, by what they are about.
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
                Act::End(credentials) => {
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

    /// What ends this credential for good, whenever it happens. A suspension is not among it.
    fn ends_for_good(&self, credential: Credential) -> impl Iterator<Item = &'a Change> {
        let run = self.log.issued[credential.0].run.as_ref();
        let own = self.ends.get(&credential);
        let issuer = run.and_then(|run| self.ends.get(&run.issuer));
        let item = run
            .and_then(|run| run.item.as_ref())
            .and_then(|item| self.resolutions.get(item));
        [own, issuer, item].into_iter().flatten().flatten().copied()
    }

    /// The change that had surely ended the credential when the check was begun.
    fn surely_ended_before(&self, check: &Check) -> Option<&'a Change> {
        let issued = &self.log.issued[check.credential.0];
        let before =
            |change: &&Change| change.outcome == Outcome::Done && change.span.precedes(check.span);
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
                            // A run that was started after it is none of its business.
                            issued.span.precedes(suspension.span)
                        } else {
                            // A lift that failed may have happened too, but not any more once a suspension
                            // that was begun later is answered.
                            !lifts.iter().any(|lift| {
                                !lift.span.precedes(suspension.span)
                                    && !check.span.precedes(lift.span)
                            })
                        }
                    })
            })
    }

    /// Whether anything can have ended the credential by the time of the check's answer.
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
