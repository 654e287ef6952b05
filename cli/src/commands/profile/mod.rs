//! `oi profile`: manages profiles (server URL and token).

mod set;
mod shown;

pub(crate) use shown::check_name;

use serde::Serialize;
use serde_json::json;

use crate::commands::prelude::*;
use crate::config::Config;
use crate::environment;
use crate::render::widest;
use crate::resolve::profile_not_found;
use set::Set;
use shown::{ProfileName, Shown, rows};

commands! {
    /// List profiles
    #[command(visible_alias = "ls")]
    #[command(after_help = "Examples:\n  oi profile list")]
    List(NoArguments) -> "ProfileList" = list,
    /// Show a profile, with its token masked
    #[command(alias = "get")]
    #[command(after_help = "\
Without NAME, shows the current profile.

Examples:
  oi profile show
  oi profile show work")]
    Show(Optional<ProfileName>) -> "Profile" = show,
    /// Create or change a profile
    Set(Set) -> "ProfileSet" = set::run,
    /// Set the current profile
    #[command(after_help = "Examples:\n  oi profile use work")]
    Use(One<ProfileName>) -> "ProfileUse" = switch,
    /// Delete profiles; their tokens stay valid
    #[command(visible_alias = "rm")]
    #[command(after_help = "\
Removes the profile and its saved token from the config file. The token stays valid: to revoke it,
run `oi settings personal tokens delete` before you delete the profile.
Asks for confirmation on a terminal; without one, --yes is required.

Examples:
  oi profile delete work
  oi profile delete old older --yes")]
    Delete(Confirmed<Several<ProfileName>>) -> "ProfileDelete" = delete_all,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ListOutput {
    items: Vec<Shown>,
    current_profile: String,
    config_path: String,
}

fn list(_: &NoArguments, app: &mut App<'_>) -> Result<(), CliError> {
    let config = app.config()?;
    let current_profile = match app.sources(Ok(&config)).profile_name() {
        Ok(name) => name,
        // Still list the profiles, so that the user can choose one.
        Err(failure) => {
            app.out.warn(&failure.message);
            config.current_or_default().to_owned()
        }
    };
    let output = ListOutput {
        items: config
            .profiles
            .iter()
            .map(|(name, profile)| Shown::new(name, *name == current_profile, profile))
            .collect(),
        current_profile: redact(&current_profile),
        config_path: app.store.file()?.display().to_string(),
    };
    app.out.print(&output, |style| list_text(&output, style))
}

fn list_text(output: &ListOutput, style: &Style) -> String {
    if output.items.is_empty() {
        return "No profiles. Create one with: oi profile set --app-url URL --token -\n".to_owned();
    }
    let names = widest(output.items.iter().map(|item| item.name.as_str()));
    let lines = output.items.iter().map(|item| {
        let name = format!("{:names$}", plain(&item.name));
        let (mark, name) = if item.current {
            (style.green("*"), style.bold(&name))
        } else {
            (" ".to_owned(), name)
        };
        let token = style.dim(item.token.as_deref().unwrap_or("no token"));
        let app_url = or(item.app_url.as_deref(), "-");
        format!("{mark} {name}  {app_url}  {token}\n")
    });
    lines.collect()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShowOutput {
    #[serde(flatten)]
    profile: Shown,
    config_path: String,
}

fn show(name: &Optional<ProfileName>, app: &mut App<'_>) -> Result<(), CliError> {
    let config = app.config()?;
    let active = app.sources(Ok(&config)).profile_name();
    let (name, active) = match (&name.0, active) {
        // An invalid default profile does not matter here.
        (Some(name), active) => (name.clone(), active.ok()),
        (None, active) => active.map(|name| (name.clone(), Some(name)))?,
    };
    let name = &name;
    let profile = config.profiles.get(name);
    let profile = profile.ok_or_else(|| missing(name, config.profiles.is_empty()))?;
    let output = ShowOutput {
        profile: Shown::new(name, active.as_ref() == Some(name), profile),
        config_path: app.store.file()?.display().to_string(),
    };
    app.out.print(&output, |style| {
        let shown = &output.profile;
        let rows = rows(
            shown.app_url.as_deref(),
            (&shown.api_url, shown.api_resolution_source),
            shown.token.as_deref(),
            shown.agent_id.as_deref(),
            &output.config_path,
        );
        let current = if shown.current { " (current)" } else { "" };
        let name = style.bold(&plain(&shown.name));
        format!("{name}{current}\n{}", fields(&rows, style))
    })
}

fn missing(name: &str, none_at_all: bool) -> Failure {
    let failure = profile_not_found(name);
    if none_at_all {
        failure.next("oi profile set --app-url https://openindex.example.com --token -")
    } else {
        failure
    }
}

fn switch(name: &One<ProfileName>, app: &mut App<'_>) -> Result<(), CliError> {
    let name = &name.0;
    // Check first, so that a mistyped name does not create the file.
    check([name], &app.config()?)?;
    app.store.update(|config| {
        check([name], config)?;
        config.current_profile = Some(name.clone());
        Ok(())
    })?;
    let variable = environment::PROFILE;
    match app.environment.get(variable) {
        Ok(Some(other)) if other != *name => app.out.warn(&format!(
            "{variable} is set to {other}, which overrides the current profile"
        )),
        Ok(_) => {}
        Err(failure) => app.out.warn(&failure.message),
    }
    app.out.print(&json!({ "currentProfile": name }), |style| {
        done("The current profile is", &plain(name), &[], style)
    })
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

fn delete_all(args: &Confirmed<Several<ProfileName>>, app: &mut App<'_>) -> Result<(), CliError> {
    args.yes.require("deleting")?;
    let mut names = args.what.0.clone();
    names.sort();
    names.dedup();
    let config = app.config()?;
    check(&names, &config)?;
    args.yes.ask("no profile was deleted", || {
        Ok(question(&names, &config, &app.out.message_style()))
    })?;
    let output = app.store.update(|config| {
        check(&names, config)?;
        Ok(delete(names, config))
    })?;
    if output.had_token {
        app.out.note(
            "a deleted profile's token stays valid until it expires or is revoked; to revoke \
             it: oi settings personal tokens delete",
        );
    }
    app.out.print(&output, |style| deleted_text(&output, style))
}

/// Fails if a profile does not exist.
fn check<'a>(names: impl IntoIterator<Item = &'a String>, config: &Config) -> Result<(), Failure> {
    let mut names = names.into_iter();
    let missing = names.find(|name| !config.profiles.contains_key(*name));
    missing.map_or(Ok(()), |name| Err(profile_not_found(name)))
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
        let is_current = name == config.current_or_default();
        let current = if is_current { "  (current)" } else { "" };
        format!("  {}  {token}{current}\n", style.bold(&plain(name)))
    });
    let lines: String = lines.collect();
    let what = match names.len() {
        1 => "this profile".to_owned(),
        count => format!("these {count} profiles"),
    };
    format!("{lines}Delete {what} from the config file?")
}

