//! The web interface in real headless Chromium.

mod accessibility;
mod cors;
#[expect(dead_code, reason = "pictures are taken by an example")]
mod driver;
mod find;
mod flow;
mod once;
mod sample;
