use serde::Serialize;

use crate::app::App;
use crate::error::CliError;
use crate::render::{Style, plain, redact};

use super::{Shown, or_dash};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ListOutput {
    items: Vec<Shown>,
    current_profile: String,
    config_path: String,
}

pub(super) fn run(app: &mut App<'_>) -> Result<(), CliError> {
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
    app.out.print(&output, |style| human(&output, style))
}

fn human(output: &ListOutput, style: &Style) -> String {
    if output.items.is_empty() {
        return "No profiles. Create one with: oi profile set --app-url URL --token -\n".to_owned();
    }
    let names = output
        .items
        .iter()
        .map(|item| item.name.len())
        .max()
        .unwrap_or(0);
    let lines = output.items.iter().map(|item| {
        let name = format!("{:names$}", plain(&item.name));
        let (mark, name) = if item.current {
            (style.green("*"), style.bold(&name))
        } else {
            (" ".to_owned(), name)
        };
        let token = item.token.as_deref().unwrap_or("no token");
        format!(
            "{mark} {name}  {}  {}\n",
            or_dash(item.app_url.as_ref()),
            style.dim(token)
        )
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
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
        insta::assert_snapshot!("profiles", human(&output, &STYLE));
        output.items.clear();
        insta::assert_snapshot!("profiles_none", human(&output, &STYLE));
    }
}
