//! The web interface: server-rendered pages for people, and a readable page of the API's
//! description. It works without JavaScript, which only improves it.
//!
//! A person is known by the cookie of a [browser session](openindex_domain::session), which no
//! route of the API accepts; no page here reads an `Authorization` header. Handlers translate
//! between forms and use cases, and hold no rule of their own. What guards every page (CSRF,
//! Content-Security-Policy, caching) surrounds all of them in [`router`].

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

pub use access::Needs;
pub(crate) use protection::is_browser;
pub(crate) use routes::nowhere;
pub use routes::{Route, router, routes};
