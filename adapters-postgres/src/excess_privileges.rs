//! Privileges of a role beyond those that serving requires, whatever gives them: grants to it or to
//! `PUBLIC`, ownership, attributes, and every role that it is a member of and so could become.

use openindex_adapters_sql::TablePrefix;
use openindex_adapters_sql::schema::Parts;
use sqlx::PgConnection;

use crate::error::store_error;
use crate::grants::{FUNCTIONS, granted};
use openindex_domain::StoreError;

/// `$1` and `$2` are the tables and privileges that serving requires, and `$3` are the functions
/// whose owner could disable what the server depends on. An owner has every privilege,
/// so those of a role that can become the owner are not listed one by one.
const EXCESS_PRIVILEGES: &str = "\
WITH required AS (SELECT * FROM unnest($1::text[], $2::text[]) AS r (name, privilege)), \
roles AS (SELECT oid, rolname, rolsuper, rolbypassrls, rolcreaterole FROM pg_roles \
    WHERE rolname = current_user \
    OR NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AND pg_has_role(oid, 'MEMBER')), \
objects AS (\
    SELECT oid, relname::text AS name, relowner AS owner FROM pg_class \
        WHERE oid IN (SELECT to_regclass(name) FROM required) \
    UNION ALL SELECT oid, proname || '(' || pg_get_function_identity_arguments(oid) || ')', proowner FROM pg_proc \
        WHERE oid IN (SELECT to_regproc(name) FROM unnest($3::text[]) AS f (name)) \
    UNION ALL SELECT oid, 'the schema ' || nspname, nspowner FROM pg_namespace \
        WHERE nspname = current_schema() \
    UNION ALL SELECT oid, 'the database', datdba FROM pg_database WHERE datname = current_database()), \
tables AS (SELECT DISTINCT name, to_regclass(name)::oid AS oid FROM required \
    WHERE NOT EXISTS (SELECT FROM objects o JOIN roles ON roles.oid = o.owner \
        WHERE o.oid = to_regclass(required.name))), \
rights AS (\
    SELECT name, p.privilege, p.number FROM tables, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', \
        'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) WITH ORDINALITY AS p (privilege, number) \
    WHERE NOT EXISTS (SELECT FROM required r WHERE r.name = tables.name AND r.privilege = p.privilege) \
    AND EXISTS (SELECT FROM roles WHERE NOT rolsuper AND CASE \
        WHEN p.privilege IN ('DELETE', 'TRUNCATE', 'TRIGGER') \
        THEN has_table_privilege(roles.oid, tables.oid, p.privilege) \
        ELSE has_any_column_privilege(roles.oid, tables.oid, p.privilege) END)), \
creates AS (\
    SELECT 'the schema ' || nspname AS place, has_schema_privilege(roles.oid, n.oid, 'CREATE') AS may \
        FROM roles, pg_namespace n WHERE nspname = current_schema() AND NOT rolsuper \
    UNION ALL SELECT 'the database', has_database_privilege(roles.oid, current_database(), p.privilege) \
        FROM roles, (VALUES ('CREATE'), ('TEMPORARY')) AS p (privilege) WHERE NOT rolsuper) \
SELECT text FROM (\
    SELECT 1, CASE rolname WHEN current_user THEN '' ELSE 'is a member of ' || rolname || ', which ' END \
        || 'is a superuser' AS text FROM roles WHERE rolsuper \
    UNION ALL SELECT 2, CASE rolname WHEN current_user THEN '' ELSE 'is a member of ' || rolname || ', which ' \
        END || 'has BYPASSRLS' FROM roles WHERE rolbypassrls AND NOT rolsuper \
    UNION ALL SELECT 3, CASE rolname WHEN current_user THEN '' ELSE 'is a member of ' || rolname || ', which ' \
        END || 'has CREATEROLE' FROM roles WHERE rolcreaterole AND NOT rolsuper \
    UNION ALL SELECT 4, CASE rolname WHEN current_user THEN 'owns ' ELSE 'is a member of ' || rolname || \
        ', which owns ' END || string_agg(name, ', ' ORDER BY name) \
        FROM objects JOIN roles ON roles.oid = objects.owner GROUP BY rolname \
    UNION ALL SELECT 5, 'is a member of ' || rolname FROM roles WHERE rolname <> current_user AND rolname IN \
        ('pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files') \
    UNION ALL SELECT 6, 'can ' || string_agg(privilege, ', ' ORDER BY number) || ' on ' || name \
        FROM rights GROUP BY name \
    UNION ALL SELECT 7, 'can create objects in ' || place FROM creates WHERE may GROUP BY place\
) AS found (rank, text) ORDER BY rank, text";

/// Returns a description of each excess privilege of the role.
pub(crate) async fn find(
    connection: &mut PgConnection,
    parts: Parts,
    prefix: TablePrefix,
) -> Result<Vec<String>, StoreError> {
    let (names, rights) = granted(parts, prefix);
    let functions = FUNCTIONS.map(|name| prefix.name(name));
    sqlx::query_scalar(EXCESS_PRIVILEGES)
        .bind(names)
        .bind(rights)
        .bind(functions)
        .fetch_all(connection)
        .await
        .map_err(store_error)
}
