use openindex_adapters_http::client::{BaseUrl, Client};
use openindex_adapters_http::wire::{ClaimInvite, ClaimedInvite, Pat, PlainSecret, User};
use openindex_domain::token::TokenName;
use openindex_domain::user::{Email, Password, PersonName};
use serde::Serialize;
use zeroize::Zeroizing;

use crate::commands::prelude::*;
use crate::commands::profile::check_name;
use crate::config::{Config, Profile};
use crate::environment;
use crate::exit_code::ExitCode;
use crate::hidden::leave_interrupts;
use crate::prompt;
use crate::resolve::{profile_changed, profile_server};
use clap::Arg;

use super::link::Link;
use super::server::{self, ClaimServer};

/// The default name of the first token.
const TOKEN_NAME: &str = "oi";

/// The invite's link or code.
struct Code;

impl Field for Code {
    type Value = String;
    const POSITIONAL: &'static str = "CODE|URL|-";
    const FLAGS: Flags = &[(
        "code",
        "CODE|URL|-",
        "Invite link, or its code; - prompts for it, or reads it from standard input",
    )];

    fn customize(arg: Arg) -> Arg {
        arg.allow_hyphen_values(true)
    }
}

#[derive(clap::Args)]
#[command(after_help = "\
Set a password (for the web interface), create a token (for oi and the API), or both. With --use,
the token is saved in the profile, which must not have one yet, and is not shown. Without --use, it
is shown only once. The server comes from the link; with only a code, oi uses the configured server.

Examples:
  oi invite claim https://openindex.example.com/join/… --name 'Grace Hopper' --use
  oi invite claim - --name 'Grace Hopper' --use --profile work < link.txt
  oi invite claim https://openindex.example.com/join/… --name 'Grace Hopper' --password -")]
pub(crate) struct Claim {
    #[command(flatten)]
    invite: One<Code>,
    /// Your display name
    #[arg(long)]
    name: String,
    /// Your email address; only required for the first administrator
    #[arg(long)]
    email: Option<String>,
    /// Set a password: - prompts for it twice, or reads it from standard input
    #[arg(long, value_name = "-")]
    password: Option<String>,
    /// Create a token with this name
    #[arg(long, value_name = "NAME")]
    token_name: Option<String>,
    /// Create a token, save it in the profile, and make the profile current
    #[arg(long = "use")]
    make_current: bool,
    /// Print only the token, for a pipe or a variable
    #[arg(long, conflicts_with_all = ["json", "make_current"], requires = "token_name")]
    token_only: bool,
}

impl std::fmt::Debug for Claim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Claim")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

#[derive(Serialize)]
struct ClaimOutput<'a> {
    user: &'a User,
    pat: Option<&'a Pat>,
    /// `None` if it was saved in the profile, or if none was created.
    token: Option<&'a PlainSecret>,
    /// The profile that the token was saved in.
    profile: Option<&'a str>,
}

pub(super) fn run(args: &Claim, app: &mut App<'_>) -> Result<(), CliError> {
    let name = PersonName::parse(&args.name).named("--name")?;
    let email = args.email.as_deref().map(Email::parse).transpose();
    let email = email.named("--email")?;
    let token_name = token_name(args)?;
    let sets_password = sets_password(args)?;
    if token_name.is_none() && !sets_password {
        let message = "nothing to sign in with; pass --use, --token-name or --password -";
        return Err(Failure::usage(message).into());
    }
    if args.invite.0 == "-" && sets_password && !prompt::can_ask_hidden() {
        let message = "the link and the password cannot both be read from standard input";
        return Err(Failure::usage(message).into());
    }
    let shows_token = token_name.is_some() && !args.make_current;
    if shows_token {
        require_writable_stdout()?;
    }
    let link = link(&args.invite.0)?;
    let config = app.config()?;
    let server = server::find(&link, app, &config)?;
    let profile = args.make_current;
    let profile = profile.then(|| free_profile(&server.app_url, app, &config));
    let profile = profile.transpose()?;
    let mut person = vec![name.as_str()];
    person.extend(email.as_ref().map(Email::as_str));
    let password = sets_password.then(|| password(&person)).transpose()?;
    if let Some(note) = &server.note {
        app.out.note(note);
    }
    let client = app.client(&server.api_url, None)?;
    if shows_token {
        leave_interrupts();
    }
    let request = ClaimInvite {
        code: PlainSecret::new(link.code.expose()),
        name,
        email,
        password,
        token_name,
    };
    let claimed = claim(&client, &request)?;
    let saved = match (&profile, &claimed.token) {
        (Some(profile), Some(token)) => Some(save_to_profile(profile, token, &server, app)),
        _ => None,
    };
    finish(args, app, &server, &claimed, profile.as_deref(), saved)
}

