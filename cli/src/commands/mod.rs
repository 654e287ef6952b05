//! The commands, one in each file.

pub(crate) mod admin_users;
pub(crate) mod auth_check;
pub(crate) mod completions;
pub(crate) mod doctor;
pub(crate) mod me;
pub(crate) mod profile;
pub(crate) mod schema;
pub(crate) mod tokens;

use crate::app::App;
use crate::cli::{
    AdminCommand, AuthCommand, Command, PersonalCommand, SettingsCommand, UsersCommand,
};
use crate::error::CliError;

/// Does what was asked.
pub(crate) fn run(command: &Command, app: &mut App<'_>) -> Result<(), CliError> {
    match command {
        Command::Profile(command) => profile::run(command, app),
        Command::Auth(AuthCommand::Check) => auth_check::run(app),
        Command::Me => me::run(app),
        Command::Settings(SettingsCommand::Personal(PersonalCommand::Tokens(command))) => {
            tokens::run(command, app)
        }
        Command::Settings(SettingsCommand::Admin(AdminCommand::Users(UsersCommand::List))) => {
            admin_users::run(app)
        }
        Command::Doctor => doctor::run(app),
        Command::Schema(args) => schema::run(args, app),
        Command::Completions(args) => completions::run(args, app),
    }
}

#[cfg(test)]
pub(crate) mod tests;
