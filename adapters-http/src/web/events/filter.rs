//! The filter fields of the audit log and of a user's own activity.

use openindex_domain::audit::{AuditAction, AuditFilter, InvalidPeriod};
use openindex_domain::clock::Timestamp;
use openindex_domain::token::Expiry;

use crate::web::{Choice, Invalid, Query};

use super::words::label;

/// Returns the options of the field `action`.
pub(in crate::web) fn actions(chosen: &Query) -> Vec<Choice> {
    let selected = chosen.get("action");
    Choice::of_all(AuditAction::all(), label, selected)
}

/// Reads the field `action`.
pub(in crate::web) fn read_action(query: &Query, filter: &mut AuditFilter, errors: &mut Invalid) {
    filter.action = errors.choice("action", query.get("action"), AuditAction::parse);
}

/// Reads the fields `from` and `to`, two dates of which both are included.
pub(in crate::web) fn read_period(
    query: &Query,
    now: Timestamp,
    filter: &mut AuditFilter,
    errors: &mut Invalid,
) {
    filter.since = errors.date("from", query.get("from"), Timestamp::parse_since);
    // An expiry date includes the whole day, and so does this filter.
    let end_of_day = |text: &str| Expiry::parse(text).ok().and_then(Expiry::instant);
    filter.until = errors.date("to", query.get("to"), end_of_day);
    match filter.check_period(now) {
        Ok(()) => {}
        Err(InvalidPeriod::Future) => errors.add("from", "Start date is in the future."),
        Err(InvalidPeriod::Reversed) => errors.add("from", "Start date is after the end date."),
    }
}
