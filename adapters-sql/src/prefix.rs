//! Names of tables in a database that has tables of others.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use crate::schema;

/// What the names of all tables begin with, and those of everything else that migrations create, so
/// that they can be in a database with tables of others. The default is no prefix.
///
/// Statements and migrations are written without it: see [`statement`](Self::statement) and
/// [`migration`](Self::migration).
///
/// ```
/// use openindex_adapters_sql::TablePrefix;
///
/// let prefix = TablePrefix::parse("oi_")?;
/// assert_eq!(prefix.name("tokens"), "oi_tokens");
/// assert!(TablePrefix::parse("oi-").is_err());
/// # Ok::<(), openindex_adapters_sql::InvalidTablePrefix>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct TablePrefix {
    // Not a `String`, so that the options of a store stay `Copy`.
    bytes: [u8; TablePrefix::MAX_LENGTH],
    length: usize,
}

/// A text that cannot be a [`TablePrefix`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidTablePrefix;

impl fmt::Display for InvalidTablePrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "table prefix must be 1 to {} characters, each a to z, 0 to 9 or _, and must not begin \
             with a digit or with sqlite_",
            TablePrefix::MAX_LENGTH
        )
    }
}

impl Error for InvalidTablePrefix {}

impl TablePrefix {
    /// Maximum number of characters. `PostgreSQL` truncates names to 63.
    pub const MAX_LENGTH: usize = 24;

    /// Parses a prefix, such as `oi_`.
    ///
    /// # Errors
    ///
    /// [`InvalidTablePrefix`] if the text is empty, has more than [`MAX_LENGTH`](Self::MAX_LENGTH)
    /// characters or others than a to z, 0 to 9 and _, or begins with a digit or with `sqlite_`.
    pub fn parse(text: &str) -> Result<Self, InvalidTablePrefix> {
        let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        if text.is_empty()
            || text.len() > Self::MAX_LENGTH
            || !text.bytes().all(is_name)
            || text.starts_with(|first: char| first.is_ascii_digit())
            || text.starts_with("sqlite_")
        {
            return Err(InvalidTablePrefix);
        }
        let mut bytes = [0; Self::MAX_LENGTH];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        Ok(Self {
            bytes,
            length: text.len(),
        })
    }

    /// Returns the prefix; empty if there is none.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.length]).unwrap_or_default()
    }

    /// Returns whether there is no prefix.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Returns a name with the prefix.
    #[must_use]
    pub fn name(&self, name: &str) -> String {
        format!("{}{name}", self.as_str())
    }

    /// Returns a statement with the prefix before each name of a table or function of ours, and
    /// before the name of an index after `INDEXED BY`. Column names after a dot, quoted text and
    /// comments stay.
    #[must_use]
    pub fn statement(&self, sql: Cow<'static, str>) -> Cow<'static, str> {
        if self.is_empty() {
            return sql;
        }
        let is_ours = |before: &str, word: &str| {
            schema::tables(schema::Parts::ALL).any(|table| table.name == word)
                || schema::SEARCH_INDEX.contains(&word)
                || before.ends_with("INDEXED BY ")
        };
        self.before_names(&sql, is_ours).into()
    }

    /// Returns a migration with the prefix before each of the `created` names, which
    /// [`created_names`] returns for all migrations, and before each name that begins with one of
    /// them and an underscore. `PostgreSQL` names constraints in this way.
    #[must_use]
    pub fn migration(&self, sql: &str, created: &[&str]) -> String {
        self.before_names(sql, |_, word| is_derived(word, created))
    }

    fn before_names(&self, sql: &str, is_ours: impl Fn(&str, &str) -> bool) -> String {
        let mut named = String::with_capacity(sql.len() + sql.len() / 8);
        for (before, token) in tokens(sql) {
            if is_word(token) && !before.ends_with('.') && is_ours(before, token) {
                named.push_str(self.as_str());
            }
            named.push_str(token);
        }
        named
    }
}

impl fmt::Debug for TablePrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

/// Returns whether a word is one of the names, or begins with one and an underscore.
fn is_derived(word: &str, names: &[&str]) -> bool {
    names.iter().any(|name| {
        let rest = word.strip_prefix(name);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
    })
}

/// Returns the names of the tables, indexes, triggers, functions and types that a migration
/// creates, or to which it renames others. In migrations, keywords are upper case and names are
/// lower case.
#[must_use]
pub fn created_names(migration: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let (mut previous, mut is_next) = ("", false);
    for (_, word) in tokens(migration).filter(|(_, token)| is_word(token)) {
        if word == "CREATE" || (previous, word) == ("RENAME", "TO") {
            is_next = true;
        } else if is_next && word.starts_with(|first: char| first.is_ascii_lowercase()) {
            names.push(word);
            is_next = false;
        }
        previous = word;
    }
    names
}

