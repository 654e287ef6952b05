//! `oi settings admin tokens`: the tokens of all users.

mod filter;
mod revoke_matching;

use openindex_adapters_http::client::{Client, PatFilter};
use openindex_adapters_http::wire::AdminPat;
use openindex_domain::token::{TokenId, TokenKind};

use super::user_ref::owner;
use crate::commands::prelude::*;
use crate::commands::tokens::named;
use crate::parts::paging::first_page;
use filter::{FilterArgs, LIST, pats_listing};
use revoke_matching::RevokeMatching;

commands! {
    /// List the tokens of all users, newest first
    #[command(visible_alias = "ls")]
    #[command(after_help = "\
Requires an administrator's token with the admin scope. Secrets are not listed: each is shown only
once, when its token is created.

Examples:
  oi settings admin tokens list --user ada@example.com
  oi settings admin tokens list --unused-for 90d --scope admin
  oi settings admin tokens list --expiring-within 7d --all --json | jq -r '.items[].owner.email'")]
    List(Paged<FilterArgs>) -> "AdminPatList" = list,
    /// Revoke tokens; anything using them stops working immediately
    #[command(visible_alias = "rm")]
    #[command(after_help = "\
Asks for confirmation on a terminal; without one, --yes is required. Stops at the first token that
cannot be revoked, and lists those already revoked. Only IDs are accepted, because different users'
tokens can have the same name.

Examples:
  oi settings admin tokens revoke pat_0199f3a1c6d07c35b2f0e8a4d1c7b9e2
  oi settings admin tokens revoke --yes pat_0199f3a1c6d07c35b2f0e8a4d1c7b9e2")]
    Revoke(Confirmed<Several<PatId>>) -> "Revoked" = revoke,
    /// Revoke every token that matches the filters, in one change
    RevokeMatching(RevokeMatching) -> "RevokedPats" = revoke_matching::run,
}

fn list(args: &Paged<FilterArgs>, app: &mut App<'_>) -> Result<(), CliError> {
    let filter = args.filter.without_user(app.now())?;
    let session = app.human_session()?;
    let filter = args.filter.with_user(filter, &session)?;
    let request = |client: &Client, query: &_| client.admin_pats_list(&filter, query);
    paging::list(&args.page, &session, app, request, |pats, style| {
        if pats.is_empty() {
            "No matching tokens.\n".to_owned()
        } else {
            pats_listing(pats, style)
        }
    })
}

/// A token ID, parsed later because a secret gets a specific error.
pub(crate) struct PatId;

impl Field for PatId {
    type Value = String;
    const POSITIONAL: &'static str = "ID";
    const FLAGS: Flags = &[("id", "ID", "Token ID (pat_…), as shown by `list`")];
}

fn revoke(args: &Confirmed<Several<PatId>>, app: &mut App<'_>) -> Result<(), CliError> {
    let ids = distinct(&args.what.0, |text| parse(text))?;
    args.yes.require("revoking")?;
    let session = app.human_session()?;
    args.yes.ask("no token was revoked", || {
        let acting = session.call(Client::me)?.token.id;
        // Only for the names: without them, the IDs are shown.
        let listed =
            session.call(|client| client.admin_pats_list(&PatFilter::default(), &first_page()));
        let pats = listed.map(|list| list.items).unwrap_or_default();
        Ok(question(&ids, &pats, &acting, &app.out.message_style()))
    })?;
    let revoked = one_by_one(&ids, "revoked", LIST, |id| {
        session.call(|client| client.admin_pat_revoke(*id))
    })?;
    print_ended(app, "revoked", "Revoked", &revoked)
}

/// Parses a token ID. A secret gets a specific error, which does not repeat it.
fn parse(text: &str) -> Result<TokenId, Failure> {
    let secret =
        "this is a token's secret; pass the token ID (pat_…), or report it with oi report-leak";
    parse_token_id(text, TokenKind::Personal, secret, LIST)
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
    let lines: String = shown.collect();
    let (one, several) = (
        "token? Anything using it stops",
        "tokens? Anything using them stops",
    );
    question_about(&lines, ids.len(), "Revoke", one, several)
}

#[cfg(test)]
mod tests {
    use openindex_domain::clock::Timestamp;
    use openindex_domain::testing::fixtures::NOW;
    use openindex_domain::token::{Scope, Status};

    use super::*;
    use crate::commands::admin::tests::admin_pats;
    use crate::commands::tests::{STYLE, WIDE};
    use crate::exit_code::ExitCode;

    #[test]
    fn shows_tokens_with_their_owners_as_a_table_and_as_a_list() {
        let wide = Style { width: 170, ..WIDE };
        insta::assert_snapshot!("admin_tokens_wide", pats_listing(&admin_pats(), &wide));
        insta::assert_snapshot!("admin_tokens_narrow", pats_listing(&admin_pats(), &STYLE));
    }

    #[test]
    fn durations_and_dates_set_the_same_filters() {
        let spans = FilterArgs {
            unused_for: Some("90d".to_owned()),
            expiring_within: Some("1w".to_owned()),
            ..FilterArgs::default()
        };
        let filter = spans.without_user(NOW).unwrap();
        assert_eq!(
            filter.unused_since,
            Timestamp::parse_rfc3339("2026-08-26T06:00:00Z")
        );
        assert_eq!(
            filter.expiring_before,
            Timestamp::parse_rfc3339("2026-12-01T06:00:00Z")
        );
        let dates = FilterArgs {
            unused_since: Some("2026-08-26".to_owned()),
            status: Some(Status::Expired),
            scope: Some(Scope::Admin),
            ..FilterArgs::default()
        };
        let filter = dates.without_user(NOW).unwrap();
        assert_eq!(filter.unused_since, Timestamp::parse_since("2026-08-26"));
        assert_eq!(filter.status, Some(Status::Expired));
        assert_eq!(filter.scope, Some(Scope::Admin));
        assert!(FilterArgs::default().without_user(NOW).unwrap().is_empty());
    }

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
