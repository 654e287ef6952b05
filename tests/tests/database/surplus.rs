//! A serving role with excess privileges gets a warning with each of them, whatever gives them, and
//! `oi-server grants` revokes what it can.

use openindex_tests::{Database, Kind, Server};

use crate::support::{as_user, grant, name, oi_server, served};

const WARNING: &str = "database role has more privileges than the server needs";

/// What gives the role an excess privilege, what the warning says, and whether the SQL of
/// `oi-server grants`, run as a superuser, revokes it.
struct Surplus {
    given: &'static str,
    warning: &'static str,
    is_revoked: bool,
    undone: &'static str,
}

/// `{role}` is the serving role, `{group}` one that it is not a member of at first, `{db}` the
/// database, `{owner}` the owner of the tables.
const SURPLUSES: [Surplus; 21] = [
    revoked("ALTER TABLE tokens OWNER TO {role}", "owns tokens"),
    revoked(
        "ALTER FUNCTION audit_events_append_only() OWNER TO {role}",
        "owns audit_events_append_only()",
    ),
    revoked(
        "ALTER FUNCTION users_are_owners() OWNER TO {role}",
        "owns users_are_owners()",
    ),
    revoked(
        "ALTER FUNCTION work_item_trigrams(text) OWNER TO {role}",
        "owns work_item_trigrams(text)",
    ),
    revoked(
        "GRANT UPDATE (action) ON audit_events TO {role}",
        "can UPDATE on audit_events",
    ),
    revoked(
        "GRANT DELETE, TRUNCATE ON audit_events TO PUBLIC",
        "can DELETE, TRUNCATE on audit_events",
    ),
    revoked(
        "GRANT TRIGGER, REFERENCES ON users TO {role}",
        "can REFERENCES, TRIGGER on users",
    ),
    revoked(
        "GRANT INSERT ON openindex_migrations TO {role}",
        "can INSERT on openindex_migrations",
    ),
    revoked(
        "GRANT CREATE ON SCHEMA public TO PUBLIC",
        "can create objects in the schema public",
    ),
    revoked(
        "GRANT TEMPORARY ON DATABASE {db} TO {role}",
        "can create objects in the database",
    ),
    revoked(
        "GRANT CREATE ON DATABASE {db} TO PUBLIC",
        "can create objects in the database",
    ),
    revoked(
        "GRANT DELETE ON audit_events TO {group}; GRANT {group} TO {role}",
        "can DELETE on audit_events",
    ),
    revoked(
        "ALTER ROLE {role} NOINHERIT; GRANT UPDATE ON audit_events TO {group}; GRANT {group} TO {role}",
        "can UPDATE, DELETE on audit_events",
    ),
    revoked(
        "ALTER ROLE {group} BYPASSRLS; GRANT {group} TO {role}",
        "is a member of {group}, which has BYPASSRLS",
    ),
    revoked(
        "ALTER ROLE {group} NOBYPASSRLS; GRANT {owner} TO {group}; GRANT {group} TO {role}",
        "is a member of {owner}, which owns audit_events, audit_events_append_only(), ",
    ),
    revoked(
        "GRANT pg_execute_server_program TO {role}",
        "is a member of pg_execute_server_program",
    ),
    left(
        "ALTER ROLE {role} SUPERUSER",
        "is a superuser",
        "ALTER ROLE {role} NOSUPERUSER",
    ),
    left(
        "ALTER ROLE {role} BYPASSRLS",
        "has BYPASSRLS",
        "ALTER ROLE {role} NOBYPASSRLS",
    ),
    left(
        "ALTER ROLE {role} CREATEROLE",
        "has CREATEROLE",
        "ALTER ROLE {role} NOCREATEROLE",
    ),
    left(
        "ALTER DATABASE {db} OWNER TO {role}",
        "owns the database",
        "ALTER DATABASE {db} OWNER TO {owner}",
    ),
    left(
        "ALTER SCHEMA public OWNER TO {role}",
        "owns the schema public",
        "ALTER SCHEMA public OWNER TO {owner}",
    ),
];

const fn revoked(given: &'static str, warning: &'static str) -> Surplus {
    Surplus {
        given,
        warning,
        is_revoked: true,
        undone: "",
    }
}

const fn left(given: &'static str, warning: &'static str, undone: &'static str) -> Surplus {
    Surplus {
        given,
        warning,
        is_revoked: false,
        undone,
    }
}

#[test]
fn every_excess_privilege_is_logged_and_revoked_if_possible() {
    let database = Database::new(Kind::Postgres);
    // Not a superuser, unlike the user of the cluster.
    let owner = format!("owner_{}", name(&database));
    let group = format!("group_{}", name(&database));
    database.execute_all(&format!(
        "CREATE ROLE {owner} LOGIN; CREATE ROLE {group}; ALTER DATABASE {} OWNER TO {owner}; \
         ALTER SCHEMA public OWNER TO {owner}",
        name(&database)
    ));
    let migrated = oi_server(&as_user(database.url(), &owner), &["migrate"]);
    assert!(migrated.status.success(), "{migrated:?}");
    let (url, role) = served(&database);
    let named = |sql: &str| {
        sql.replace("{role}", &role)
            .replace("{group}", &group)
            .replace("{owner}", &owner)
            .replace("{db}", name(&database))
    };
    let warnings = || {
        let log = Server::start_at(&url, &[]).log();
        let lines = log.lines().filter(|line| line.contains(WARNING));
        lines.map(ToOwned::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(warnings(), Vec::<String>::new());
    for surplus in SURPLUSES {
        database.execute_all(&named(surplus.given));
        let warning = warnings();
        assert_eq!(warning.len(), 1, "{}: {warning:?}", surplus.given);
        assert!(warning[0].contains(&named(surplus.warning)), "{warning:?}");
        assert!(warning[0].contains("run the SQL from `oi-server grants`"));
        grant(&database, &role);
        if !surplus.is_revoked {
            assert_eq!(warnings().len(), 1, "{}", surplus.given);
            database.execute_all(&named(surplus.undone));
            grant(&database, &role);
        }
        let left = warnings();
        assert_eq!(left, Vec::<String>::new(), "{}", surplus.given);
    }
}

#[test]
fn the_grants_run_as_the_owner_revoke_what_they_can_without_errors() {
    let database = Database::new(Kind::Postgres);
    let owner = format!("owner_{}", name(&database));
    database.execute_all(&format!(
        "CREATE ROLE {owner} LOGIN; ALTER DATABASE {} OWNER TO {owner}; \
         ALTER SCHEMA public OWNER TO {owner}",
        name(&database)
    ));
    let as_owner = Database::at(&as_user(database.url(), &owner));
    let migrated = oi_server(as_owner.url(), &["migrate"]);
    assert!(migrated.status.success(), "{migrated:?}");
    let (url, role) = served(&database);
    database.execute_all(&format!(
        "GRANT {owner} TO {role}; GRANT DELETE ON audit_events TO {role}"
    ));
    grant(&as_owner, &role);
    let log = Server::start_at(&url, &[]).log();
    assert!(
        log.contains(&format!("is a member of {owner}, which owns")) && !log.contains("can DELETE"),
        "{log}"
    );
}
