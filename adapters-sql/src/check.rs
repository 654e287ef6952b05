//! A check of everything that is stored: each row is read as the store reads it, and compared with
//! those that it depends on.

mod users;

use std::collections::{HashMap, HashSet};
use std::fmt;

use openindex_domain::agent_run::MAX_RUN_SECONDS;
use openindex_domain::audit::Subject;
use openindex_domain::clock::Timestamp;
use openindex_domain::invite::{InviteAction, InviteId};
use openindex_domain::session::SessionId;
use openindex_domain::token::{
    MAX_OVERLAP_SECONDS, Status, Token, TokenAction, TokenId, TokenKind,
};
use openindex_domain::user::UserId;
use openindex_domain::{Damaged, StoreError};
use uuid::Uuid;

use crate::row::{Row as _, get};
use crate::rows::{self, DETAIL_COLUMNS, OWNER_COLUMNS, SESSION_COLUMNS, TOKEN_COLUMNS};
use crate::tables::{audit, work_items};
use crate::{Database, Result, Statement, Tx};

/// Number of rows that are read at a time.
const PAGE: u32 = 1_000;

/// Maximum number of findings of one kind that are listed.
const LISTED: u64 = 20;

/// Something that is wrong with what is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What is wrong, and with which row.
    pub what: String,
    /// What that means, and what to do.
    pub advice: &'static str,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.advice)
    }
}

/// The result of a check.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checked {
    findings: Vec<Finding>,
    /// The number of findings with each advice.
    counts: Vec<(&'static str, u64)>,
    rows: u64,
}

impl Checked {
    /// Adds a finding. Of many with the same advice, only the first ones are listed.
    pub fn add(&mut self, what: String, advice: &'static str) {
        let counts = &mut self.counts;
        let index = counts.iter().position(|(counted, _)| *counted == advice);
        let index = index.unwrap_or_else(|| {
            counts.push((advice, 0));
            counts.len() - 1
        });
        let (_, count) = &mut counts[index];
        *count += 1;
        if *count <= LISTED {
            self.findings.push(Finding { what, advice });
        }
    }

    /// Returns what is wrong: at most 20 findings with the same advice.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Returns each advice of which not all findings are listed, and how many are not.
    pub fn omitted(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let many = self.counts.iter().filter(|(_, count)| *count > LISTED);
        many.map(|(advice, count)| (*advice, count - LISTED))
    }

    /// Returns the number of findings, listed or not.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().map(|(_, count)| count).sum()
    }

    /// Returns the number of rows that were read.
    #[must_use]
    pub const fn rows(&self) -> u64 {
        self.rows
    }
}

const TOKEN: &str = "it is not accepted; delete it with `oi settings admin tokens revoke`";
const USER: &str = "their tokens may be rejected, and changes of them repair the row where \
    possible; compare it with a backup, or delete the user with `oi settings admin users delete`";
const OWNER: &str = "tokens of this owner are rejected; compare the row with a backup";
const SESSION: &str = "the browser session is not accepted; its user has to sign in again";
const LINK: &str = "the sign-in link does not work; create a new one";
const INVITE: &str = "it cannot be claimed; withdraw it with `oi settings admin invites withdraw`";
const EVENT: &str = "an event of a newer version, or one that was changed; lists and exports show \
    it as it is stored, so compare it with an export";
const WORK_ITEM: &str = "lists name it as damaged; delete it with `oi work-item delete`";
const NO_EVENT: &str = "the audit log has no event of it: the log has a gap, or the row was \
    changed by other means than the server; compare both with an export or a backup";
const REVIVED: &str = "it may be accepted again: it was ended, and its row was changed by other means \
    than the server; delete it with `oi settings admin tokens revoke`";
const USER_REVIVED: &str = "they may have access again: it was ended, and the row was changed by \
    other means than the server; suspend or demote the user again";
const DIFFERENT_OWNER: &str = "a suspension or demotion of the user may have no effect on their \
    tokens; suspend the user and unsuspend them again, which writes both";
