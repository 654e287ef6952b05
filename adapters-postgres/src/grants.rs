//! The privileges on each table that a role requires to serve without owning the tables.

use std::fmt::Write as _;
use std::iter;

use openindex_adapters_sql::TablePrefix;
use openindex_adapters_sql::driver::MIGRATIONS_TABLE;
use openindex_adapters_sql::schema::{self, Parts, Table};
use sqlx::PgConnection;

use crate::error::store_error;
use crate::hidden_tables;
use openindex_domain::StoreError;

/// The table of applied migrations, with the columns that are read.
const MIGRATIONS: Table = Table {
    name: MIGRATIONS_TABLE,
    changes: &[],
    columns: "version success checksum",
    key: 1,
};

/// The function that rejects changes of the audit log.
pub(crate) const APPEND_ONLY: &str = "audit_events_append_only";
/// The trigger, and its function, that keep the owners of accounts.
const USERS_ARE_OWNERS: &str = "users_are_owners";

/// The function whose results the index of searches has, which the owner of the tables calls to
/// maintain it.
pub(crate) const TRIGRAMS: &str = "work_item_trigrams";

/// The functions whose owner could disable what the server depends on, or act as the owner of the
/// tables.
pub(crate) const FUNCTIONS: [&str; 3] = [APPEND_ONLY, USERS_ARE_OWNERS, TRIGRAMS];

/// Returns the tables and the required privileges on them, as two lists of equal length.
pub(crate) fn granted(parts: Parts, prefix: TablePrefix) -> (Vec<String>, Vec<&'static str>) {
    let all = tables(parts);
    all.flat_map(|table| {
        privileges(table).map(move |privilege| (prefix.name(table.name), privilege))
    })
    .unzip()
}

fn tables(parts: Parts) -> impl Iterator<Item = &'static Table> {
    iter::once(&MIGRATIONS).chain(schema::tables(parts))
}

