use openindex_adapters_http::client::{Client, PageQuery, PatFilter};
use openindex_adapters_http::wire::AdminPat;
use openindex_domain::token::{TokenId, TokenKind};
use serde_json::json;

use super::LIST;
use crate::app::{App, Session};
use crate::commands::admin::user_ref::owner;
use crate::commands::paging::MAX_PAGE;
use crate::commands::tokens::named;
use crate::commands::{not_confirmed, one_by_one, require_terminal_or_yes};
use crate::error::{CliError, Failure};
use crate::field::{Field, Several};
use crate::prompt;
use crate::render::{Style, shown};

/// A token ID, parsed later because a secret gets a specific error.
struct PatId;

impl Field for PatId {
    type Value = String;
    const POSITIONAL: &'static str = "ID";
    const FLAGS: &'static [(&'static str, &'static str, &'static str)] =
        &[("id", "ID", "Token ID (pat_…), as shown by `list`")];
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Asks for confirmation on a terminal; without one, --yes is required. Stops at the first token that
cannot be revoked, and lists those already revoked. Only IDs are accepted, because different users'
tokens can have the same name.

Examples:
  oi settings admin tokens revoke pat_0199f3a1c6d07c35b2f0e8a4d1c7b9e2
  oi settings admin tokens revoke --yes pat_0199f3a1c6d07c35b2f0e8a4d1c7b9e2")]
pub(crate) struct Args {
    #[command(flatten)]
    tokens: Several<PatId>,
    /// Skip the confirmation prompt
    #[arg(short, long)]
    yes: bool,
}

pub(super) fn run(args: &Args, app: &mut App<'_>) -> Result<(), CliError> {
    let mut ids = Vec::new();
    for text in &args.tokens.0 {
        let id = parse(text)?;
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    require_terminal_or_yes(args.yes, "revoking")?;
    let session = app.human_session()?;
    if !args.yes && !confirmed(&ids, &session, app)? {
        return Err(not_confirmed("no token was revoked").into());
    }
    let revoked = one_by_one(&ids, "revoked", LIST, |id| {
        session.call(|client| client.admin_pat_revoke(*id))
    })?;
    app.out.print(&json!({ "revoked": revoked }), |style| {
        let lines = revoked
            .iter()
            .map(|id| format!("{} Revoked {id}\n", style.done()));
        lines.collect()
    })
}

/// Parses a token ID. A secret gets a specific error, which does not repeat it.
fn parse(text: &str) -> Result<TokenId, Failure> {
    let message = match text.parse::<TokenId>() {
        Ok(id) if id.kind() == TokenKind::Personal => return Ok(id),
        _ if text.starts_with("oi_") => {
            "this is a token's secret; pass the token ID (pat_…), or report it with oi report-leak"
                .to_owned()
        }
        _ => format!(
            "invalid token ID '{}': must be pat_ and 32 hexadecimal digits, as shown by `list`",
            shown(text)
        ),
    };
    Err(Failure::usage(message).next(LIST))
}

fn confirmed(ids: &[TokenId], session: &Session, app: &mut App<'_>) -> Result<bool, CliError> {
    let acting = session.call(Client::me)?.token.id;
    let newest = PageQuery {
        limit: Some(MAX_PAGE),
        cursor: None,
    };
    // Only for the names: without them, the IDs are shown.
    let listed = session.call(|client| client.admin_pats_list(&PatFilter::default(), &newest));
    let pats = listed.map(|list| list.items).unwrap_or_default();
    let style = app.out.message_style();
    prompt::confirm(&question(ids, &pats, &acting, &style))
}

fn question(ids: &[TokenId], pats: &[AdminPat], acting: &str, style: &Style) -> String {
    let shown = ids.iter().map(|id| {
        let id = id.to_string();
        let pat = pats.iter().find(|item| item.pat.id == id);
        let pat = pat.map(|item| format!("{} of {}", named(&item.pat), owner(&item.owner)));
        let own = (id == acting).then(|| style.yellow("the token you're using"));
        let parts: Vec<String> = [id].into_iter().chain(pat).chain(own).collect();
        format!("  {}\n", parts.join("  "))
    });
    let what = match ids.len() {
        1 => "this token? Anything using it".to_owned(),
        count => format!("these {count} tokens? Anything using them"),
    };
    let shown: String = shown.collect();
    format!("{shown}Revoke {what} stops working immediately. This cannot be undone.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::admin::tests::admin_pats;
    use crate::commands::tests::STYLE;
    use crate::exit_code::ExitCode;

    #[test]
    fn the_prompt_shows_the_tokens_and_marks_the_one_in_use() {
        let ids = ["1", "3", "9"]
            .map(|digit| parse(&format!("pat_0199f3a1c6d07c35b2f0e8a4d1c7b9e{digit}")).unwrap());
        insta::assert_snapshot!(question(&ids, &admin_pats(), &ids[0].to_string(), &STYLE));
    }

    #[test]
    fn a_secret_is_rejected_and_not_repeated() {
        let secret = "oi_pat_jZHvxRBv86PcflRJxLvgWo9a_8nw9xGsKx80URWSUagWwm0h";
        for text in [secret, "ci", "run_0199f3a1c6d07c35b2f0e8a4d1c7b9e2", ""] {
            let failure = parse(text).unwrap_err();
            assert_eq!(failure.exit, ExitCode::Usage, "{text}");
            assert!(!failure.message.contains(secret));
        }
    }
}
