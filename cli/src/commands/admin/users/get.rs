use crate::app::App;
use crate::commands::admin::user_ref::{self, UserRef};
use crate::error::CliError;
use crate::field::One;

use super::described;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  oi settings admin users get ada@example.com
  oi settings admin users get usr_0199f3a1c6d07c35b2f0e8a4d1c7b9e2 --json | jq -r .role")]
pub(crate) struct Args {
    #[command(flatten)]
    user: One<UserRef>,
}

pub(super) fn run(args: &Args, app: &mut App<'_>) -> Result<(), CliError> {
    let session = app.human_session()?;
    let user = user_ref::find(&args.user.0, &session)?;
    app.out.print(&user, |style| described(&user, style))
}