fn privileges(table: &'static Table) -> impl Iterator<Item = &'static str> {
    iter::once("SELECT").chain(table.changes.iter().copied())
}

/// Returns the SQL with which the owner of the tables in `schema` grants `role` exactly the
/// privileges that a store requires ([with work items](crate::PostgresStore::with_work_items) or
/// without). Run it after each [`migrate`](crate::PostgresStore::migrate). It revokes every other
/// privilege on these tables from the role and from `PUBLIC`, and from `PUBLIC` also the privileges
/// to create objects in the schema and temporary tables in the database. It is idempotent.
///
/// The `prefix` is that of the [store's options](crate::PoolOptions::table_prefix).
///
/// Both names are quoted. `PostgreSQL` truncates names to 63 bytes, so do not pass longer ones.
#[must_use]
pub fn grants(role: &str, schema: &str, parts: Parts, prefix: TablePrefix) -> String {
    let (role_name, schema_name) = (literal(role), literal(schema));
    // First, because a table whose owner changes takes the old owner's privileges along.
    let ours: Vec<_> = tables(parts)
        .map(|table| literal(&prefix.name(table.name)))
        .collect();
    let paths = revoke_paths(&role_name, &schema_name, &ours.join(", "), prefix);
    let (role, schema) = (quoted(role), quoted(schema));
    let mut sql = format!(
        "-- Privileges of a role that serves OpenIndex and cannot alter its schema or its audit log.\n\
         -- Run this as the owner of the tables, and again after each `oi-server migrate`.\n\
         BEGIN;\n\
         {paths}\
         DO $$ BEGIN\n  \
           EXECUTE format('REVOKE CREATE, TEMPORARY ON DATABASE %I FROM PUBLIC, %I', current_database(), {role_name});\n\
         END $$;\n\
         REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC;\n\
         REVOKE ALL ON SCHEMA {schema} FROM {role};\n\
         GRANT USAGE ON SCHEMA {schema} TO {role};\n"
    );
    for table in tables(parts) {
        let privileges = privileges(table).collect::<Vec<_>>().join(", ");
        let table = quoted(&prefix.name(table.name));
        let _ = write!(
            sql,
            "REVOKE ALL ON TABLE {schema}.{table} FROM PUBLIC, {role};\n\
             GRANT {privileges} ON TABLE {schema}.{table} TO {role};\n"
        );
    }
    sql + "COMMIT;\n"
}

/// Returns the SQL that takes from the role what it has by other paths: tables that it owns, and
/// membership in roles that own them or have more privileges. What the caller may not revoke is a
/// warning with the command.
fn revoke_paths(role: &str, schema: &str, ours: &str, prefix: TablePrefix) -> String {
    let [migrations, audit_events] =
        [MIGRATIONS_TABLE, "audit_events"].map(|name| literal(&prefix.name(name)));
    let functions = FUNCTIONS.map(|name| literal(&prefix.name(name)));
    let functions = functions.join(", ");
    format!(
        "\
DO $$ DECLARE
  served regrole := quote_ident({role})::regrole;
  place regnamespace := quote_ident({schema})::regnamespace;
  owner oid := (SELECT relowner FROM pg_class WHERE relnamespace = place AND relname = {migrations});
  found record;
BEGIN
  FOR found IN
    SELECT format('ALTER TABLE %s.%I OWNER TO %s', place, relname, owner::regrole) AS command FROM pg_class
      WHERE relnamespace = place AND relname IN ({ours}) AND relowner = served AND owner <> served
    UNION ALL
    SELECT format('ALTER FUNCTION %s.%I(%s) OWNER TO %s', place, proname,
      pg_get_function_identity_arguments(oid), owner::regrole) FROM pg_proc
      WHERE pronamespace = place AND proname IN ({functions}) AND proowner = served AND owner <> served
    UNION ALL
    SELECT format('REVOKE %I FROM %s', r.rolname, served) FROM pg_auth_members m
      JOIN pg_roles r ON r.oid = m.roleid
      WHERE m.member = served AND (r.rolsuper OR r.rolbypassrls OR r.rolcreaterole
        OR pg_has_role(r.oid, owner, 'MEMBER')
        OR r.rolname IN ('pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files')
        OR EXISTS (SELECT FROM pg_class c WHERE c.relnamespace = place AND c.relname IN ({ours})
          AND (has_table_privilege(r.oid, c.oid, 'TRUNCATE, TRIGGER')
            OR has_any_column_privilege(r.oid, c.oid, 'REFERENCES')
            OR c.relname IN ({audit_events}, {migrations}) AND (has_table_privilege(r.oid, c.oid, 'DELETE')
              OR has_any_column_privilege(r.oid, c.oid, 'UPDATE')))))
  LOOP
    BEGIN
      EXECUTE found.command;
    EXCEPTION WHEN insufficient_privilege THEN
      RAISE WARNING 'run as a superuser: %', found.command;
    END;
  END LOOP;
  FOR found IN SELECT rolname FROM pg_roles
    WHERE oid = served AND (rolsuper OR rolbypassrls OR rolcreaterole)
  LOOP
    RAISE WARNING 'role % bypasses privileges; use another role to serve, or run: ALTER ROLE % NOSUPERUSER NOBYPASSRLS NOCREATEROLE',
      served, served;
  END LOOP;
  IF owner = served THEN
    RAISE WARNING 'role % owns the tables; use another role to serve', served;
  END IF;
END $$;
"
    )
}

/// Returns a string literal that is safe for any text, also between dollar quotes.
fn literal(text: &str) -> String {
    let text = text.replace('\'', "''").replace('$', "' || chr(36) || '");
    format!("'{text}'")
}

/// Returns a quoted identifier that is safe for any name.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// What is missing for requests to succeed.
#[derive(Debug, thiserror::Error)]
enum Missing {
    #[error(
        "missing in the database: {}; run `oi-server migrate` as the owner of the tables, and \
         check search_path",
        .0.join(", ")
    )]
    Tables(Vec<String>),
    #[error(
        "missing privileges: {}; run the SQL from `oi-server grants --role {role}{}` as the owner of \
         the tables",
        some(.missing),
        elsewhere(.schema)
    )]
    Privileges {
        missing: Vec<String>,
        role: String,
        schema: String,
    },
    #[error(
        "trigger {0} is missing or disabled, so suspensions of users would have no effect; enable it, \
         or restore the database from a backup"
    )]
    Trigger(String),
}

