use serde::Serialize;

use crate::app::App;
use crate::commands::{not_confirmed, require_terminal_or_yes};
use crate::config::Config;
use crate::error::{CliError, Failure};
use crate::field::Several;
use crate::prompt;
use crate::render::{Style, masked, plain};
use crate::resolve::profile_not_found;

use super::ProfileName;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Removes the profile and its saved token from the config file. The token stays valid: to revoke it,
run `oi settings personal tokens delete` before you delete the profile.
Asks for confirmation on a terminal; without one, --yes is required.

Examples:
  oi profile delete work
  oi profile delete old older --yes")]
pub(crate) struct Args {
    #[command(flatten)]
    names: Several<ProfileName>,
    /// Skip the confirmation prompt
    #[arg(short, long)]
    yes: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DeleteOutput {
    deleted: Vec<String>,
    /// The profile that commands use from now on; it may not exist.
    current_profile: String,
    #[serde(skip)]
    current_exists: bool,
    #[serde(skip)]
    had_token: bool,
}

pub(super) fn run(args: &Args, app: &mut App<'_>) -> Result<(), CliError> {
    require_terminal_or_yes(args.yes, "deleting")?;
    let mut names = args.names.0.clone();
    names.sort();
    names.dedup();
    let config = app.config()?;
    check(&names, &config)?;
    if !args.yes {
        let style = app.out.message_style();
        if !prompt::confirm(&question(&names, &config, &style))? {
            return Err(not_confirmed("no profile was deleted").into());
        }
    }
    let output = app.store.update(|config| {
        check(&names, config)?;
        Ok(delete(names, config))
    })?;
    if output.had_token {
        app.out.note(
            "a deleted profile's token stays valid until it expires or is revoked; to revoke it: \
             oi settings personal tokens delete",
        );
    }
    app.out.print(&output, |style| human(&output, style))
}

fn check(names: &[String], config: &Config) -> Result<(), Failure> {
    match names
        .iter()
        .find(|name| !config.profiles.contains_key(*name))
    {
        Some(name) => Err(profile_not_found(name)),
        None => Ok(()),
    }
}

/// Removes the profiles. If the current one is among them, the default profile becomes current.
fn delete(names: Vec<String>, config: &mut Config) -> DeleteOutput {
    let mut had_token = false;
    for name in &names {
        let profile = config.profiles.remove(name);
        had_token |= profile.is_some_and(|profile| profile.token.is_some());
        config.current_profile.take_if(|current| current == name);
    }
    let current = config.current_or_default().to_owned();
    DeleteOutput {
        deleted: names,
        current_exists: config.profiles.contains_key(&current),
        current_profile: current,
        had_token,
    }
}

fn question(names: &[String], config: &Config, style: &Style) -> String {
    let lines = names.iter().map(|name| {
        let profile = config.profiles.get(name);
        let token = profile.and_then(|profile| profile.token.as_ref());
        let token = token.map_or_else(|| "no token".to_owned(), |token| masked(token.expose()));
        let current = if name == config.current_or_default() {
            "  (current)"
        } else {
            ""
        };
        format!("  {}  {token}{current}\n", style.bold(&plain(name)))
    });
    let what = match names.len() {
        1 => "this profile".to_owned(),
        count => format!("these {count} profiles"),
    };
    format!(
        "{}Delete {what} from the config file?",
        lines.collect::<String>()
    )
}

fn human(output: &DeleteOutput, style: &Style) -> String {
    let mut lines: Vec<String> = output
        .deleted
        .iter()
        .map(|name| format!("{} Deleted profile {}\n", style.done(), plain(name)))
        .collect();
    let current = style.bold(&plain(&output.current_profile));
    lines.push(if output.current_exists {
        format!("The current profile is {current}\n")
    } else {
        "There is no current profile; choose one with: oi profile use NAME\n".to_owned()
    });
    lines.concat()
}

#[cfg(test)]
mod tests {
    use openindex_adapters_http::wire::PlainSecret;

    use super::*;
    use crate::commands::tests::STYLE;
    use crate::config::Profile;

    fn config() -> Config {
        let mut config = Config {
            current_profile: Some("work".to_owned()),
            ..Config::default()
        };
        for name in ["default", "old", "work"] {
            config.profiles.insert(name.to_owned(), Profile::default());
        }
        let secret = "oi_pat_jZHvxRBv86PcflRJxLvgWo9a_8nw9xGsKx80URWSUagWwm0h";
        let work = config.profiles.entry("work".to_owned()).or_default();
        work.token = Some(PlainSecret::new(secret));
        config
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn the_prompt_shows_the_profiles_and_their_tokens() {
        let config = config();
        let one = question(&names(&["work"]), &config, &STYLE);
        let two = question(&names(&["old", "work"]), &config, &STYLE);
        insta::assert_snapshot!(format!("{one}\n\n{two}\n"));
    }

    #[test]
    fn deleting_the_current_profile_makes_the_default_current() {
        let mut config = config();
        let output = delete(names(&["work"]), &mut config);
        assert_eq!(config.current_profile, None);
        assert!(output.had_token);
        insta::assert_snapshot!(human(&output, &STYLE));
        let output = delete(names(&["default", "old"]), &mut config);
        assert!(!output.had_token);
        assert!(config.profiles.is_empty());
        insta::assert_snapshot!(human(&output, &STYLE));
    }

    #[test]
    fn deleting_another_profile_leaves_the_current_one() {
        let mut config = config();
        let output = delete(names(&["old"]), &mut config);
        assert_eq!(output.current_profile, "work");
        assert_eq!(config.current_profile.as_deref(), Some("work"));
    }
}
