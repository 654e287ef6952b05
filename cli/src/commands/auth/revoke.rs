//! `oi auth revoke`: deletes the token in use.

use openindex_adapters_http::client::Client;
use openindex_adapters_http::wire::Me;
use openindex_domain::token::TokenKind;
use serde::Serialize;

use crate::commands::me::token_fields;
use crate::commands::prelude::*;
use crate::exit_code::ExitCode;
use crate::parts::own_token;
use crate::resolve::TokenSource;

#[derive(Serialize)]
struct RevokeOutput {
    revoked: String,
    source: String,
    /// The profile that the token was removed from.
    profile: Option<String>,
}

pub(super) fn run(yes: &Confirmation, app: &mut App<'_>) -> Result<(), CliError> {
    yes.require("revoking")?;
    let session = app.session()?;
    let me = session.call(Client::me)?;
    let kind = session.credential.secret.kind();
    yes.ask("the token was not revoked", || {
        Ok(question(&me, kind, &app.out.message_style()))
    })?;
    session.change("oi auth check", Client::own_token_delete)?;
    let removed = match own_token::replace(app, &session, None) {
        // The profile has another token by now, which may be valid.
        Err(CliError::Failure(failure)) if failure.code == "profile_changed" => Ok(None),
        removed => removed,
    };
    let output = RevokeOutput {
        revoked: me.token.id,
        source: session.credential.source.to_string(),
        profile: removed.as_ref().ok().cloned().flatten(),
    };
    let name = plain(&me.token.name);
    app.out.print(&output, |style| {
        let (mark, name, id) = (style.done(), style.bold(&name), plain(&output.revoked));
        match kind {
            TokenKind::Personal => format!("{mark} Revoked token {name} ({id})\n"),
            TokenKind::AgentRun => format!("{mark} Ended the agent run of {name} ({id})\n"),
        }
    })?;
    if let (Err(CliError::Failure(failure)), TokenSource::Profile(name)) =
        (removed, &session.credential.source)
    {
        app.out.warn(&format!(
            "profile {name} still has the revoked token: {}; remove it with: oi profile set {name} \
             --clear-token",
            failure.message
        ));
        return Err(CliError::Reported(ExitCode::Failure));
    }
    app.out
        .note(&next_step(&session, output.profile.as_deref()));
    Ok(())
}

fn question(me: &Me, kind: TokenKind, style: &Style) -> String {
    let rows = fields(&token_fields(me, style), style);
    let question = match kind {
        TokenKind::Personal => {
            "Revoke this token? Anything using it and the agent runs started with it stop working"
        }
        TokenKind::AgentRun => "End this agent run? Its token stops working",
    };
    format!("{rows}{question} immediately. This cannot be undone.")
}

/// Returns how to continue without the token.
fn next_step(session: &Session, profile: Option<&str>) -> String {
    let another = match session.credential.secret.kind() {
        TokenKind::Personal => format!("create a token at {}", session.server.tokens_page()),
        TokenKind::AgentRun => "start a new run with: oi agent-run start".to_owned(),
    };
    match (profile, &session.credential.source) {
        (Some(name), _) => format!(
            "the token was removed from profile {name}. To continue, {another}, then save the \
             token with: oi profile set {name} --token -"
        ),
        (None, TokenSource::Profile(name)) => {
            format!("profile {name} has another token by now, which was not changed")
        }
        (None, TokenSource::Environment) => {
            format!("unset OPENINDEX_TOKEN. To continue, {another}, and set the variable to it")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::tests::{STYLE, me, me_in_a_run};

    #[test]
    fn the_prompt_says_what_stops_working() {
        insta::assert_snapshot!("token", question(&me(), TokenKind::Personal, &STYLE));
        insta::assert_snapshot!("run", question(&me_in_a_run(), TokenKind::AgentRun, &STYLE));
    }
}