/// Returns the names in migrations that a prefix would be added to wrongly, or not at all: columns
/// that are called like something created, quoted texts that contain such a name, and names that
/// are too long for the longest prefix.
#[cfg(feature = "testing")]
#[must_use]
pub fn unfit_names<'m>(migrations: impl Iterator<Item = &'m str> + Clone) -> Vec<String> {
    /// Of `PostgreSQL`.
    const LONGEST: usize = 63;
    let created: Vec<_> = migrations.clone().flat_map(created_names).collect();
    let columns = schema::tables(schema::Parts::ALL).flat_map(schema::Table::columns);
    let columns: Vec<&'m str> = columns
        .filter(|column| is_derived(column, &created))
        .collect();
    let tokens = migrations.flat_map(tokens).map(|(_, token)| token);
    let texts = tokens.filter(|token| {
        let words = token.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        let mut ours = words.filter(|word| is_derived(word, &created));
        if is_word(token) {
            ours.any(|name| name.len() + TablePrefix::MAX_LENGTH > LONGEST)
        } else {
            token.starts_with(['\'', '"']) && ours.next().is_some()
        }
    });
    columns
        .into_iter()
        .chain(texts)
        .map(str::to_owned)
        .collect()
}

/// Splits SQL into words, quoted texts, comments and the rest, each with all text before it. The
/// text between dollar quotes is code, and split as well.
fn tokens(sql: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let (before, rest) = sql.split_at(at);
        let first = rest.chars().next()?;
        let through = |end: &str| {
            let inside = rest.get(end.len()..)?;
            Some(inside.find(end)? + 2 * end.len())
        };
        let length = if first == '\'' || first == '"' {
            through(&rest[..1])
        } else if rest.starts_with("--") {
            rest.find('\n')
        } else if rest.starts_with("/*") {
            rest.find("*/").map(|end| end + 2)
        } else if is_word(rest) {
            rest.find(|next: char| !(next.is_ascii_alphanumeric() || next == '_'))
        } else {
            Some(first.len_utf8())
        };
        let token = &rest[..length.unwrap_or(rest.len())];
        at += token.len();
        Some((before, token))
    })
}

/// Returns whether the text begins with a word.
fn is_word(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '_')
}

/// The database has names that migrations are to create, and this store did not create them.
#[derive(Debug)]
pub struct NameClash(Vec<String>);

impl NameClash {
    /// Returns the clash with these names, each with whether it is a table or a view. Other names
    /// are reported only if there is none of those.
    #[must_use]
    pub fn with(found: Vec<(String, bool)>) -> Option<Self> {
        let (tables, others): (Vec<_>, Vec<_>) =
            found.into_iter().partition(|(_, is_table)| *is_table);
        let reported = if tables.is_empty() { others } else { tables };
        let mut names: Vec<_> = reported.into_iter().map(|(name, _)| name).collect();
        names.sort();
        (!names.is_empty()).then_some(Self(names))
    }
}

impl fmt::Display for NameClash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "names already in use in the database, but not by a migration of OpenIndex: {}; set a \
             table prefix, or use a separate database or schema (if the table of applied migrations \
             was changed by other means than the server, restore a backup)",
            self.0.join(", ")
        )
    }
}

