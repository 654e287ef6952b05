//! The tables that the statements use.

use std::fmt::Write as _;
use std::sync::LazyLock;

/// A table: its name, what the statements do with its rows besides reading them (locking one counts
/// as an update), and its columns, separated by spaces, of which the first are the key.
pub struct Table {
    /// The name.
    pub name: &'static str,
    /// `INSERT`, `UPDATE` and `DELETE`, as far as a statement does it.
    pub changes: &'static [&'static str],
    /// The columns, separated by spaces.
    pub columns: &'static str,
    /// The number of columns, from the first, that are the key.
    pub key: usize,
}

impl Table {
    /// Returns the columns.
    pub fn columns(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.columns.split_whitespace()
    }

    /// Returns the text of a statement that inserts a row, with one parameter per column in their
    /// order. No insert can forget a column: its number of parameters would be wrong.
    fn insert(&self, head: &str) -> String {
        let columns: Vec<_> = self.columns().collect();
        let parameters: Vec<_> = (1..=columns.len()).map(|n| format!("${n}")).collect();
        format!(
            "{head} ({}) VALUES ({})",
            columns.join(", "),
            parameters.join(", ")
        )
    }

    /// Returns the text of a statement that updates all columns but the key. The parameters are
    /// those of the insert.
    fn update(&self, head: &str) -> String {
        let key = self.key;
        let mut text = format!("{head} SET ");
        for (n, column) in self.columns().enumerate().skip(key) {
            let comma = if n == key { "" } else { ", " };
            let _ = write!(text, "{comma}{column} = ${}", n + 1);
        }
        for (n, column) in self.columns().enumerate().take(key) {
            let word = if n == 0 { "WHERE" } else { "AND" };
            let _ = write!(text, " {word} {column} = ${}", n + 1);
        }
        text
    }
}

/// Names besides tables and columns that statements use: the index of searches on SQLite, which is a
/// virtual table, and the function whose results are indexed on `PostgreSQL`.
pub(crate) const SEARCH_INDEX: [&str; 2] = ["work_items_search", "work_item_trigrams"];

// The heads are written out: a test reads the required privileges from the source.
pub(crate) static INSERT_TOKEN: LazyLock<String> =
    LazyLock::new(|| TOKENS.insert("INSERT INTO tokens"));
pub(crate) static INSERT_OWNER: LazyLock<String> =
    LazyLock::new(|| OWNERS.insert("INSERT INTO owners"));
pub(crate) static INSERT_USER: LazyLock<String> =
    LazyLock::new(|| USERS.insert("INSERT INTO users"));
pub(crate) static INSERT_WORK_ITEM: LazyLock<String> =
    LazyLock::new(|| WORK_ITEMS.insert("INSERT INTO work_items"));
pub(crate) static UPDATE_WORK_ITEM: LazyLock<String> =
    LazyLock::new(|| WORK_ITEMS.update("UPDATE work_items"));

/// What a store has besides tokens, their owners and the audit log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parts {
    /// Users, their sessions, links and notices, and invites.
    pub accounts: bool,
    /// Work items.
    pub work_items: bool,
}

impl Parts {
    /// Everything, as a server of this project has it.
    pub const ALL: Self = Self {
        accounts: true,
        work_items: true,
    };
}

/// Returns the tables of a store.
pub fn tables(parts: Parts) -> impl Iterator<Item = &'static Table> + Clone {
    let accounts = ACCOUNT_TABLES.iter().filter(move |_| parts.accounts);
    let work = WORK_TABLES.iter().filter(move |_| parts.work_items);
    TABLES.iter().chain(accounts).chain(work)
}

/// Returns every column as `table.column`, sorted, to compare with a migrated database.
#[cfg(feature = "testing")]
#[must_use]
pub fn all_columns() -> Vec<String> {
    let mut all: Vec<_> = tables(Parts::ALL)
        .flat_map(|table| {
            let columns = table.columns();
            columns.map(|column| format!("{}.{column}", table.name))
        })
        .collect();
    all.sort();
    all
}

/// The tables of tokens. Audit events are never updated or deleted, so the database itself rejects
/// that.
const TABLES: [Table; 5] = [
    Table {
        name: "rate_limits",
        changes: &["INSERT", "UPDATE", "DELETE"],
        columns: "key begun_at count",
        key: 1,
    },
    Table {
        name: "audit_events",
        changes: &["INSERT"],
        columns: "id at actor actor_user actor_token actor_session action subject related \
                  request_id client_address email_from email_to",
        key: 1,
    },
    OWNERS,
    TOKENS,
    Table {
        name: "used_forms",
        changes: &["INSERT", "DELETE"],
        columns: "id made used_at",
        key: 1,
    },
];

/// The tables of accounts. The database updates the owner with each user.
const ACCOUNT_TABLES: [Table; 5] = [
    Table {
        name: "invites",
        changes: &["INSERT", "UPDATE", "DELETE"],
        columns: "id kind email email_key role digest created_by created_at expires_at \
                  claimed_at claimed_by withdrawn_at replaced_by",
        key: 1,
    },
    Table {
        name: "notices",
        changes: &["INSERT", "DELETE"],
        columns: "user_id token token_name at client_address revoked",
        key: 2,
    },
    Table {
        name: "sessions",
        changes: &["INSERT", "UPDATE", "DELETE"],
        columns: "id user_id digest created_at last_seen_at client client_address",
        key: 1,
    },
    Table {
        name: "sign_in_links",
        changes: &["INSERT", "UPDATE", "DELETE"],
        columns: "id user_id digest created_by created_at expires_at used_at",
        key: 1,
    },
    USERS,
];

/// The tables of work items.
const WORK_TABLES: [Table; 2] = [
    Table {
        name: "work_domains",
        changes: &["INSERT", "UPDATE"],
        columns: "key last_number",
        key: 1,
    },
    WORK_ITEMS,
];

pub(crate) const TOKENS: Table = Table {
    name: "tokens",
    changes: &["INSERT", "UPDATE", "DELETE"],
    columns: "id kind owner_id name scope digest created_at expires_at revoked_at \
              last_used_at successor agent_id work_item issuer_id last_four created_from \
              last_used_from revoked_by name_folded",
    key: 1,
};

pub(crate) const OWNERS: Table = Table {
    name: "owners",
    changes: &["INSERT", "UPDATE"],
    columns: "id role active account email name",
    key: 1,
};

pub(crate) const USERS: Table = Table {
    name: "users",
    changes: &["INSERT", "UPDATE"],
    columns: "id email email_key name role created_at suspended_at password_hash deleted_at",
    key: 1,
};

pub(crate) const WORK_ITEMS: Table = Table {
    name: "work_items",
    changes: &["INSERT", "UPDATE", "DELETE"],
    columns: "domain number part kind title description search_text status priority target \
              assignee_id claim_agent claim_user_id claim_run_id claimed_at created_by \
              created_at updated_at resolved_at version last_part claim_on_behalf_id",
    key: 3,
};
