//! The web interface: server-rendered pages and the API reference. It works without JavaScript.
//!
//! Users are authenticated by the cookie of a [browser session](openindex_domain::session), which
//! the API does not accept; no page reads an `Authorization` header. Handlers translate between
//! forms and use cases and contain no business rules. [`router`] wraps every page in the same
//! protection (CSRF, Content-Security-Policy, caching).

mod access;
mod account;
mod activity;
mod admin;
mod assets;
mod cookie;
mod docs;
mod done;
mod draft;
mod error;
mod events;
mod form;
mod home;
mod invalid;
mod join;
mod local_path;
mod names;
mod notices;
mod once;
mod origin;
mod page;
mod paging;
mod path;
mod protection;
mod query;
mod routes;
mod runs;
mod sign_in;
mod sign_in_link;
mod site;
mod tokens;
mod view;
mod work_items;

pub(crate) use routes::pages;
pub use routes::{Route, router, routes};
