//! The locks that a change takes before it reads, always in this order, so that two changes cannot
//! deadlock:
//!
//! 1. names ([`Lock::Names`]);
//! 2. rows of users and then of owners, each ordered by id ([`Lock::Owners`]): each user is an
//!    owner, and servers of the release before owners lock users only;
//! 3. the table of users against inserts ([`Lock::NewUsers`]);
//! 4. the row of a work domain or of a work item ([`Lock::WorkDomain`], [`Lock::WorkItem`],
//!    [`Lock::WorkItemShared`]): only one of them, so they need no order among themselves (the
//!    foreign key of an item to its domain locks the domain's row in a mode that conflicts with
//!    none of these);
//! 5. rows of other tables; several rows of one table are ordered by id.
//!
//! A change that writes rows of `users` or `owners` has locked the owners before. A trigger writes
//! the owner of a user whose row is written.
//!
//! # Tokens
//!
//! What is read of a personal token under the lock of its owner's row stays true, except for when
//! it was last used: every change of the token locks that row. This does not hold for an agent run,
//! which also ends when any user resolves the work item that it is bound to. So a change that ends
//! runs, or acts with one, also locks their own rows before it reads them; of two changes that end
//! a run, the second finds it ended.
//!
//! Writing last-used times locks rows of tokens ordered by id, and nothing else. A change that
//! writes several tokens therefore locks all of them in one statement and in that order
//! ([`Lock::TokensWithRuns`], [`Lock::RunsOfOwner`], [`Lock::TokensOfOwner`],
//! [`Lock::RunsOfWorkItem`]), including the token that is revoked among its runs: where clocks
//! differ, a run may have the smaller id.
//! Runs that expired before [`EndedRuns::horizon`] are not locked, since nothing ends them anymore.
//! No run is added meanwhile: [`StartRun`] locks its owner and, if it is bound, its item.
//!
//! [`EndedRuns::horizon`]: openindex_domain::agent_run::EndedRuns::horizon
//! [`StartRun`]: openindex_domain::agent_run::StartRun
//!
//! # All users
//!
//! Bulk revocation depends on all owners, and on tokens that do not exist yet. It first locks the
//! tables of users and owners against all of the above ([`Lock::AllOwners`]), then the tokens. It
//! blocks every change of users, tokens, sessions, links and invites until the commit: each of them
//! takes [`Lock::Owners`] or [`Lock::NewUsers`], which conflict with it. So no token is created
//! meanwhile, not even by a change that has read its actor but not written yet. (Locking the table
//! of tokens would block such a change between the two, and then let it continue with an actor that
//! has been revoked.) Lookups and writes of last-used times do not wait.
//!
//! There is no deadlock:
//!
//! - A change that takes this lock holds no other lock before it, and of `users` and `owners` it
//!   takes only those of foreign keys after it, which conflict with none of the above.
//! - A change that holds a row of `users` or `owners`, and then writes there or takes
//!   [`Lock::NewUsers`], requests a stronger lock of the table, possibly while this lock waits for
//!   that change. PostgreSQL grants it ahead of the queue when the waiting lock conflicts with one
//!   that the requester already holds.
//! - Work items refer to users, so changing one locks `users` once more, in a mode that the change
//!   already holds and so gets at once.
//! - Of the changes that do not take [`Lock::Owners`], writes of last-used times lock rows of tokens
//!   ordered by id, as bulk revocation does, and purges skip locked rows.

use openindex_adapters_sql::{Lock, Statement};
use openindex_domain::access::CredentialId;
use openindex_domain::agent_run::{EndedRuns, WorkItemKey};
use openindex_domain::token::TokenKind;
use uuid::Uuid;

