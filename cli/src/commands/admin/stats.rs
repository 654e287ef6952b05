//! `oi settings admin stats`: counts users, tokens and invites.

use openindex_adapters_http::client::Client;
use openindex_adapters_http::wire::Stats;

use crate::commands::prelude::*;

pub(super) fn count(_: &NoArguments, app: &mut App<'_>) -> Result<(), CliError> {
    let session = app.human_session()?;
    let stats = session.call(Client::stats)?;
    app.out.print(&stats, |style| human(&stats, style))
}

fn human(stats: &Stats, style: &Style) -> String {
    let (users, suspended) = (stats.users_active, stats.users_suspended);
    let (tokens, admin) = (stats.tokens_live, stats.tokens_live_admin);
    let (expiring, expired) = (stats.tokens_expiring, stats.tokens_expired);
    let revoked = stats.tokens_revoked;
    let rows = [
        ("users", format!("{users} active, {suspended} suspended")),
        ("administrators", stats.admins_active.to_string()),
        (
            "tokens",
            format!("{tokens} active ({admin} admin), {expired} expired, {revoked} revoked"),
        ),
        ("expiring", format!("{expiring} tokens within 7 days")),
        ("open invites", stats.invites_open.to_string()),
    ];
    fields(&rows, style)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::tests::STYLE;

    #[test]
    fn counts_users_tokens_and_invites() {
        let stats = Stats {
            users_active: 12,
            users_suspended: 1,
            admins_active: 2,
            tokens_live: 31,
            tokens_live_admin: 3,
            tokens_expiring: 2,
            tokens_expired: 4,
            tokens_revoked: 6,
            invites_open: 5,
        };
        insta::assert_snapshot!(human(&stats, &STYLE));
    }
}
