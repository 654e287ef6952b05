//! Users on the command line: by ID or by email address.

use std::str::FromStr;

use openindex_adapters_http::wire::{MeUser, User, UserQuery};
use openindex_domain::page::MAX_PAGE;
use openindex_domain::user::{Email, UserId};

use crate::commands::prelude::*;
use clap::builder::ValueParser;

use crate::parts::paging::pages;

const LIST: &str = "oi settings admin users list --all";

/// What can be referred to by ID or by email address.
pub(crate) trait Referred: FromStr + Copy + Send + Sync + 'static {
    const ID_HELP: &'static str;
    const EMAIL_HELP: &'static str;
    const HELP: &'static str;
    /// The text after `--id` is no ID.
    const INVALID_ID: &'static str;
    /// The text is neither an ID nor an email address.
    const INVALID: &'static str;
}

/// An object by ID or by email address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ref<Id> {
    Id(Id),
    Email(Email),
}

impl<Id: Referred> Field for Ref<Id> {
    type Value = Self;
    const POSITIONAL: &'static str = "ID|EMAIL";
    const FLAGS: Flags = &[
        ("id", "ID", Id::ID_HELP),
        ("email", "EMAIL", Id::EMAIL_HELP),
    ];
    const HELP: &'static str = Id::HELP;

    fn parser(flag: Option<&'static str>) -> ValueParser {
        ValueParser::new(move |text: &str| match (text.parse::<Self>(), flag) {
            (Err(_) | Ok(Self::Email(_)), Some("id")) => Err(Id::INVALID_ID),
            (Err(_) | Ok(Self::Id(_)), Some("email")) => Err("must be an email address"),
            (found, _) => found,
        })
    }
}

impl<Id: Referred> FromStr for Ref<Id> {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(id) = text.parse() {
            return Ok(Self::Id(id));
        }
        let email = Email::parse(text).map(Self::Email);
        email.map_err(|_| Id::INVALID)
    }
}

/// A user by ID or by email address.
pub(super) type UserRef = Ref<UserId>;

impl Referred for UserId {
    const ID_HELP: &'static str = "User ID (usr_…)";
    const EMAIL_HELP: &'static str = "Email address of the user";
    const HELP: &'static str = "ID or email address of the user";
    const INVALID_ID: &'static str = "must be a user ID: usr_ and 32 hexadecimal digits";
    const INVALID: &'static str =
        "must be a user ID (usr_ and 32 hexadecimal digits) or an email address";
}

/// Returns the user's ID; an email address is looked up among all users.
pub(super) fn id_of(user: &UserRef, session: &Session) -> Result<UserId, Failure> {
    match user {
        UserRef::Id(id) => Ok(*id),
        UserRef::Email(email) => parse_id(&by_email(email, session)?),
    }
}

/// Returns the user.
pub(super) fn find(user: &UserRef, session: &Session) -> Result<User, Failure> {
    match user {
        UserRef::Id(id) => session.call(|client| client.user_get(*id)),
        UserRef::Email(email) => by_email(email, session),
    }
}

/// Parses the ID of a user that the server returned.
pub(super) fn parse_id(user: &User) -> Result<UserId, Failure> {
    user.id.parse().map_err(|_| {
        let message = "the server returned an invalid user ID";
        Failure::unexpected(message)
    })
}

fn by_email(email: &Email, session: &Session) -> Result<User, Failure> {
    let key = email.key();
    let fetch = |query: &_| session.call(|client| client.users_list(&UserQuery::default(), query));
    for page in pages(MAX_PAGE, fetch) {
        let mut users = page?.items.into_iter();
        if let Some(user) = users.find(|user: &User| Email::from_stored(&user.email).key() == key) {
            return Ok(user);
        }
    }
    let shown = redact(&plain(email.as_str()));
    let message = format!("no user with the email address {shown}");
    Err(Failure::of("not_found", message).next(LIST))
}

/// Formats an email address with the scripts that it, or the user's name, mixes.
pub(super) fn marked(email: &str, mixed_scripts: &[String]) -> String {
    let email = plain(email);
    if mixed_scripts.is_empty() {
        return email;
    }
    format!(
        "{email} (mixed scripts: {})",
        plain(&mixed_scripts.join(", "))
    )
}

/// Formats a token's owner: the email address, or else the name, or else the ID.
pub(super) fn owner(user: &MeUser) -> String {
    let shown = user.email.as_ref().or(user.name.as_ref());
    plain(shown.unwrap_or(&user.id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_an_id_or_an_email_address() {
        assert!(matches!(
            "usr_0199f3a1c6d07c35b2f0e8a4d1c7b9e2".parse(),
            Ok(UserRef::Id(_))
        ));
        assert!(matches!(
            "ada@example.com".parse(),
            Ok(UserRef::Email(email)) if email.as_str() == "ada@example.com"
        ));
        for text in ["", "Ada", "usr_1", "pat_0199f3a1c6d07c35b2f0e8a4d1c7b9e2"] {
            assert_eq!(text.parse::<UserRef>(), Err(UserId::INVALID), "{text}");
        }
    }
}