/// Returns the statements that take a lock. `NO KEY` allows inserts of rows that refer to the locked
/// one.
pub(crate) fn statements(lock: Lock<'_>, has_accounts: bool) -> Vec<Statement> {
    vec![match lock {
        // In the order of their hashes, so the order of the names does not matter. Two names with
        // the same hash wait for each other, which is harmless.
        Lock::Names(names) => Statement::new(
            "SELECT pg_advisory_xact_lock(hash) FROM \
             (SELECT DISTINCT hashtextextended(name, 0) AS hash FROM unnest($1::text[]) AS n (name) \
              ORDER BY hash) AS hashes",
        )
        .bind(names.to_vec()),
        Lock::Owners(actor, changed) => {
            let changed: Vec<Uuid> = changed.iter().map(|user| user.uuid()).collect();
            let (acting, id) = match actor.map(|actor| actor.credential) {
                Some(CredentialId::Token(id)) => {
                    ("(SELECT owner_id FROM tokens WHERE id = $2)", Some(id.uuid()))
                }
                Some(CredentialId::Session(id)) => {
                    ("(SELECT user_id FROM sessions WHERE id = $2)", Some(id.uuid()))
                }
                Some(CredentialId::External(user)) => ("$2", Some(user.uuid())),
                Some(CredentialId::Operator) | None => ("$2", None),
            };
            let rows = |table| {
                let sql = format!(
                    "SELECT 1 FROM {table} WHERE id = ANY ($1::uuid[] || {acting}::uuid) \
                     ORDER BY id FOR NO KEY UPDATE"
                );
                Statement::new(sql).bind(changed.clone()).bind(id)
            };
            // Servers of the release before know users only.
            let tables: &[_] = if has_accounts {
                &["users", "owners"]
            } else {
                &["owners"]
            };
            return tables.iter().map(rows).collect();
        }
        Lock::AllOwners if has_accounts => {
            Statement::new("LOCK TABLE users, owners IN EXCLUSIVE MODE")
        }
        Lock::AllOwners => Statement::new("LOCK TABLE owners IN EXCLUSIVE MODE"),
        // Blocks inserts of users, so that whether an address is taken, and whether there are any
        // users, stays true. Changes of users wait meanwhile; lookups and changes of tokens do not.
        Lock::NewUsers => Statement::new("LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE"),
        // Creates the domain if it is new; a rollback removes it again.
        Lock::WorkDomain(domain) => {
            return [
                "INSERT INTO work_domains (key, last_number) VALUES ($1, 0) ON CONFLICT DO NOTHING",
                "SELECT 1 FROM work_domains WHERE key = $1 FOR NO KEY UPDATE",
            ]
            .map(|sql| Statement::new(sql).bind(domain.as_str()))
            .into();
        }
        // The item is read afterwards, in a separate statement: a statement that waits for a row
        // sees the row's new version, but joins it with rows from before the wait. A claim made
        // meanwhile would look like one whose run does not exist.
        Lock::WorkItem(key) => work_item(
            "SELECT 1 FROM work_items WHERE domain = $1 AND number = $2 AND part = $3 \
             FOR NO KEY UPDATE",
            key,
        ),
        Lock::WorkItemShared(key) => work_item(
            "SELECT 1 FROM work_items WHERE domain = $1 AND number = $2 AND part = $3 FOR SHARE",
            key,
        ),
        Lock::TokensWithRuns(tokens, now) => Statement::new(
            "SELECT 1 FROM tokens WHERE id = ANY ($1) \
             OR (issuer_id = ANY ($1) AND kind = 'agent_run' AND revoked_at IS NULL \
                 AND (expires_at IS NULL OR expires_at > $2)) \
             ORDER BY id FOR NO KEY UPDATE",
        )
        .bind(tokens)
        .bind(EndedRuns::horizon(now)),
        Lock::RunsOfOwner(owner, now) => Statement::new(
            "SELECT 1 FROM tokens WHERE owner_id = $1 AND kind = 'agent_run' \
             AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2) \
             ORDER BY id FOR NO KEY UPDATE",
        )
        .bind(owner)
        .bind(EndedRuns::horizon(now)),
        Lock::TokensOfOwner(owner) => Statement::new(
            "SELECT 1 FROM tokens WHERE owner_id = $1 AND revoked_at IS NULL \
             ORDER BY id FOR NO KEY UPDATE",
        )
        .bind(owner),
        Lock::RunsOfWorkItem(actor, item) => {
            let acting = match actor.credential {
                CredentialId::Token(id) if id.kind() == TokenKind::AgentRun => Some(id),
                CredentialId::Token(_)
                | CredentialId::Session(_)
                | CredentialId::External(_)
                | CredentialId::Operator => None,
            };
            Statement::new(
                "SELECT 1 FROM tokens WHERE id = $1 \
                 OR (work_item = $2 AND kind = 'agent_run' AND revoked_at IS NULL \
                     AND (expires_at IS NULL OR expires_at > $3)) \
                 ORDER BY id FOR NO KEY UPDATE",
            )
            .bind(acting)
            .bind(item.map(|key| key.to_string()))
            .bind(EndedRuns::horizon(actor.now))
        }
    }]
}

fn work_item(lock: &'static str, key: WorkItemKey) -> Statement {
    Statement::new(lock)
        .bind(key.domain.as_str())
        .bind(key.number.get())
        .bind(key.part.map_or(0, std::num::NonZeroU32::get))
}