const NO_USER: &str = "the user's row was removed by other means than the server; restore it from \
    a backup, or delete the rows";
const INVITE_REVIVED: &str = "it may be claimed again: it was ended, and its row was changed by \
    other means than the server; withdraw it with `oi settings admin invites withdraw`";
const SESSION_REVIVED: &str = "it is accepted again if the user is unsuspended, and was added by \
    other means than the server; delete the user's rows of the table sessions";
const RUN: &str = "the agent run should have ended; end it with `oi agent-run end`";

/// What is wrong with an agent run that is live: a condition on the run `t`, its issuer `i` and its
/// owner `o`.
const RUNS: [(&str, &str); 5] = [
    (
        "t.issuer_id IS NOT NULL AND i.id IS NULL",
        "its issuing token does not exist",
    ),
    ("i.revoked_at IS NOT NULL", "its issuing token was revoked"),
    (
        "i.expires_at < t.expires_at",
        "it outlives its issuing token",
    ),
    (
        "i.owner_id <> t.owner_id",
        "its issuing token belongs to another user",
    ),
    ("o.active = 0", "its owner is suspended or deleted"),
];

/// Columns that refer to users.
const REFERENCES: [(&str, &str); 10] = [
    ("sessions", "user_id"),
    ("sign_in_links", "user_id"),
    ("sign_in_links", "created_by"),
    ("invites", "created_by"),
    ("invites", "claimed_by"),
    ("notices", "user_id"),
    ("work_items", "created_by"),
    ("work_items", "assignee_id"),
    ("work_items", "claim_user_id"),
    ("work_items", "claim_on_behalf_id"),
];

/// Checks the tables of a store with accounts and work items, on a connection that sees one state of
/// the database. `progress` is called with the table and the number of rows that were read of it.
///
/// # Errors
///
/// [`StoreError`] if the database fails. Whatever is wrong with the data is a finding.
pub async fn check<D: Database>(
    tx: Tx<'_, D>,
    now: Timestamp,
    checked: &mut Checked,
    progress: &mut (dyn FnMut(&'static str, u64) + Send),
) -> Result<()> {
    let mut check = Check {
        tx,
        now,
        checked,
        progress,
    };
    check.tokens().await?;
    let users = rows::USER_COLUMNS;
    check
        .scan("users", "u.id", "user_id", users, "users u", USER, |row| {
            rows::user(row).map(drop)
        })
        .await?;
    let owners = format!("o.id, {OWNER_COLUMNS}");
    check
        .scan("owners", "o.id", "id", &owners, "owners o", OWNER, |row| {
            let id = UserId::from_uuid(row.any_uuid("id"));
            let owner = get(row, "id").and_then(|id| rows::owner(row, UserId::from_uuid(id)));
            owner
                .map(drop)
                .map_err(|column| Damaged::new("owners", &id, column).into())
        })
        .await?;
    let sessions = format!("{SESSION_COLUMNS}, s.digest, {users}");
    let from = "sessions s JOIN users u ON u.id = s.user_id";
    check
        .scan("sessions", "s.id", "id", &sessions, from, SESSION, |row| {
            rows::session_record(row).map(drop)
        })
        .await?;
    let links = "l.id, l.user_id, l.created_by, l.created_at, l.expires_at, l.used_at";
    check
        .scan(
            "sign_in_links",
            "l.id",
            "id",
            links,
            "sign_in_links l",
            LINK,
            |row| rows::link(row).map(drop),
        )
        .await?;
    check
        .scan("invites", "i.id", "id", "i.*", "invites i", INVITE, |row| {
            rows::invite(row).map(drop)
        })
        .await?;
    check
        .scan(
            "audit_events",
            "e.id",
            "id",
            "e.*",
            "audit_events e",
            EVENT,
            |row| rows::event(row).map(drop),
        )
        .await?;
    check.work_items().await?;
    check.digests().await?;
    check.references().await?;
    check.owners_of_users().await?;
    check.runs().await?;
    check.ended_invites().await?;
    check.sessions().await?;
    check.suspensions().await
}

struct Check<'c, D: Database> {
    tx: Tx<'c, D>,
    now: Timestamp,
    checked: &'c mut Checked,
    progress: &'c mut (dyn FnMut(&'static str, u64) + Send),
}

