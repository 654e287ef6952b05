//! Formats output for users: safe text, times, fields and tables.

mod fields;
mod plain;
mod style;
mod table;
mod time;
mod word;

pub(crate) use fields::{done, fields, widest};
pub(crate) use openindex_command_line::{redact, shown};
pub(crate) use plain::{escape_json, for_terminal, masked, plain, visible};
pub(crate) use style::Style;
pub(crate) use table::{Form, Row, listing};
pub(crate) use time::{ends, expiry, instant, last_used, moment, parse};
pub(crate) use word::{or, with_email, with_id, word};
