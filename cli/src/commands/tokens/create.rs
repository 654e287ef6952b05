use openindex_adapters_http::wire::CreatePat;
use openindex_domain::token::Scope;

use crate::app::App;
use crate::commands::once::require_writable_stdout;
use crate::commands::suggest_check;
use crate::error::{CliError, Failure};
use crate::field::{Field, One};

use super::{ExpiryArgs, LIST, parse_name, show_created, undo};

/// The name of the new token.
struct NewName;

impl Field for NewName {
    type Value = String;
    const POSITIONAL: &'static str = "NAME";
    const FLAGS: &'static [(&'static str, &'static str, &'static str)] =
        &[("name", "NAME", "Name of the token (1 to 100 characters)")];
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
The token is shown only once. Without --expires or --expires-in, it does not expire.

Examples:
  oi settings personal tokens create --name \"local cli\" --scope read_write
  oi settings personal tokens create --name ci --expires-in 90d
  oi settings personal tokens create --name ops --scope admin --expires 2026-12-31
  TOKEN=$(oi settings personal tokens create --name ci --token-only)")]
pub(crate) struct Args {
    #[command(flatten)]
    name: One<NewName>,
    /// Scope of the token
    #[arg(long, default_value = "read_write", value_parser = ["read_write", "admin"])]
    scope: String,
    #[command(flatten)]
    expiry: ExpiryArgs,
    /// Print only the token, for a pipe or a variable
    #[arg(long, conflicts_with = "json")]
    token_only: bool,
}

pub(super) fn run(args: &Args, app: &mut App<'_>) -> Result<(), CliError> {
    let name = parse_name(&args.name.0)?;
    let scope: Scope = args
        .scope
        .parse()
        .map_err(|error| Failure::usage(format!("--scope: {error}")))?;
    let request = CreatePat {
        name,
        scope,
        expires_at: args.expiry.at()?,
        expires_in: args.expiry.span()?,
    };
    require_writable_stdout()?;
    let session = app.human_session()?;
    let created = session
        .call(|client| client.pat_create(&request))
        .map_err(|failure| suggest_check(failure, LIST))?;
    let undo = undo(&created, &session, app);
    show_created(app, &created, None, args.token_only, undo)
}
