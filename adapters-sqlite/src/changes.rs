//! Which tokens and owners each change writes. Temporary triggers of the connection for writes note
//! them, whatever the statement, other triggers and foreign keys included. So no change can forget
//! to close the index.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use openindex_adapters_sql::TablePrefix;
use openindex_adapters_sql::rows::TOKEN_COLUMNS;
use openindex_token_index::{Changed, Closed, TokenIndex};
use sqlx::AssertSqlSafe;
use sqlx::sqlite::SqliteConnection;
use uuid::Uuid;

/// The changes of the connection for writes, one at a time, and what they mean for the index of
/// tokens.
pub(crate) struct Changes {
    prefix: TablePrefix,
    index: Option<TokenIndex>,
    state: Mutex<State>,
}

/// The place of a change in the order of all changes. They have the write lock one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ChangeNumber(u64);

#[derive(Default)]
struct State {
    /// Whether the connection has the triggers.
    is_watched: bool,
    /// How many changes have begun.
    begun: u64,
    /// Rows of the change that is being committed, and of those whose commit nobody awaited.
    closed: Vec<(ChangeNumber, Closed)>,
    /// The value of `PRAGMA data_version` that this connection last returned.
    data_version: Option<i64>,
    /// Everything, while the file is not the one that was opened.
    lost: Option<Closed>,
    /// Whether the store is closed.
    is_stopped: bool,
}

impl Changes {
    pub(crate) fn new(prefix: TablePrefix, index: Option<TokenIndex>) -> Arc<Self> {
        Arc::new(Self {
            prefix,
            index,
            state: Mutex::default(),
        })
    }

    pub(crate) fn index(&self) -> Option<&TokenIndex> {
        self.index.as_ref()
    }

    // The mutex cannot be poisoned: nothing panics while it is locked.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Watches a new connection, or one whose tables are new. Without the tables, there is nothing
    /// to watch.
    pub(crate) async fn watch(&self, connection: &mut SqliteConnection) -> sqlx::Result<()> {
        {
            let mut state = self.state();
            state.is_watched = false;
            // Others may have changed the file since the last connection.
            state.data_version = None;
        }
        let (tokens, owners) = (self.prefix.name("tokens"), self.prefix.name("owners"));
        let tables = "SELECT count(*) FROM main.sqlite_schema WHERE name IN (?1, ?2)";
        let tables: i64 = sqlx::query_scalar(tables)
            .bind(&tokens)
            .bind(&owners)
            .fetch_one(&mut *connection)
            .await?;
        if tables == 2 {
            // Whatever a lookup returns, except for the last use, which nothing depends on.
            let columns = TOKEN_COLUMNS
                .replace("t.last_used_at, ", "")
                .replace("t.", "");
            let watch = format!(
                "CREATE TEMP TABLE IF NOT EXISTS changed (id BLOB);
                 CREATE TEMP TRIGGER IF NOT EXISTS token_changes
                 AFTER UPDATE OF digest, {columns} ON main.{tokens}
                 BEGIN INSERT INTO changed VALUES (OLD.id), (NEW.id); END;
                 CREATE TEMP TRIGGER IF NOT EXISTS token_ends AFTER DELETE ON main.{tokens}
                 BEGIN INSERT INTO changed VALUES (OLD.id); END;
                 CREATE TEMP TRIGGER IF NOT EXISTS owner_changes AFTER UPDATE ON main.{owners}
                 BEGIN INSERT INTO changed VALUES (OLD.id), (NEW.id); END;
                 CREATE TEMP TRIGGER IF NOT EXISTS owner_ends AFTER DELETE ON main.{owners}
                 BEGIN INSERT INTO changed VALUES (OLD.id); END;"
            );
            sqlx::raw_sql(AssertSqlSafe(watch))
                .execute(connection)
                .await?;
            self.state().is_watched = true;
        }
        Ok(())
    }

    /// Stops watching the connection, whose tables are about to be replaced.
    pub(crate) async fn unwatch(&self, connection: &mut SqliteConnection) -> sqlx::Result<()> {
        self.state().is_watched = false;
        let unwatch = "DROP TRIGGER IF EXISTS temp.token_changes;
             DROP TRIGGER IF EXISTS temp.token_ends;
             DROP TRIGGER IF EXISTS temp.owner_changes;
             DROP TRIGGER IF EXISTS temp.owner_ends;";
        sqlx::raw_sql(unwatch).execute(connection).await?;
        Ok(())
    }

    /// Returns what the transaction has changed, which inserts are not: what did not exist is not
    /// remembered.
    pub(crate) async fn of(&self, transaction: &mut SqliteConnection) -> sqlx::Result<Changed> {
        if !self.state().is_watched {
            return Ok(Changed::everything());
        }
        let ids: Vec<Option<Vec<u8>>> = sqlx::query_scalar("DELETE FROM temp.changed RETURNING id")
            .fetch_all(transaction)
            .await?;
        let mut changed = Changed::default();
        for id in ids {
            match id.map(|id| Uuid::from_slice(&id)) {
                Some(Ok(id)) => changed.add(id),
                // The id is damaged.
                _ => changed.add_everything(),
            }
        }
        Ok(changed)
    }