fn token_name(args: &Claim) -> Result<Option<TokenName>, Failure> {
    let text = args.token_name.as_deref();
    text.or(args.make_current.then_some(TOKEN_NAME))
        .map(TokenName::parse)
        .transpose()
        .named("--token-name")
}

/// Returns whether to set a password. An invalid value is not quoted: it may be the password.
fn sets_password(args: &Claim) -> Result<bool, Failure> {
    match args.password.as_deref() {
        None => Ok(false),
        Some("-") => Ok(true),
        Some(_) => Err(Failure::usage(
            "a password on the command line is visible to other users and saved in shell history; \
             --password - prompts for it, or reads it from standard input",
        )),
    }
}

fn link(text: &str) -> Result<Link, CliError> {
    if text != "-" {
        return Ok(Link::parse(text)?);
    }
    let text = prompt::read_hidden("Invite link (input hidden): ")?;
    Ok(Link::parse(&text)?)
}

/// Reads a new password, and checks the rules that do not depend on the server.
fn password(person: &[&str]) -> Result<Password, CliError> {
    let check = |text: &Zeroizing<String>| -> Result<Password, Failure> {
        let rejected = |reason: &dyn std::fmt::Display| {
            let message = format!("password {reason}");
            Failure::new(ExitCode::Usage, "weak_password", message)
        };
        let password = Password::parse(text).map_err(|error| rejected(&error))?;
        let checked = password.check_new(person);
        checked.map_err(|error| rejected(&error)).map(|()| password)
    };
    let text = prompt::read_hidden("Password (at least 15 characters, input hidden): ")?;
    let password = check(&text)?;
    if prompt::can_ask_hidden() && *prompt::read_hidden("Repeat password: ")? != *text {
        let message = "the passwords do not match; the invite was not claimed";
        return Err(Failure::usage(message).into());
    }
    Ok(password)
}

/// Returns the profile to save the token in. It must not have a token or another server, which
/// would be lost; this is checked before the invite is used.
fn free_profile(app_url: &BaseUrl, app: &App<'_>, config: &Config) -> Result<String, Failure> {
    let name = app.sources(Ok(config)).profile_name()?;
    check_name(&name)?;
    let taken = |why: String| {
        Failure::usage(format!("profile {name} {why}; the invite was not claimed"))
            .hint("choose another profile with --profile NAME")
            .next("oi profile list")
    };
    let profile = config.profiles.get(&name);
    if profile.is_some_and(|profile| profile.token.is_some()) {
        return Err(taken("already has a token".to_owned()));
    }
    match profile_server(config, &name)? {
        Some(server) if !server.app_url.same_origin(app_url) => {
            Err(taken(format!("is for {}", server.app_url)))
        }
        _ => Ok(name),
    }
}

fn claim(client: &Client, request: &ClaimInvite) -> Result<ClaimedInvite, Failure> {
    client.invite_claim(request).map_err(|error| {
        let failure = Failure::from(error);
        // The user has no token yet to check whether the account was created.
        if failure.may_have_taken_effect() {
            return failure.prepend_hint(
                "try again; if the invite has been used, ask an administrator for a sign-in link",
            );
        }
        failure
    })
}

