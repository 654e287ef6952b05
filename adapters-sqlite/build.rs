//! Rebuilds the crate when a migration is added: `sqlx::migrate!` tracks only the files that
//! existed when it last ran.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
    println!("cargo:rerun-if-changed=migrations-work");
}
