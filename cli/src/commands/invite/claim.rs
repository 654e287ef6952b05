use openindex_adapters_http::client::{BaseUrl, Client};
use openindex_adapters_http::wire::{ClaimInvite, ClaimedInvite, Pat, PlainSecret, User};
use openindex_domain::token::TokenName;
use openindex_domain::user::{Email, Password, PersonName};
use serde::Serialize;
use zeroize::Zeroizing;

use crate::app::App;
use crate::commands::once::{self, Shown, Undo, require_reader};
use crate::commands::profile::check_name;
use crate::config::{Config, Profile};
use crate::environment;
use crate::error::{CliError, Failure};
use crate::exit_code::ExitCode;
use crate::field::{Field, One};
use crate::prompt;
use crate::render::{Style, expiry, fields, plain, word};
use crate::resolve::profile_server;
use clap::Arg;

use super::link::Link;
use super::place::{self, Place};

/// What a first token is called when nobody says it.
const TOKEN_NAME: &str = "oi";

/// The link, or the code in it.
struct Code;

impl Field for Code {
    type Value = String;
    const PLACE: &'static str = "CODE|URL|-";
    const FLAGS: &'static [(&'static str, &'static str, &'static str)] = &[(
        "code",
        "CODE|URL|-",
        "Invite link, or the code in it; - prompts for it, or reads standard input",
    )];

    fn dress(arg: Arg) -> Arg {
        arg.allow_hyphen_values(true)
    }
}

/// What to claim, and as whom.
#[derive(clap::Args)]
#[command(after_help = "\
A password is for the web interface, a token for everything else; one of them is required. With
--use the token goes into the profile, which must not have one yet, and is not shown. Without it,
the token is shown in this one answer and never again. The server is the one that the link leads
to; for a code alone it is the one that other commands would use.

Examples:
  oi invite claim https://openindex.example.com/join/… --name 'Grace Hopper' --use
  oi invite claim - --name 'Grace Hopper' --use --profile work < link.txt
  oi invite claim https://openindex.example.com/join/… --name 'Grace Hopper' --password -")]
pub(crate) struct Args {
    #[command(flatten)]
    invite: One<Code>,
    /// What you are called
    #[arg(long)]
    name: String,
    /// Your email address; required of the first administrator
    #[arg(long)]
    email: Option<String>,
    /// Set a password: - asks for it twice, or reads it from standard input
    #[arg(long, value_name = "-")]
    password: Option<String>,
    /// Issue a first token of this name
    #[arg(long, value_name = "NAME")]
    token_name: Option<String>,
    /// Issue a first token, keep it in the profile, and make that the current one
    #[arg(long = "use")]
    make_current: bool,
    /// Print the token and nothing else, for a pipe or a variable
    #[arg(long, conflicts_with_all = ["json", "make_current"], requires = "token_name")]
    token_only: bool,
}

impl std::fmt::Debug for Args {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Args")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// Who has joined, and where their token is.
#[derive(Serialize)]
struct Answer<'a> {
    user: &'a User,
    pat: Option<&'a Pat>,
    /// Null when it is in the profile.
    token: Option<&'a PlainSecret>,
    /// The profile that it is in.
    profile: Option<&'a str>,
}

pub(super) fn run(args: &Args, app: &mut App<'_>) -> Result<(), CliError> {
    let name =
        PersonName::parse(&args.name).map_err(|error| Failure::usage(format!("--name {error}")))?;
    let email = args.email.as_deref().map(Email::parse).transpose();
    let email = email.map_err(|error| Failure::usage(format!("--email {error}")))?;
    let token_name = token_name(args)?;
    let wants_password = wants_password(args)?;
    if token_name.is_none() && !wants_password {
        let message = "nothing to sign in with; give --use, --token-name or --password -";
        return Err(Failure::usage(message).into());
    }
    if args.invite.0 == "-" && wants_password && !prompt::can_ask_hidden() {
        let message = "the link and the password cannot both be read from standard input";
        return Err(Failure::usage(message).into());
    }
    if token_name.is_some() && !args.make_current {
        require_reader()?;
    }
    let link = link(&args.invite.0)?;
    let config = app.config()?;
    let server = place::find(&link, app, &config)?;
    let profile = if args.make_current {
        Some(free_profile(&server.app_url, app, &config)?)
    } else {
        None
    };
    let mut person = vec![name.as_str()];
    person.extend(email.as_ref().map(Email::as_str));
    let password = if wants_password {
        Some(password(&person)?)
    } else {
        None
    };
    if let Some(note) = &server.note {
        app.out.note(note);
    }
    let client = app.client(&server.api_url, None)?;
    let claimed = claim(
        &client,
        &ClaimInvite {
            code: PlainSecret::new(link.code.expose()),
            name,
            email,
            password,
            token_name,
        },
    )?;
    let kept = match (&profile, &claimed.token) {
        (Some(profile), Some(token)) => Some(keep(profile, token, &server, app)),
        _ => None,
    };
    finish(args, app, &server, &claimed, profile.as_deref(), kept)
}