impl Error for NameClash {}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix() -> TablePrefix {
        TablePrefix::parse("oi_").expect("a prefix")
    }

    fn statement(sql: &'static str) -> String {
        prefix().statement(sql.into()).into_owned()
    }

    #[test]
    fn a_prefix_is_a_short_lower_case_name() {
        let longest = "a".repeat(TablePrefix::MAX_LENGTH);
        for valid in ["oi_", "_", "a1", &longest] {
            assert_eq!(TablePrefix::parse(valid).expect(valid).as_str(), valid);
        }
        let too_long = "a".repeat(TablePrefix::MAX_LENGTH + 1);
        for invalid in [
            "", "1a", "Oi_", "o-", "o.", "\"", "'", " ", "é", "sqlite_x", &too_long,
        ] {
            assert_eq!(
                TablePrefix::parse(invalid),
                Err(InvalidTablePrefix),
                "{invalid}"
            );
        }
    }

    #[test]
    fn tables_and_named_indexes_get_the_prefix_and_nothing_else_does() {
        for (sql, expected) in [
            (
                "SELECT t.id FROM tokens t JOIN users u ON u.id = t.owner_id",
                "SELECT t.id FROM oi_tokens t JOIN oi_users u ON u.id = t.owner_id",
            ),
            (
                "UPDATE work_domains SET last_number = work_domains.last_number + 1",
                "UPDATE oi_work_domains SET last_number = oi_work_domains.last_number + 1",
            ),
            (
                "SELECT 'tokens', \"tokens\", t.tokens, count(*) AS tokens_live FROM tokens",
                "SELECT 'tokens', \"tokens\", t.tokens, count(*) AS tokens_live FROM oi_tokens",
            ),
            (
                "SELECT 'it''s tokens' -- tokens\nFROM/* tokens */tokens",
                "SELECT 'it''s tokens' -- tokens\nFROM/* tokens */oi_tokens",
            ),
            (
                "SELECT 1 FROM tokens t INDEXED BY personal_tokens_ending WHERE id = $1",
                "SELECT 1 FROM oi_tokens t INDEXED BY oi_personal_tokens_ending WHERE id = $1",
            ),
            (
                "FROM work_items_search CROSS JOIN work_items w ON w.id = work_items_search.rowid",
                "FROM oi_work_items_search CROSS JOIN oi_work_items w \
                 ON w.id = oi_work_items_search.rowid",
            ),
            (
                "work_item_trigrams(w.title)",
                "oi_work_item_trigrams(w.title)",
            ),
            ("SELECT 'tokens", "SELECT 'tokens"),
            ("SELECT 1 -- tokens", "SELECT 1 -- tokens"),
            ("SELECT /* tokens", "SELECT /* tokens"),
        ] {
            assert_eq!(statement(sql), expected);
        }
    }

    #[test]
    fn a_statement_without_a_prefix_is_not_copied() {
        let sql = TablePrefix::default().statement("SELECT 1 FROM tokens".into());
        assert!(matches!(sql, Cow::Borrowed("SELECT 1 FROM tokens")));
    }

    #[test]
    fn a_migration_names_what_it_creates() {
        let migration = "-- CREATE TABLE none\n\
            CREATE TABLE IF NOT EXISTS attempts (\n\
            key text CONSTRAINT attempts_check CHECK (key <> ''));\n\
            CREATE UNIQUE INDEX attempts_begun ON attempts (begun_at);\n\
            ALTER TABLE attempts RENAME COLUMN key TO name;\n\
            ALTER TABLE attempts RENAME TO rate_limits;\n\
            CREATE FUNCTION stop() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
            DELETE FROM attempts; END $$;";
        let created = created_names(migration);
        assert_eq!(
            created,
            ["attempts", "attempts_begun", "rate_limits", "stop"]
        );
        let named = prefix().migration(migration, &created);
        assert_eq!(
            named,
            "-- CREATE TABLE none\n\
            CREATE TABLE IF NOT EXISTS oi_attempts (\n\
            key text CONSTRAINT oi_attempts_check CHECK (key <> ''));\n\
            CREATE UNIQUE INDEX oi_attempts_begun ON oi_attempts (begun_at);\n\
            ALTER TABLE oi_attempts RENAME COLUMN key TO name;\n\
            ALTER TABLE oi_attempts RENAME TO oi_rate_limits;\n\
            CREATE FUNCTION oi_stop() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
            DELETE FROM oi_attempts; END $$;"
        );
    }

    #[cfg(feature = "testing")]
    #[test]
    fn names_that_a_prefix_does_not_suit_are_found() {
        let long = "a".repeat(40);
        let migration = format!(
            "CREATE TABLE owner (id text); CREATE TABLE {long} (id text DEFAULT 'an owner_id');"
        );
        let mut unfit = unfit_names([migration.as_str()].into_iter());
        unfit.sort();
        assert_eq!(unfit, ["'an owner_id'", &long, "owner_id"]);
    }

    #[test]
    fn a_clash_names_tables_if_there_are_any() {
        let found = |names: &[(&str, bool)]| {
            let named = names
                .iter()
                .map(|(name, is_table)| ((*name).to_owned(), *is_table));
            NameClash::with(named.collect()).map(|clash| clash.to_string())
        };
        assert_eq!(found(&[]), None);
        let named = found(&[("users", true), ("tokens", true), ("tokens_revoked", false)]);
        let named = named.expect("a clash");
        assert!(
            named.contains("OpenIndex: tokens, users; set a table prefix"),
            "{named}"
        );
        let named = found(&[("tokens_revoked", false)]).expect("a clash");
        assert!(named.contains(": tokens_revoked; "), "{named}");
    }
}
