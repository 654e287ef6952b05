//! `oi-server restore`.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;

use anyhow::{Context as _, anyhow, bail};
use openindex_app::{App, Config, check_version, restore_file};
use openindex_domain::clock::Timestamp;
use openindex_domain::restore::{Ended, ExportedEvent, Missed};

use crate::args::{self, Common};

use super::exports;
use super::progress::{Progress, count, size};

/// Maximum number of tokens that are listed.
const LISTED: u32 = 50;

pub(crate) async fn run(restore: &args::Restore, common: Common) -> anyhow::Result<()> {
    let exports = restore.revocations.iter().map(|path| exports::read(path));
    let exports: Vec<Vec<ExportedEvent>> = exports.collect::<Result<_, _>>()?;
    tokio::select! {
        restored = restored(restore, common, &exports) => restored,
        () = super::stop_signal()? => match &restore.backup {
            Some(_) => bail!("interrupted; run the command again"),
            // Its own events are now the newest, so the exports no longer continue them.
            None => bail!(
                "interrupted; some revocations may be missing. Restore the backup again, then run \
                 the command again"
            ),
        },
    }
}

async fn restored(
    restore: &args::Restore,
    common: Common,
    exports: &[Vec<ExportedEvent>],
) -> anyhow::Result<()> {
    let Some(backup) = &restore.backup else {
        let app = super::open_existing(Config::on(common.database_url.clone())).await?;
        let ended = match check_version(&common.database_url).await {
            Ok(()) => end(restore, &app, exports).await,
            Err(newer) => Err(newer.into()),
        };
        app.close().await;
        return report("", &ended?);
    };
    let mut progress = Progress::new();
    let copied = restore_file(backup, &common.database_url, |copied, all| {
        progress.show(&format!("Copied {} of {}", size(copied), size(all)));
    });
    let copied = copied.await.map_err(|_| {
        anyhow!(
            "PostgreSQL has tools of its own; restore the database with pg_restore, then run: \
             oi-server restore without a file (see docs/operations.md)"
        )
    })?;
    drop(progress);
    let (copy, url) = copied?;
    let app = super::open_existing(Config::on(url)).await?;
    let ended = end(restore, &app, exports).await;
    app.close().await;
    let ended = ended?;
    let to = copy.to().display().to_string();
    copy.finish()?;
    let restored = format!("Restored {} to {to}.\n", backup.display());
    report(&restored, &ended)
}

/// What is left to say once everything is done.
struct Done {
    missed: Missed,
    has_exports: bool,
    ended: Ended,
    /// The first live tokens, a line each, and how many there are.
    live: (Vec<String>, u64),
}

/// Ends what the restored backup revives, unless too little is known about it.
async fn end(
    restore: &args::Restore,
    app: &App,
    exports: &[Vec<ExportedEvent>],
) -> anyhow::Result<Done> {
    let use_case = &app.use_cases.restore;
    let missed = use_case.compare(exports).await?;
    let before = restore.revoke_all_created_before;
    let is_all_revoked = before.is_some_and(|before| before > missed.backup_at);
    if !missed.is_continuous && !is_all_revoked && !restore.accept_unknown_revocations {
        return Err(refusal(&missed, &restore.revocations, before));
    }
    let ended = use_case.end(&missed, before).await?;
    let (tokens, number) = use_case.live_tokens(LISTED).await?;
    let tokens = tokens.iter().map(|owned| {
        let profile = owned.owner.profile.as_ref();
        let owner = profile.map_or_else(|| owned.owner.id.to_string(), |it| it.email.to_string());
        format!("{}  {owner}  {}", owned.token.id, owned.token.name)
    });
    let live = (tokens.collect(), number);
    let has_exports = !exports.is_empty();
    Ok(Done {
        missed,
        has_exports,
        ended,
        live,
    })
}

