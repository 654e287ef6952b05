//! The web interface in real headless Chromium.

mod accessibility;
mod account;
mod admin_lists;
mod agents;
mod back;
mod cors;
mod created;
#[expect(dead_code, reason = "pictures are taken by an example")]
mod driver;
mod errors;
mod find;
mod flow;
mod holding;
mod narrow;
mod once;
mod reviews;
mod sample;
mod stopped;
mod times;