impl<D: Database> Check<'_, D> {
    /// Reads the rows of a table in the order of their ids, and finds those that are damaged.
    #[expect(
        clippy::too_many_arguments,
        reason = "the parts of one query and what it reads"
    )]
    async fn scan(
        &mut self,
        table: &'static str,
        key: &str,
        id: &'static str,
        columns: &str,
        from: &str,
        advice: &'static str,
        read: impl Fn(&D::Row) -> Result<()>,
    ) -> Result<()> {
        let mut count = 0;
        let mut after = None;
        loop {
            let page = self.page(key, columns, from, after).await?;
            for row in &page {
                self.judge(read(row), advice)?;
            }
            count += page.len() as u64;
            (self.progress)(table, count);
            let next = page.last().map(|row| row.any_uuid(id));
            // The id of a damaged row may be no id.
            if next.is_none() || next <= after {
                break;
            }
            after = next;
        }
        self.checked.rows += count;
        Ok(())
    }

    /// Returns the next rows of a table.
    async fn page(
        &mut self,
        key: &str,
        columns: &str,
        from: &str,
        after: Option<Uuid>,
    ) -> Result<Vec<D::Row>> {
        let beyond = if after.is_none() { ">=" } else { ">" };
        let statement = Statement::new(format!(
            "SELECT {columns} FROM {from} WHERE {key} {beyond} $1 ORDER BY {key} LIMIT $2"
        ));
        let statement = statement.bind(after.unwrap_or_default()).bind(PAGE);
        self.tx.rows(statement).await
    }

    /// Adds a finding if the row is damaged.
    fn judge<T>(&mut self, read: Result<T>, advice: &'static str) -> Result<Option<T>> {
        match read {
            Ok(read) => Ok(Some(read)),
            Err(error) => {
                let damaged = error.into_damaged()?;
                self.checked.add(damaged.to_string(), advice);
                Ok(None)
            }
        }
    }

    /// Checks tokens and agent runs with their owners, and that the audit log has the end of each
    /// that was revoked, and of no other.
    async fn tokens(&mut self) -> Result<()> {
        let columns = format!("{TOKEN_COLUMNS}, {DETAIL_COLUMNS}, t.digest, {OWNER_COLUMNS}");
        let from = "tokens t LEFT JOIN owners o ON o.id = t.owner_id";
        let mut count = 0;
        let mut after = None;
        loop {
            let page = self.page("t.id", &columns, from, after).await?;
            let mut tokens = Vec::new();
            for row in &page {
                let record = self.judge(rows::record(row), TOKEN)?;
                tokens.extend(record.map(|record| record.token));
            }
            self.ends(&tokens).await?;
            count += page.len() as u64;
            (self.progress)("tokens", count);
            let next = page.last().map(|row| row.any_uuid("id"));
            if next.is_none() || next <= after {
                break;
            }
            after = next;
        }
        self.checked.rows += count;
        Ok(())
    }

    async fn ends(&mut self, tokens: &[Token]) -> Result<()> {
        let ids: Vec<TokenId> = tokens.iter().map(|token| token.id).collect();
        let events = audit::ends_of(&mut self.tx, ids).await?;
        let (rotated, ended): (Vec<_>, Vec<_>) = events
            .iter()
            .partition(|event| event.action == TokenAction::ROTATED);
        let rotated: HashMap<Subject, Timestamp> = rotated
            .into_iter()
            .map(|event| (event.subject, event.at))
            .collect();
        let ended: HashSet<Subject> = ended.into_iter().map(|event| event.subject).collect();
        for token in tokens {
            let id = token.id;
            let rotated_at = rotated.get(&Subject::Token(id));
            let is_ended = ended.contains(&Subject::Token(id));
            // A rotated token is live until its overlap ends, and has a successor.
            let must_have_ended = |rotated_at: &Timestamp| {
                let latest = rotated_at.saturating_add_seconds(MAX_OVERLAP_SECONDS.into());
                token.successor.is_none() || token.expires_at.is_none_or(|end| end > latest)
            };
            if token.revoked_at.is_some() {
                if rotated_at.is_none() && !is_ended {
                    self.checked.add(format!("token {id} is revoked"), NO_EVENT);
                }
            } else if token.status(self.now) == Status::Live
                && (is_ended || rotated_at.is_some_and(must_have_ended))
            {
                let what = format!("token {id} is active, but the audit log has its end");
                self.checked.add(what, REVIVED);
            }
            let longest = token
                .created_at
                .saturating_add_seconds(MAX_RUN_SECONDS.into());
            if id.kind() == TokenKind::AgentRun
                && token.status(self.now) == Status::Live
                && token.expires_at.is_some_and(|end| end > longest)
            {
                let what = format!("{id} is live although it lasts longer than 24 hours");
                self.checked.add(what, RUN);
            }
        }
        Ok(())
    }

    async fn work_items(&mut self) -> Result<()> {
        let mut count = 0;
        let mut after = (String::new(), 0, 0);
        loop {
            let statement = work_items::after(after.clone(), PAGE);
            let page = self.tx.rows(statement).await?;
            for row in &page {
                let read = rows::work_item(row, self.now);
                self.judge(read, WORK_ITEM)?;
            }
            count += page.len() as u64;
            (self.progress)("work_items", count);
            let Some(last) = page.last() else { break };
            let key = |last: &D::Row| {
                let domain: &str = get(last, "domain")?;
                Ok::<_, StoreError>((domain.to_owned(), get(last, "number")?, get(last, "part")?))
            };
            after = key(last)?;
        }
        self.checked.rows += count;
        Ok(())
    }

    /// Adds a finding for each row that the query returns; it has an `id`.
    async fn violations(
        &mut self,
        sql: String,
        describe: impl Fn(&D::Row) -> String,
        advice: &'static str,
    ) -> Result<()> {
        let statement = Statement::new(format!("{sql} LIMIT {PAGE}"));
        let found = self.tx.rows(statement).await?;
        for row in &found {
            self.checked.add(describe(row), advice);
        }
        Ok(())
    }

    /// Checks digests that no row of [`rows`] has.
    async fn digests(&mut self) -> Result<()> {
        for (table, advice) in [("sign_in_links", LINK), ("invites", INVITE)] {
            let sql = format!("SELECT id FROM {table} WHERE octet_length(digest) <> 32");
            let describe = |row: &D::Row| {
                let id = row.any_uuid("id").simple();
                format!("table {table}, row {id}, column digest has an invalid value")
            };
            self.violations(sql, describe, advice).await?;
        }
        Ok(())
    }

    /// Checks that every user exists that a row refers to.
    async fn references(&mut self) -> Result<()> {
        for (table, column) in REFERENCES {
            let sql = format!(
                "SELECT r.{column} AS id, count(*) AS found FROM {table} r \
                 LEFT JOIN users u ON u.id = r.{column} \
                 WHERE r.{column} IS NOT NULL AND u.id IS NULL GROUP BY r.{column}"
            );
            let describe = |row: &D::Row| {
                let user = UserId::from_uuid(row.any_uuid("id"));
                let found: i64 = get(row, "found").unwrap_or_default();
                format!(
                    "table {table}, column {column} refers to {user}, who does not exist \
                     (rows: {found})"
                )
            };
            self.violations(sql, describe, NO_USER).await?;
        }
        Ok(())
    }

    /// Checks that the owner of tokens is as the user is.
    async fn owners_of_users(&mut self) -> Result<()> {
        let different = "SELECT u.id FROM users u LEFT JOIN owners o ON o.id = u.id \
            WHERE o.id IS NULL OR o.role <> u.role OR o.account <> 1 OR o.active <> \
            CASE WHEN u.suspended_at IS NULL AND u.deleted_at IS NULL THEN 1 ELSE 0 END";
        let describe = |row: &D::Row| {
            let user = UserId::from_uuid(row.any_uuid("id"));
            format!("user {user} differs from the owner of their tokens")
        };
        self.violations(different.to_owned(), describe, DIFFERENT_OWNER)
            .await?;
        let alone = "SELECT o.id FROM owners o LEFT JOIN users u ON u.id = o.id \
            WHERE o.account = 1 AND o.active = 1 AND u.id IS NULL";
        let describe = |row: &D::Row| {
            let user = UserId::from_uuid(row.any_uuid("id"));
            format!("table owners: {user} is active and has no user")
        };
        self.violations(alone.to_owned(), describe, NO_USER).await
    }

    /// Checks that agent runs have ended with what they depend on.
    async fn runs(&mut self) -> Result<()> {
        const LIVE: &str = "t.kind = 'agent_run' AND t.revoked_at IS NULL AND t.expires_at > $1";
        for (condition, reason) in RUNS {
            let statement = Statement::new(format!(
                "SELECT t.id, t.kind FROM tokens t LEFT JOIN tokens i ON i.id = t.issuer_id \
                 LEFT JOIN owners o ON o.id = t.owner_id WHERE {LIVE} AND {condition} LIMIT {PAGE}"
            ));
            let found = self.tx.rows(statement.bind(self.now)).await?;
            for row in &found {
                let run = rows::token_id(row);
                self.checked
                    .add(format!("{run} is live although {reason}"), RUN);
            }
        }
        let bound = Statement::new(format!(
            "SELECT t.id, t.kind, t.work_item FROM tokens t \
             WHERE {LIVE} AND t.work_item IS NOT NULL"
        ));
        let bound = self.tx.rows(bound.bind(self.now)).await?;
        for row in &bound {
            let Some(key) = row.text("work_item").ok().flatten() else {
                continue;
            };
            let Ok(parsed) = key.parse() else { continue };
            let read = work_items::by_key(&mut self.tx, parsed, self.now).await;
            let item = StoreError::separate_damaged(read)?;
            let is_open = match item {
                (Some(item), _) => !item.status.is_resolved(),
                // A damaged item was found already.
                (None, damaged) => damaged.is_some(),
            };
            if !is_open {
                let run = rows::token_id(row);
                let what = format!("{run} is live although its work item {key} is resolved");
                self.checked.add(what, RUN);
            }
        }
        Ok(())
    }

    /// Checks that the audit log has no end of an open invite.
    async fn ended_invites(&mut self) -> Result<()> {
        let open = Statement::new(
            "SELECT id FROM invites \
             WHERE claimed_at IS NULL AND withdrawn_at IS NULL AND expires_at > $1",
        );
        let open = self.tx.rows(open.bind(self.now)).await?.into_iter();
        let ids = open.map(|row| InviteId::from_uuid(row.any_uuid("id")).to_string());
        let ended = Statement::new(format!(
            "SELECT DISTINCT subject FROM audit_events WHERE {} AND {}",
            D::any_text("subject", "$1"),
            D::any_text("action", "$2")
        ));
        let actions = [InviteAction::CLAIMED, InviteAction::WITHDRAWN];
        let actions = actions.map(|action| action.as_str().to_owned());
        let ended = ended.bind(ids.collect::<Vec<_>>()).bind(actions.to_vec());
        for row in &self.tx.rows(ended).await? {
            let id: &str = get(row, "subject")?;
            let what = format!("invite {id} is open, but the audit log has its end");
            self.checked.add(what, INVITE_REVIVED);
        }
        Ok(())
    }

    /// Checks that users without access have no browser sessions, which end with it.
    async fn sessions(&mut self) -> Result<()> {
        let kept = "SELECT s.id FROM sessions s JOIN users u ON u.id = s.user_id \
            WHERE u.suspended_at IS NOT NULL OR u.deleted_at IS NOT NULL";
        let describe = |row: &D::Row| {
            let id = SessionId::from_uuid(row.any_uuid("id"));
            format!("browser session {id} is of a suspended or deleted user")
        };
        self.violations(kept.to_owned(), describe, SESSION_REVIVED)
            .await
    }
}