fn refusal(missed: &Missed, exports: &[PathBuf], before: Option<Timestamp>) -> anyhow::Error {
    let (at, from) = (missed.backup_at, missed.required_from());
    let mut text = format!(
        "the newest event in the backup is from {at}. What was revoked since is active in it, and \
         "
    );
    let apart = missed.apart.iter().filter_map(|index| exports.get(*index));
    let apart: Vec<_> = apart.map(|path| path.display().to_string()).collect();
    let reason = match &*apart {
        [] => format!("they lack events of the backup since {from}"),
        [export] => format!("{export} does not continue the backup or another export"),
        several => format!(
            "these do not continue the backup or another export: {}",
            several.join(", ")
        ),
    };
    let _ = match (!exports.is_empty(), before) {
        (true, _) => write!(
            text,
            "the exports do not tell all of it: {reason}. Each must begin at least an hour before \
             the newest event in the backup, or in another export that continues it, and have all \
             events of its period, without filters. Name exports that were made after the backup, \
             with --since {from} or earlier. If restore has run on this database before, \
             restore the backup again, with all exports at once. Or revoke all tokens of the backup \
             (--revoke-all-created-before now)"
        ),
        (false, Some(before)) => write!(
            text,
            "--revoke-all-created-before {before} leaves tokens that were created between these \
             times. Use a later time, or now"
        ),
        (false, None) => write!(
            text,
            "nothing tells what that was. Name exports of the audit log that continue the backup \
             (--revocations FILE), or revoke all of its tokens (--revoke-all-created-before now)"
        ),
    };
    text.push_str(
        ", or accept that revoked tokens work again (--accept-unknown-revocations). \
                   Nothing was changed",
    );
    anyhow!(text)
}

fn report(restored: &str, done: &Done) -> anyhow::Result<()> {
    let mut text = restored.to_owned();
    let (missed, ended) = (&done.missed, &done.ended);
    let _ = writeln!(text, "Newest event in the backup: {}.", missed.backup_at);
    if done.has_exports {
        let events = count(missed.events as u64, "event");
        let _ = writeln!(
            text,
            "The exports have {events} that the backup lacks. Everything is known until {}.",
            missed.known_until
        );
    }
    let _ = writeln!(
        text,
        "Ended all browser sessions ({}), all sign-in links and all open invites ({}): their use \
         since the backup is unknown.",
        ended.sessions, ended.invites
    );
    for (number, noun, what) in [
        (ended.tokens, "token", "Revoked"),
        (ended.runs, "agent run", "Ended"),
        (ended.suspended, "user", "Suspended"),
        (ended.demoted, "administrator", "Demoted"),
        (ended.deleted, "user", "Deleted"),
        (ended.passwords, "password", "Removed"),
    ] {
        if number > 0 {
            let _ = writeln!(text, "{what} {}.", count(number, noun));
        }
    }
    if ended.passwords > 0 {
        text.push_str(
            "Users whose password was removed sign in with a link: oi-server sign-in-link --email \
             EMAIL\n",
        );
    }
    let _ = writeln!(
        text,
        "Nothing is known about users after {}: suspensions, demotions, deletions and changes of \
         passwords since then may be missing. Check all users before others can reach the server: \
         oi settings admin users list",
        missed.known_until
    );
    let _ = writeln!(
        text,
        "The same is true of agent runs: one that has ended since then works again, at most until \
         24 hours after it began."
    );
    for user in &ended.last_admin {
        let _ = writeln!(
            text,
            "User {user} was suspended, demoted or deleted since the backup, but is its only \
             administrator. Their tokens and password ended; sign in with oi-server sign-in-link, \
             promote another user, and repeat the change."
        );
    }
    let (lines, number) = &done.live;
    if *number > 0 {
        let _ = writeln!(
            text,
            "Nothing is known about {} after {}. If any was revoked since then, it works again:",
            count(*number, "active token"),
            missed.known_until
        );
        for line in lines {
            let _ = writeln!(text, "  {line}");
        }
        let more = number.saturating_sub(lines.len() as u64);
        if more > 0 {
            let _ = writeln!(text, "  and {more} more");
        }
        text.push_str(
            "To revoke all of them, with the same database URL: oi-server restore \
             --revoke-all-created-before now\n",
        );
    }
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .context("everything was done, but the report could not be printed")
}