    /// Starts a change. It has the write lock, so every earlier commit has ended.
    pub(crate) fn begun(&self, data_version: i64) -> ChangeNumber {
        let earlier = {
            let mut state = self.state();
            state.begun += 1;
            ChangeNumber(state.begun - 1)
        };
        self.ended(earlier);
        self.compare(data_version);
        ChangeNumber(earlier.0 + 1)
    }

    /// Forgets everything if another connection has changed the file since the last call.
    pub(crate) fn compare(&self, data_version: i64) {
        let before = self.state().data_version.replace(data_version);
        if before != Some(data_version) {
            self.forget();
        }
    }

    /// Forgets everything.
    pub(crate) fn forget(&self) {
        self.index.iter().for_each(TokenIndex::forget);
    }

    /// Closes the rows of a change that is about to commit.
    pub(crate) fn close(&self, number: ChangeNumber, changed: &Changed) {
        if let Some(index) = &self.index
            && !changed.is_empty()
        {
            let closed = index.close(changed);
            self.state().closed.push((number, closed));
        }
    }

    /// Opens the rows of this change, whose commit has returned, and of earlier ones. A later one
    /// may already be committing, since the connection is free before this is called.
    pub(crate) fn ended(&self, number: ChangeNumber) {
        let ended = |(closed, _): &mut (ChangeNumber, _)| *closed <= number;
        let closed: Vec<_> = self.state().closed.extract_if(.., ended).collect();
        let Some(index) = &self.index else { return };
        for (_, closed) in closed {
            index.open(closed);
        }
    }

    /// Says whether the file is the one that was opened. While it is not, nothing is remembered.
    pub(crate) fn set_lost(&self, is_lost: bool) {
        let Some(index) = &self.index else { return };
        let mut state = self.state();
        if is_lost && state.lost.is_none() {
            state.lost = Some(index.close(&Changed::everything()));
        } else if !is_lost
            && !state.is_stopped
            && let Some(closed) = state.lost.take()
        {
            index.open(closed);
        }
    }