fn deleted_text(output: &DeleteOutput, style: &Style) -> String {
    let deleted = output.deleted.iter();
    let lines = deleted.map(|name| format!("{} Deleted profile {}\n", style.done(), plain(name)));
    let current = style.bold(&plain(&output.current_profile));
    let last = if output.current_exists {
        format!("The current profile is {current}\n")
    } else {
        "There is no current profile; choose one with: oi profile use NAME\n".to_owned()
    };
    lines.chain([last]).collect()
}

#[cfg(test)]
mod tests {
    use openindex_adapters_http::wire::PlainSecret;

    use super::*;
    use crate::commands::tests::STYLE;
    use crate::config::Profile;

    #[test]
    fn marks_the_current_profile_and_masks_tokens() {
        let secret = "oi_pat_jZHvxRBv86PcflRJxLvgWo9a_8nw9xGsKx80URWSUagWwm0h";
        let work = Profile {
            app_url: Some("https://openindex.example.com".to_owned()),
            token: Some(openindex_adapters_http::wire::PlainSecret::new(secret)),
            ..Profile::default()
        };
        let mut output = ListOutput {
            items: vec![
                Shown::new("local", false, &Profile::default()),
                Shown::new("work", true, &work),
            ],
            current_profile: "work".to_owned(),
            config_path: "/c".to_owned(),
        };
        insta::assert_snapshot!("profiles", list_text(&output, &STYLE));
        output.items.clear();
        insta::assert_snapshot!("profiles_none", list_text(&output, &STYLE));
    }

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
        insta::assert_snapshot!(deleted_text(&output, &STYLE));
        let output = delete(names(&["default", "old"]), &mut config);
        assert!(!output.had_token);
        assert!(config.profiles.is_empty());
        insta::assert_snapshot!(deleted_text(&output, &STYLE));
    }

    #[test]
    fn deleting_another_profile_leaves_the_current_one() {
        let mut config = config();
        let output = delete(names(&["old"]), &mut config);
        assert_eq!(output.current_profile, "work");
        assert_eq!(config.current_profile.as_deref(), Some("work"));
    }
}