fn token_name(args: &Args) -> Result<Option<TokenName>, Failure> {
    let text = args.token_name.as_deref();
    text.or(args.make_current.then_some(TOKEN_NAME))
        .map(TokenName::parse)
        .transpose()
        .map_err(|error| Failure::usage(format!("--token-name {error}")))
}

/// Not quoted: it may be the password.
fn wants_password(args: &Args) -> Result<bool, Failure> {
    match args.password.as_deref() {
        None => Ok(false),
        Some("-") => Ok(true),
        Some(_) => Err(Failure::usage(
            "others on this machine can see a password on the command line, and the shell's \
             history keeps it; --password - asks for it, or reads it from standard input",
        )),
    }
}

fn link(text: &str) -> Result<Link, CliError> {
    if text == "-" {
        return Ok(Link::parse(&prompt::read_hidden("Link (not shown): ")?)?);
    }
    Ok(Link::parse(text)?)
}

/// A password that may be chosen, as far as this can be known here; the server knows the rest.
fn password(person: &[&str]) -> Result<Password, CliError> {
    let check = |text: &Zeroizing<String>| -> Result<Password, Failure> {
        let refused = |reason: &dyn std::fmt::Display| {
            let mut failure = Failure::usage(format!("the password {reason}"));
            "weak_password".clone_into(&mut failure.code);
            failure
        };
        let password = Password::parse(text).map_err(|error| refused(&error))?;
        password
            .check_new(person)
            .map_err(|error| refused(&error))?;
        Ok(password)
    };
    let text = prompt::read_hidden("Password (not shown, at least 15 characters): ")?;
    let password = check(&text)?;
    if prompt::can_ask_hidden() && *prompt::read_hidden("The same again: ")? != *text {
        let message = "the two passwords differ; nothing was claimed";
        return Err(Failure::usage(message).into());
    }
    Ok(password)
}

/// The profile to keep the token in. It is made sure of before the invite is used up that nothing
/// is lost there: a token cannot be shown again, and a server may have no other profile.
fn free_profile(app_url: &BaseUrl, app: &App<'_>, config: &Config) -> Result<String, Failure> {
    let name = app.sources(Ok(config)).profile_name()?;
    check_name(&name)?;
    let taken = |why: String| {
        Failure::usage(format!("the profile {name} {why}; nothing was claimed"))
            .hint("name another one with --profile NAME")
            .next("oi profile list")
    };
    let Some(profile) = config.profiles.get(&name) else {
        return Ok(name);
    };
    if profile.token.is_some() {
        return Err(taken("has a token".to_owned()));
    }
    match profile_server(&name, profile)? {
        Some(server) if !server.app_url.same_origin(app_url) => {
            Err(taken(format!("is for {}", server.app_url)))
        }
        _ => Ok(name),
    }
}

fn claim(client: &Client, wanted: &ClaimInvite) -> Result<ClaimedInvite, Failure> {
    client.invite_claim(wanted).map_err(|error| {
        let failure = Failure::from(error);
        // Nobody has a token to look with yet.
        if failure.may_be_done() {
            return failure.also(
                "try again; if the invite is used up, ask an administrator for a sign-in link",
            );
        }
        failure
    })
}