    /// Remembers nothing from now on: another process may have the file.
    pub(crate) fn stop(&self) {
        self.state().is_stopped = true;
        self.set_lost(true);
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZero;

    use openindex_adapters_sql::{Database as _, schema::Parts};
    use openindex_domain::testing::fixtures::{self, NOW};
    use openindex_domain::token::TokenRecord;
    use sqlx::SqlitePool;
    use tempfile::TempDir;

    use super::*;
    use crate::{SqliteOptions, SqliteStore};

    /// A store with users 1 and 2, and tokens 1 and 2 of user 1.
    async fn seeded() -> (TempDir, SqliteStore<true, true>) {
        let directory = tempfile::tempdir().expect("a directory");
        let url = format!("sqlite://{}", directory.path().join("o.db").display());
        let options = SqliteOptions::default();
        let store = SqliteStore::connect_with(&url, options).await;
        let store = store.expect("a store").with_accounts().with_work_items();
        store.migrate().await.expect("migrated");
        for number in [1, 2] {
            let put = store.put_user(&fixtures::user(number)).await;
            put.expect("a user");
            let token = fixtures::token(number, NOW);
            let put = store.put_token(&token, &fixtures::digest(number)).await;
            put.expect("a token");
        }
        (directory, store)
    }

    /// Returns what a statement changes, or `None` for everything, and rolls it back.
    async fn changed_by(store: &SqliteStore<true, true>, sql: &'static str) -> Option<Vec<Uuid>> {
        let database = store.database();
        let mut change = database.begin().await.expect("a change");
        let executed = sqlx::raw_sql(sql).execute(&mut *change).await;
        executed.unwrap_or_else(|error| panic!("{sql}: {error}"));
        let changed = database.writer.changes.of(&mut change).await;
        let changed = changed.expect("changed");
        let mut rows = changed.rows()?.to_vec();
        rows.sort();
        rows.dedup();
        Some(rows)
    }

    #[tokio::test]
    async fn each_write_of_a_token_or_an_owner_is_noted() {
        let (_directory, store) = seeded().await;
        let [one, two] = [1, 2].map(|number| fixtures::token(number, NOW).id.uuid());
        let [owner, other] = [1, 2].map(|number| fixtures::user(number).id.uuid());
        let new = Uuid::from_u128(1);
        for (sql, expected) in [
            (
                "UPDATE tokens SET revoked_at = 1 WHERE name = (SELECT min(name) FROM tokens)",
                vec![one],
            ),
            ("UPDATE tokens SET revoked_at = NULL", vec![one, two]),
            ("UPDATE tokens SET expires_at = 1", vec![one, two]),
            ("UPDATE tokens SET scope = scope", vec![one, two]),
            ("UPDATE tokens SET kind = kind", vec![one, two]),
            ("UPDATE tokens SET name = name", vec![one, two]),
            (
                "UPDATE tokens SET owner_id = (SELECT max(id) FROM owners)",
                vec![one, two],
            ),
            ("UPDATE tokens SET digest = randomblob(32)", vec![one, two]),
            ("UPDATE tokens SET successor = 'pat_x'", vec![one, two]),
            (
                "UPDATE tokens SET last_used_at = 1, last_used_from = '::1'",
                vec![],
            ),
            ("DELETE FROM tokens", vec![one, two]),
            ("UPDATE users SET suspended_at = 1", vec![owner, other]),
            ("UPDATE users SET role = 'member'", vec![owner, other]),
            ("UPDATE users SET email = 'x'", vec![owner, other]),
            (
                "UPDATE users SET deleted_at = 1, suspended_at = 1",
                vec![owner, other],
            ),
            ("UPDATE owners SET active = 0", vec![owner, other]),
            (
                "UPDATE owners SET name = NULL, email = NULL",
                vec![owner, other],
            ),
            ("UPDATE users SET password_hash = NULL", vec![owner, other]),
            (
                "INSERT INTO owners (id, role, active, account) SELECT id, role, 0, 1 FROM users \
                 WHERE true ON CONFLICT (id) DO UPDATE SET active = 0",
                vec![owner, other],
            ),
            (
                "INSERT INTO owners (id, role, active, account) \
                 VALUES (unhex('00000000000000000000000000000001'), 'admin', 1, 0);
                 UPDATE owners SET role = 'member' \
                 WHERE id = unhex('00000000000000000000000000000001')",
                vec![new],
            ),
            (
                "DELETE FROM tokens; DELETE FROM users; DELETE FROM owners",
                vec![one, two, owner, other],
            ),
        ] {
            let mut expected = expected;
            expected.sort();
            assert_eq!(changed_by(&store, sql).await, Some(expected), "{sql}");
        }
    }

    #[test]
    fn the_end_of_a_change_does_not_open_the_rows_of_the_next_one() {
        let index = TokenIndex::new(NonZero::<usize>::MIN);
        let changes = Changes::new(TablePrefix::default(), Some(index));
        let index = changes.index().expect("an index");
        let live = || {
            Arc::new(TokenRecord {
                token: fixtures::token(1, NOW),
                digest: fixtures::digest(1),
                owner: fixtures::owner(1),
            })
        };
        let change_of_token = || {
            let mut token = Changed::default();
            token.add(fixtures::token(1, NOW).id.uuid());
            token
        };
        let first = changes.begun(0);
        changes.close(first, &change_of_token());
        // The first one has committed and its task has not continued yet: the second one begins.
        let second = changes.begun(0);
        changes.close(second, &change_of_token());
        changes.ended(first);
        // A lookup that overtakes the second commit.
        index.keep(live(), index.now());
        assert!(index.find(&fixtures::digest(1)).is_none());
        changes.ended(second);
        assert!(index.find(&fixtures::digest(1)).is_none());
        index.keep(live(), index.now());
        assert!(index.find(&fixtures::digest(1)).is_some());
    }

    #[tokio::test]
    async fn a_connection_that_does_not_watch_changes_everything() {
        let (_directory, store) = seeded().await;
        let sql = "UPDATE tokens SET last_used_at = 1";
        assert_eq!(changed_by(&store, sql).await, Some(vec![]));
        let writer = &store.database().writer;
        let mut connection = writer.pool.acquire().await.expect("a connection");
        let unwatched = writer.changes.unwatch(&mut connection).await;
        unwatched.expect("unwatched");
        drop(connection);
        assert_eq!(changed_by(&store, sql).await, None);
        store
            .database()
            .migrate(Parts::ALL)
            .await
            .expect("migrated");
        assert_eq!(changed_by(&store, sql).await, Some(vec![]));
    }

    #[tokio::test]
    async fn a_row_with_a_damaged_id_can_be_ended() {
        let (_directory, store) = seeded().await;
        let sql = "PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON;
             UPDATE tokens SET id = zeroblob(3) WHERE name = (SELECT min(name) FROM tokens);
             DELETE FROM tokens WHERE id = zeroblob(3);
             PRAGMA ignore_check_constraints = OFF";
        assert_eq!(changed_by(&store, sql).await, None);
    }

    #[tokio::test]
    async fn another_connection_for_writes_watches_too() {
        let (_directory, store) = seeded().await;
        let pool: &SqlitePool = &store.database().writer.pool;
        let connection = pool.acquire().await.expect("a connection");
        connection.close().await.expect("closed");
        let sql = "UPDATE tokens SET last_used_at = 1";
        assert_eq!(changed_by(&store, sql).await, Some(vec![]));
    }
}
