//! The filter fields of the audit log and of a user's own activity.

use openindex_domain::audit::{AuditAction, AuditFilter, InvalidPeriod};
use openindex_domain::clock::Timestamp;
use openindex_domain::token::Expiry;

use crate::web::{Invalid, Query};

use super::words::label;

/// An option of the field `action`.
pub(in crate::web) struct ActionChoice {
    pub(in crate::web) value: &'static str,
    pub(in crate::web) label: &'static str,
    pub(in crate::web) is_selected: bool,
}

/// Returns the options of the field `action`.
pub(in crate::web) fn actions(chosen: &Query) -> Vec<ActionChoice> {
    let actions = AuditAction::ALL.iter().map(|action| ActionChoice {
        value: action.as_str(),
        label: label(*action),
        is_selected: action.as_str() == chosen.get("action"),
    });
    actions.collect()
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
    const DATE: &str = "Enter a date such as 2026-12-31.";
    let since = |text: &str| Timestamp::parse_since(text).ok_or(());
    filter.since = errors.optional("from", query.get("from"), since, |()| DATE);
    // An expiry date includes the whole day, and so does this filter.
    let end_of_day = |text: &str| {
        let end = Expiry::parse(text).ok().and_then(Expiry::instant);
        end.ok_or(())
    };
    filter.until = errors.optional("to", query.get("to"), end_of_day, |()| DATE);
    match filter.check_period(now) {
        Ok(()) => {}
        Err(InvalidPeriod::Future) => errors.add("from", "Start date is in the future."),
        Err(InvalidPeriod::Reversed) => errors.add("from", "Start date is after the end date."),
    }
}
