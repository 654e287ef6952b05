//! The web interface in real headless Chromium.

mod accessibility;
mod account;
mod cors;
mod created;
#[expect(dead_code, reason = "pictures are taken by an example")]
mod driver;
mod flow;
mod once;
mod sample;
mod times;
