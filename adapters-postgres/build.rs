//! Makes a new migration rebuild the crate that embeds it: `sqlx::migrate!` tracks only the files
//! that it found the last time.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
    println!("cargo:rerun-if-changed=migrations-work");
}
