//! `oi settings admin invites`: invites to join the instance.

mod create;
mod list;
mod withdraw;

use clap::Subcommand;
use openindex_adapters_http::client::PageQuery;
use openindex_adapters_http::wire::Invite;

use crate::app::{App, Session};
use crate::error::{CliError, Failure};

use crate::commands::paging::Page;

const LIST: &str = "oi settings admin invites list";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List invites, newest first
    #[command(visible_alias = "ls")]
    List(list::Args),
    /// Create an invite and show its link once
    Create(create::Args),
    /// Withdraw invites; their links stop working immediately
    #[command(visible_alias = "rm")]
    Withdraw(withdraw::Args),
}

pub(super) fn run(command: &Command, app: &mut App<'_>) -> Result<(), CliError> {
    match command {
        Command::List(args) => list::run(args, app),
        Command::Create(args) => create::run(args, app),
        Command::Withdraw(args) => withdraw::run(args, app),
    }
}

fn page(session: &Session, query: &PageQuery) -> Result<Page<Invite>, Failure> {
    let list = session.call(|client| client.invites_list(query))?;
    Ok(Page {
        items: list.items,
        damaged: list.damaged,
        next_cursor: list.next_cursor,
    })
}