fn save_to_profile(
    name: &str,
    token: &PlainSecret,
    server: &ClaimServer,
    app: &App<'_>,
) -> Result<(), CliError> {
    app.store.update(|config| {
        let profile = config.profiles.entry(name.to_owned()).or_default();
        // Do not overwrite a token that another process has saved since.
        if profile.token.is_some() {
            return Err(profile_changed(name).into());
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
    args: &Claim,
    app: &mut App<'_>,
    server: &ClaimServer,
    claimed: &ClaimedInvite,
    profile: Option<&str>,
    saved: Option<Result<(), CliError>>,
) -> Result<(), CliError> {
    let is_saved = matches!(saved, Some(Ok(())));
    let shown = claimed.token.as_ref().filter(|_| !is_saved);
    let output = ClaimOutput {
        user: &claimed.user,
        pat: claimed.pat.as_ref(),
        token: shown,
        profile: profile.filter(|_| is_saved),
    };
    let text = |style: &Style| human(&output, &server.app_url, style);
    if let Some(token) = shown {
        let undo = undo(claimed, token, server, app);
        let secret = (token, args.token_only, once::WARNING);
        once::show(app, &output, secret, text, undo)?;
    } else {
        app.out.print(&output, text)?;
    }
    if is_saved && !matches!(app.environment.get(environment::TOKEN), Ok(None)) {
        let variable = environment::TOKEN;
        let warning = format!("{variable} is set and overrides the profile's token");
        app.out.warn(&warning);
    }
    let Some(Err(error)) = saved else {
        return Ok(());
    };
    let what = "the token was not saved in the profile";
    Err(once::unsaved(app, error, what, "it"))
}

/// Returns how to revoke a first token that was not shown. The account stays.
fn undo<'a>(
    claimed: &'a ClaimedInvite,
    token: &'a PlainSecret,
    server: &'a ClaimServer,
    app: &App<'_>,
) -> Undo<'a> {
    let id = claimed.pat.as_ref().map(|pat| pat.id.as_str());
    let email = plain(&claimed.user.email);
    Undo {
        consequence: Some(format!(
            "the account {email} was created; unless you set a password, ask an administrator for \
             a sign-in link"
        )),
        ..Undo::revoke_token(id.unwrap_or_default(), token, &server.api_url, app)
    }
}

fn human(output: &ClaimOutput<'_>, app_url: &BaseUrl, style: &Style) -> String {
    let user = output.user;
    let mut rows = vec![
        ("server", plain(app_url.as_str())),
        ("id", plain(&user.id)),
        ("role", word(&user.role)),
    ];
    if let Some(pat) = output.pat {
        rows.push(("token", with_id(&pat.name, &pat.id)));
        rows.push(("scope", word(&pat.scope)));
        rows.push(("expires", expiry(pat.expires_at.as_deref(), style)));
    }
    let profile = output.profile;
    rows.extend(profile.map(|name| ("profile", format!("{} (current)", plain(name)))));
    let who = with_email(&user.name, &user.email);
    done("Welcome,", &who, &rows, style)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::admin::tests::users;
    use crate::commands::tests::{STYLE, pats};

    #[test]
    fn shows_the_new_user_and_where_the_token_is() {
        let (users, pats) = (users(), pats());
        let output = ClaimOutput {
            user: &users[0],
            pat: Some(&pats[0]),
            token: None,
            profile: Some("work"),
        };
        let url = BaseUrl::parse("https://openindex.example.com").unwrap();
        insta::assert_snapshot!("claimed", human(&output, &url, &STYLE));
        let output = ClaimOutput {
            pat: None,
            profile: None,
            ..output
        };
        insta::assert_snapshot!("claimed_with_password", human(&output, &url, &STYLE));
    }
}
