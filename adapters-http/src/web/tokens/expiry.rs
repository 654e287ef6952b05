//! How a person chooses when a token ends: a preset, a date, or never.

use openindex_domain::clock::Timestamp;
use openindex_domain::token::{Expiry, ExpiryError};

use crate::web::form::Form;
use crate::web::view::Moment;

const PRESETS: [(&str, i64, &str); 4] = [
    ("7", 7, "7 days"),
    ("30", 30, "30 days"),
    ("90", 90, "90 days"),
    ("365", 365, "1 year"),
];
const DAY_SECONDS: i64 = 24 * 60 * 60;

pub(super) const DATE: &str = "date";
pub(super) const NEVER: &str = "never";
/// When a token is rotated: the expiry of the one before.
pub(super) const KEEP: &str = "keep";

/// An entry of the list of choices.
pub(super) struct Choice {
    pub(super) value: &'static str,
    pub(super) label: String,
    pub(super) is_selected: bool,
}

/// The choices at `now`; `kept` offers to keep an expiry and names it.
pub(super) fn choices(selected: &str, now: Timestamp, kept: Option<String>) -> Vec<Choice> {
    let presets = PRESETS.map(|(value, days, label)| {
        let at = now.saturating_add_seconds(days * DAY_SECONDS);
        (value, format!("{label} ({})", Moment::new(at, now).day()))
    });
    let others = [
        (DATE, "Until a date…".to_owned()),
        (NEVER, "No expiration".to_owned()),
    ];
    kept.map(|kept| (KEEP, kept))
        .into_iter()
        .chain(presets)
        .chain(others)
        .map(|(value, label)| Choice {
            value,
            label,
            is_selected: value == selected,
        })
        .collect()
}

/// What was chosen; `None` keeps what there is.
pub(super) fn chosen(form: &Form, now: Timestamp) -> Result<Option<Expiry>, ExpiryError> {
    let choice = form.get("expiry");
    if let Some((_, days, _)) = PRESETS.iter().find(|(value, ..)| *value == choice) {
        let at = now.saturating_add_seconds(days * DAY_SECONDS);
        return Ok(Some(Expiry::At(at)));
    }
    match choice {
        KEEP => Ok(None),
        NEVER => Ok(Some(Expiry::Never)),
        // Blank means never where a program asks; a person who chose a date forgot it.
        _ => match Expiry::parse(form.get("expiryDate"))? {
            Expiry::Never => Err(ExpiryError::Unparsable),
            expiry @ Expiry::At(_) => Ok(Some(expiry)),
        },
    }
}

/// What is wrong with it, in the words of a page that has a field for dates.
pub(super) const fn message(error: ExpiryError) -> &'static str {
    match error {
        ExpiryError::Unparsable => "Choose a date such as 2026-12-31.",
        ExpiryError::NotInFuture { .. } | ExpiryError::Lifetime => "Choose a date in the future.",
    }
}