/// Returns the flag for a schema that is not the default.
fn elsewhere(schema: &str) -> String {
    match schema {
        "public" => String::new(),
        _ => format!(" --schema {schema}"),
    }
}

/// Returns the first few of a list, and how many more there are.
pub(crate) fn some(all: &[String]) -> String {
    const SHOWN: usize = 4;
    match all.get(SHOWN..) {
        Some(rest @ [_, _, ..]) => format!("{} and {} more", all[..SHOWN].join(", "), rest.len()),
        _ => all.join(", "),
    }
}

/// Fails with the names of all tables, or else of all privileges, that are missing.
pub(crate) async fn check(
    connection: &mut PgConnection,
    parts: Parts,
    prefix: TablePrefix,
) -> Result<(), StoreError> {
    let (names, privileges) = granted(parts, prefix);
    let missing: Vec<(String, String, bool)> = sqlx::query_as(
        "SELECT name, privilege, to_regclass(name) IS NOT NULL \
         FROM unnest($1::text[], $2::text[]) AS required (name, privilege) \
         WHERE has_table_privilege(to_regclass(name), privilege) IS NOT TRUE",
    )
    .bind(names)
    .bind(privileges)
    .fetch_all(&mut *connection)
    .await
    .map_err(store_error)?;
    let (privileges, tables): (Vec<_>, Vec<_>) =
        missing.into_iter().partition(|(.., there)| *there);
    let mut tables: Vec<String> = tables.into_iter().map(|(table, ..)| table).collect();
    tables.dedup();
    if let Some(table) = tables.first() {
        if let Some(hidden) = hidden_tables::find(connection, table).await? {
            return Err(StoreError::unavailable(hidden));
        }
        return Err(StoreError::unavailable(Missing::Tables(tables)));
    }
    let privileges: Vec<String> = privileges
        .into_iter()
        .map(|(table, privilege, _)| format!("{privilege} on {table}"))
        .collect();
    if !privileges.is_empty() {
        let (role, schema): (String, String) = sqlx::query_as(
            "SELECT current_user::text, nspname::text \
             FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE c.oid = to_regclass($1)",
        )
        .bind(prefix.name(MIGRATIONS_TABLE))
        .fetch_one(connection)
        .await
        .map_err(store_error)?;
        return Err(StoreError::unavailable(Missing::Privileges {
            missing: privileges,
            role,
            schema,
        }));
    }
    check_columns(&mut *connection, parts, prefix).await?;
    check_trigger(connection, parts, prefix).await
}

/// Fails if the owners of accounts are not kept.
async fn check_trigger(
    connection: &mut PgConnection,
    parts: Parts,
    prefix: TablePrefix,
) -> Result<(), StoreError> {
    if !parts.accounts {
        return Ok(());
    }
    let [table, trigger] = ["users", USERS_ARE_OWNERS].map(|name| prefix.name(name));
    let is_enabled: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = to_regclass($1) AND tgname = $2 \
                        AND tgenabled IN ('O', 'A'))",
    )
    .bind(table)
    .bind(&trigger)
    .fetch_one(connection)
    .await
    .map_err(store_error)?;
    if is_enabled {
        return Ok(());
    }
    Err(StoreError::unavailable(Missing::Trigger(trigger)))
}

