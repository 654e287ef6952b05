//! `oi me`: shows the current user and token.

use openindex_adapters_http::wire::{Kind, Me, Open};

use crate::commands::prelude::*;

pub(super) fn show(_: &NoArguments, app: &mut App<'_>) -> Result<(), CliError> {
    let session = app.session()?;
    let me = session.call(openindex_adapters_http::client::Client::me)?;
    app.out.print(&me, |style| human(&me, style))
}

pub(super) fn human(me: &Me, style: &Style) -> String {
    let mut rows = vec![("id", plain(&me.user.id)), ("role", word(&me.user.role))];
    rows.extend(token_fields(me, style));
    format!("{}\n{}", style.bold(&who(me)), fields(&rows, style))
}

/// Formats the user as `Ada Lovelace <ada@example.com>`, or as much of it as is known.
pub(super) fn who(me: &Me) -> String {
    match (&me.user.name, &me.user.email) {
        (Some(name), Some(email)) => with_email(name, email),
        (Some(one), None) | (None, Some(one)) => plain(one),
        (None, None) => plain(&me.user.id),
    }
}

/// Returns the rows about the token: its name, kind, scopes and expiry.
pub(super) fn token_fields(me: &Me, style: &Style) -> Vec<(&'static str, String)> {
    let token = &me.token;
    let mut effective = word(&token.effective_scope);
    if token.effective_scope != token.scope {
        let why = format!("limited by role {}", word(&me.user.role));
        effective = format!("{effective} {}", style.yellow(&format!("({why})")));
    }
    let mut rows = vec![
        ("token", with_id(&token.name, &token.id)),
        (
            "kind",
            match token.kind {
                Open::Known(Kind::AgentRun) => "agent run".to_owned(),
                ref kind => word(kind),
            },
        ),
    ];
    if let Some(run) = &token.run {
        rows.push(("agent", plain(&run.agent_id)));
        rows.push(("work item", or(run.work_item_key.as_deref(), "any")));
    }
    rows.extend([
        ("scope", word(&token.scope)),
        ("effective scope", effective),
        ("expires", expiry(token.expires_at.as_deref(), style)),
    ]);
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::tests::{STYLE, me, me_in_a_run};

    #[test]
    fn shows_the_user_and_the_token() {
        insta::assert_snapshot!("me", human(&me(), &STYLE));
        insta::assert_snapshot!("me_in_a_run", human(&me_in_a_run(), &STYLE));
    }
}
