//! The expiry fields of a form: a date, a preset, or neither.

use openindex_domain::clock::Timestamp;
use openindex_domain::token::{Expiry, ExpiryError};

use crate::web::{Choice, Form, Moment};

const PRESETS: [(&str, i64, &str); 4] = [
    ("7", 7, "7 days"),
    ("30", 30, "30 days"),
    ("90", 90, "90 days"),
    ("365", 365, "1 year"),
];
const DAY_SECONDS: i64 = 24 * 60 * 60;

const NEVER: &str = "never";

/// Returns the current date in UTC, as the minimum of a date field.
pub(super) fn today(now: Timestamp) -> String {
    now.to_datetime().date().to_string()
}

/// Returns the presets at `now`, after the `neutral` option that leaves the choice to the date.
pub(super) fn choices(selected: &str, now: Timestamp, neutral: &str) -> Vec<Choice> {
    let presets = PRESETS.map(|(value, days, label)| {
        let at = now.saturating_add_seconds(days * DAY_SECONDS);
        (value, format!("{label} ({})", Moment::new(at, now).day()))
    });
    std::iter::once(("", neutral.to_owned()))
        .chain(presets)
        .chain([(NEVER, "Never expires".to_owned())])
        .map(|(value, label)| Choice::new(value, &label, selected))
        .collect()
}

/// Returns the chosen expiry, or `None` if both fields are blank.
///
/// # Errors
///
/// The message for the date field if the choice is invalid or ambiguous.
pub(super) fn chosen(form: &Form, now: Timestamp) -> Result<Option<Expiry>, String> {
    let date = Expiry::parse(form.get("expiryDate"))
        .and_then(|date| date.check_future(now))
        .map_err(message)?;
    let choice = form.get("expiry");
    let preset = PRESETS.iter().find(|(value, ..)| *value == choice);
    let quick = match (choice, preset) {
        ("", _) => None,
        (NEVER, _) => Some(Expiry::Never),
        (_, Some((_, days, _))) => Some(Expiry::At(now.saturating_add_seconds(days * DAY_SECONDS))),
        (_, None) => return Err("Choose a date or one of the periods.".to_owned()),
    };
    match (date, quick) {
        (Expiry::Never, quick) => Ok(quick),
        (date, None) => Ok(Some(date)),
        // It is ambiguous which one was meant.
        (_, Some(_)) => Err("Choose either a date or a period, not both.".to_owned()),
    }
}

/// Returns the message for the date field.
pub(super) fn message(error: ExpiryError) -> String {
    match error {
        ExpiryError::Unparsable => "Choose a date such as 2026-12-31.".to_owned(),
        ExpiryError::DayEnded { day, now } => format!(
            "{day} is already past in UTC (now {}). Choose a later date.",
            Moment::new(now, now).exact()
        ),
        ExpiryError::NotInFuture { .. } | ExpiryError::Lifetime => {
            "Choose a date in the future.".to_owned()
        }
    }
}
