//! What commands consist of: confirmations, lists, secrets that are shown once, and what is ended
//! one by one. A command is above these, and the table of commands above all commands.

mod confirm;
mod ended;
pub(crate) mod once;
pub(crate) mod own_token;
pub(crate) mod paging;

use clap::builder::CommandExt;

pub(crate) use confirm::{
    Confirmation, Confirmed, confirm, question_about, require_terminal_or_yes,
};
pub(crate) use ended::{distinct, one_by_one, parse_token_id, print_ended};

/// The arguments of a command that has none.
#[derive(Debug, clap::Args)]
pub(crate) struct NoArguments;

/// The output of a command: the name of a definition of `oi schema`, or a media type.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Prints(pub(crate) &'static str);

impl CommandExt for Prints {}
