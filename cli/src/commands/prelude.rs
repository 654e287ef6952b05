//! What most commands use: the context, failures, arguments, parts and formats.

pub(crate) use crate::app::{App, Session};
pub(crate) use crate::error::{CliError, Failure, Named as _};
pub(crate) use crate::field::{Field, Flags, One, Optional, Several, one_of};
pub(crate) use crate::parts::once::{self, Undo, require_writable_stdout};
pub(crate) use crate::parts::paging::{self, PageArgs, Paged};
pub(crate) use crate::parts::{
    Confirmation, Confirmed, NoArguments, confirm, distinct, one_by_one, parse_token_id,
    print_ended, question_about, require_terminal_or_yes,
};
pub(crate) use crate::render::{
    Form, Row, Style, done, ends, expiry, fields, last_used, listing, masked, moment, or, plain,
    redact, with_email, with_id, word,
};