fn keep(name: &str, token: &PlainSecret, server: &Place, app: &App<'_>) -> Result<(), CliError> {
    app.store.update(|config| {
        let profile = config.profiles.entry(name.to_owned()).or_default();
        // Somebody else may have set a token meanwhile: theirs stays.
        if profile.token.is_some() {
            let message = format!("the profile {name} was changed meanwhile");
            return Err(Failure::new(ExitCode::Failure, "profile_changed", message).into());
        }
        *profile = Profile {
            app_url: Some(server.app_url.to_string()),
            api_url: Some(server.api_url.to_string()),
            token: Some(PlainSecret::new(token.expose())),
            ..std::mem::take(profile)
        };
        config.current_profile = Some(name.to_owned());
        Ok(())
    })
}

fn finish(
    args: &Args,
    app: &mut App<'_>,
    server: &Place,
    claimed: &ClaimedInvite,
    profile: Option<&str>,
    kept: Option<Result<(), CliError>>,
) -> Result<(), CliError> {
    let stored = matches!(kept, Some(Ok(())));
    let shown = claimed.token.as_ref().filter(|_| !stored);
    let answer = Answer {
        user: &claimed.user,
        pat: claimed.pat.as_ref(),
        token: shown,
        profile: profile.filter(|_| stored),
    };
    let text = |style: &Style| human(&answer, &server.app_url, style);
    if let Some(token) = shown {
        let once = Shown {
            document: &answer,
            secret: token,
            secret_only: args.token_only,
            warning: "Copy it now. It is not shown again, and whoever has it can act as you.",
        };
        once::show(app, &once, text, undo(claimed, token, server, app))?;
    } else {
        app.out.answer(&answer, text)?;
    }
    if stored && !matches!(app.environment.get(environment::TOKEN), Ok(None)) {
        let variable = environment::TOKEN;
        app.out.warn(&format!(
            "{variable} is set, and is over the profile's token"
        ));
    }
    let Some(Err(error)) = kept else {
        return Ok(());
    };
    // The answer is given, and it holds the token: this must not be a second document.
    if let CliError::Failure(failure) = error {
        app.out.warn(&format!(
            "the token is not in the profile: {}; store it with oi profile set --token -",
            failure.message
        ));
    }
    Err(CliError::Reported(ExitCode::Failure))
}

/// Revokes a first token that nobody has seen. The account stays.
fn undo<'a>(
    claimed: &'a ClaimedInvite,
    token: &'a PlainSecret,
    server: &'a Place,
    app: &App<'_>,
) -> Undo<'a> {
    let id = claimed.pat.as_ref().map(|pat| pat.id.as_str());
    let email = plain(&claimed.user.email);
    Undo {
        then: Some(format!(
            "the account {email} was created: ask an administrator for a sign-in link, unless you \
             set a password"
        )),
        ..Undo::of_token(id.unwrap_or_default(), token, &server.api_url, app)
    }
}

fn human(answer: &Answer<'_>, app_url: &BaseUrl, style: &Style) -> String {
    let user = answer.user;
    let mut rows = vec![
        ("server", plain(app_url.as_str())),
        ("id", plain(&user.id)),
        ("role", word(&user.role)),
    ];
    if let Some(pat) = answer.pat {
        rows.push((
            "token",
            format!("{} ({})", plain(&pat.name), plain(&pat.id)),
        ));
        rows.push(("scope", word(&pat.scope)));
        rows.push(("expires", expiry(pat.expires_at.as_deref(), style)));
    }
    if let Some(profile) = answer.profile {
        rows.push(("profile", format!("{} (current)", plain(profile))));
    }
    let who = format!("{} <{}>", plain(&user.name), plain(&user.email));
    format!(
        "{} Welcome, {}\n{}",
        style.done(),
        style.bold(&who),
        fields(&rows, style)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::admin::tests::users;
    use crate::commands::tests::{STYLE, pats};

    #[test]
    fn says_who_has_joined_and_where_the_token_is() {
        let (users, pats) = (users(), pats());
        let answer = Answer {
            user: &users[0],
            pat: Some(&pats[0]),
            token: None,
            profile: Some("work"),
        };
        let url = BaseUrl::parse("https://openindex.example.com").unwrap();
        insta::assert_snapshot!("claimed", human(&answer, &url, &STYLE));
        let answer = Answer {
            pat: None,
            profile: None,
            ..answer
        };
        insta::assert_snapshot!("claimed_with_password", human(&answer, &url, &STYLE));
    }
}