/// Fails with the names of all columns that are missing, for example because they were renamed.
async fn check_columns(
    connection: &mut PgConnection,
    parts: Parts,
    prefix: TablePrefix,
) -> Result<(), StoreError> {
    let pairs = tables(parts).flat_map(|table| {
        let columns = table.columns.split_whitespace();
        columns.map(move |column| (prefix.name(table.name), column))
    });
    let (names, columns): (Vec<String>, Vec<&str>) = pairs.unzip();
    let missing: Vec<String> = sqlx::query_scalar(
        "SELECT name || '.' || col FROM unnest($1::text[], $2::text[]) AS required (name, col) \
         WHERE NOT EXISTS (SELECT 1 FROM pg_attribute \
                           WHERE attrelid = to_regclass(name) AND attname = col \
                           AND NOT attisdropped)",
    )
    .bind(names)
    .bind(columns)
    .fetch_all(connection)
    .await
    .map_err(store_error)?;
    if missing.is_empty() {
        return Ok(());
    }
    Err(StoreError::unavailable(Missing::Tables(missing)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    /// Collects the privileges that the statements in the source require on each table.
    fn used(directory: &Path, found: &mut BTreeSet<(String, &'static str)>) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                used(&path, found);
                continue;
            }
            let source = fs::read_to_string(&path).unwrap();
            let code = source.split("#[cfg(test)]").next().unwrap();
            for (words, privilege) in [
                ("INSERT INTO ", "INSERT"),
                ("UPDATE ", "UPDATE"),
                ("DELETE FROM ", "DELETE"),
            ] {
                for after in code.split(words).skip(1) {
                    let name: String = after
                        .chars()
                        .take_while(|c| c.is_ascii_lowercase() || *c == '_')
                        .collect();
                    if tables(Parts::ALL).any(|table| table.name == name) {
                        found.insert((name, privilege));
                    }
                }
            }
        }
    }

    #[test]
    fn quoting_escapes_quotes_and_dollar_signs() {
        assert_eq!(quoted("a\"b$c"), "\"a\"\"b$c\"");
        assert_eq!(
            literal("a'b$$c"),
            "'a''b' || chr(36) || '' || chr(36) || 'c'"
        );
    }

    #[test]
    fn the_granted_privileges_are_those_that_the_statements_require() {
        let mut used_privileges = BTreeSet::new();
        for sources in ["src", "../adapters-sql/src"] {
            let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join(sources);
            used(&sources, &mut used_privileges);
        }
        // Locking a row, and an INSERT with ON CONFLICT DO UPDATE, require it.
        for table in ["owners", "rate_limits", "work_domains"] {
            used_privileges.insert((table.to_owned(), "UPDATE"));
        }
        let granted: BTreeSet<(String, &str)> = tables(Parts::ALL)
            .flat_map(|table| {
                let changes = table.changes.iter();
                changes.map(|change| (table.name.to_owned(), *change))
            })
            .collect();
        assert_eq!(granted, used_privileges, "granted (left) and used (right)");
    }

    #[test]
    fn names_cannot_break_out_of_their_quotes() {
        let sql = grants(
            "a\"; DROP TABLE tokens; --",
            "s\n\"x",
            Parts::ALL,
            TablePrefix::default(),
        );
        assert!(sql.contains(r#"TO "a""; DROP TABLE tokens; --";"#), "{sql}");
        assert!(sql.contains("SCHEMA \"s\n\"\"x\" FROM PUBLIC"), "{sql}");
    }

    #[test]
    fn only_privileges_on_rows_are_granted() {
        let sql = grants("openindex", "public", Parts::ALL, TablePrefix::default());
        for line in sql.lines().filter(|line| line.starts_with("GRANT ")) {
            for privilege in ["TRUNCATE", "REFERENCES", "TRIGGER", "GRANT ALL", "OPTION"] {
                assert!(!line.contains(privilege), "{privilege}: {line}");
            }
        }
        assert!(sql.contains("GRANT SELECT, INSERT ON TABLE \"public\".\"audit_events\""));
        let without_work = Parts {
            work_items: false,
            ..Parts::ALL
        };
        let without_work = grants("openindex", "public", without_work, TablePrefix::default());
        assert!(!without_work.contains("work_items"));
        let prefix = TablePrefix::parse("oi_").unwrap();
        let prefixed = grants("openindex", "public", Parts::ALL, prefix);
        assert!(prefixed.contains("ON TABLE \"public\".\"oi_tokens\" TO"));
        assert!(!prefixed.contains("\"tokens\""));
    }
}
