//! The tables that the statements use.

/// A table: its name, what the statements do with its rows besides reading them (locking one counts
/// as an update), and its columns, separated by spaces.
pub struct Table {
    /// The name.
    pub name: &'static str,
    /// `INSERT`, `UPDATE` and `DELETE`, as far as a statement does it.
    pub changes: &'static [&'static str],
    /// The columns, separated by spaces.
    pub columns: &'static str,
}

/// Returns the tables, with those of work items or without.
pub fn tables(with_work_items: bool) -> impl Iterator<Item = &'static Table> + Clone {
    let work: &[Table] = if with_work_items { &WORK_TABLES } else { &[] };
    TABLES.iter().chain(work)
}

/// The tables of tokens and users. Audit events are never updated or deleted, so the database
/// itself rejects that.
const TABLES: [Table; 9] = [
    Table {
        name: "rate_limits",
        changes: &["INSERT", "UPDATE", "DELETE"],
        columns: "key begun_at count",
    },
    Table {
        name: "audit_events",
        changes: &["INSERT"],
        columns: "id at actor actor_user actor_token actor_session action subject related \
                  request_id client_address email_from email_to",
    },
    Table {
        name: "invites",
        changes: &["INSERT", "UPDATE", "DELETE"],
        columns: "id kind email email_key role digest created_by created_at expires_at \
                  claimed_at claimed_by withdrawn_at replaced_by",
    },
    Table {
        name: "notices",
        changes: &["INSERT", "DELETE"],
        columns: "user_id token token_name at client_address revoked",
    },
    Table {
        name: "sessions",
        changes: &["INSERT", "UPDATE", "DELETE"],
        columns: "id user_id digest created_at last_seen_at client client_address",
    },
    Table {
        name: "sign_in_links",
        changes: &["INSERT", "UPDATE", "DELETE"],
        columns: "id user_id digest created_by created_at expires_at used_at",
    },
    Table {
        name: "tokens",
        changes: &["INSERT", "UPDATE", "DELETE"],
        columns: "id kind owner_id name scope digest created_at expires_at revoked_at \
                  last_used_at successor agent_id work_item issuer_id last_four created_from \
                  last_used_from revoked_by name_folded",
    },
    Table {
        name: "used_forms",
        changes: &["INSERT", "DELETE"],
        columns: "id made used_at",
    },
    Table {
        name: "users",
        changes: &["INSERT", "UPDATE"],
        columns: "id email email_key name role created_at suspended_at password_hash deleted_at",
    },
];

/// The tables of work items.
const WORK_TABLES: [Table; 2] = [
    Table {
        name: "work_domains",
        changes: &["INSERT", "UPDATE"],
        columns: "key last_number",
    },
    Table {
        name: "work_items",
        changes: &["INSERT", "UPDATE", "DELETE"],
        columns: "domain number part kind status priority target assignee_id claim_agent \
                  claim_user_id claim_run_id claimed_at created_by created_at updated_at \
                  resolved_at version last_part title description search_text \
                  claim_on_behalf_id",
    },
];
