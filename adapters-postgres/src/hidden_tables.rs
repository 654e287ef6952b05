//! Why tables are not found: they do not exist, they are in another schema, or the role may not
//! look there.

use openindex_adapters_sql::TablePrefix;
use openindex_adapters_sql::driver::MIGRATIONS_TABLE;
use sqlx::PgConnection;

use crate::error::store_error;
use openindex_domain::StoreError;

/// Why the role does not find tables that exist.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Hidden {
    #[error(
        "tables not visible: no USAGE on schema \"{schema}\" for role \"{role}\"; as the owner of \
         the schema, run GRANT USAGE ON SCHEMA \"{schema}\" TO \"{role}\", or the SQL from `oi-server \
         grants`"
    )]
    Usage { schema: String, role: String },
    #[error(
        "tables not found in search_path \"{search_path}\": they exist in schema \"{schema}\"; run \
         ALTER ROLE \"{role}\" SET search_path = \"{schema}\""
    )]
    Elsewhere {
        search_path: String,
        schema: String,
        role: String,
    },
}

/// Returns why the role does not find the tables of an instance that the database has, or `None` if
/// it has none.
pub(crate) async fn find_instance(
    connection: &mut PgConnection,
    prefix: TablePrefix,
) -> Result<Option<Hidden>, StoreError> {
    let hidden = find(connection, &prefix.name(MIGRATIONS_TABLE)).await?;
    if hidden.is_some() || !prefix.is_empty() {
        return Ok(hidden);
    }
    // Earlier releases had another table of migrations, which may also be another program's.
    find(connection, "sign_in_links").await
}

/// Returns why the role does not find a table that the database has, or `None` if no table has that
/// name. Every role can read the catalog.
pub(crate) async fn find(
    connection: &mut PgConnection,
    table: &str,
) -> Result<Option<Hidden>, StoreError> {
    let found: Option<(String, bool, String, String)> = sqlx::query_as(
        "SELECT nspname::text, has_schema_privilege(n.oid, 'USAGE'), current_setting('search_path'), \
             current_user::text \
         FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace \
         WHERE relname = $1 AND relkind IN ('r', 'p') AND nspname NOT LIKE 'pg\\_%' \
             AND to_regclass($1) IS NULL \
         ORDER BY nspname = ANY (string_to_array(translate(current_setting('search_path'), '\" ', ''), ',')) \
             DESC, nspname = 'public' DESC, nspname LIMIT 1",
    )
    .bind(table)
    .fetch_optional(connection)
    .await
    .map_err(store_error)?;
    Ok(found.map(|(schema, usage, search_path, role)| {
        if usage {
            Hidden::Elsewhere {
                search_path,
                schema,
                role,
            }
        } else {
            Hidden::Usage { schema, role }
        }
    }))
}
