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
mod error_page;
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
mod paths;
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

pub use routes::{Route, routes};

use std::sync::Arc;

use axum::Router;
use http::Method;

use crate::server::{ApiState, Pages};

use routes::{all, not_found, other_method};

// What most pages use.
pub(in crate::web) use access::{Administrator, Anyone, At, Person, Visitor};
pub(in crate::web) use done::Done;
pub(in crate::web) use error::{DamagedRow, PageResult, WebError};
pub(in crate::web) use form::Form;
pub(in crate::web) use invalid::{CHOOSE, Fault, Invalid, weak_password};
pub(in crate::web) use local_path::LocalPath;
pub(in crate::web) use names::{Named, Names};
pub(in crate::web) use page::{Page, html};
pub(in crate::web) use paging::Paging;
pub(in crate::web) use path::IdPath;
pub(in crate::web) use query::Query;
pub(in crate::web) use runs::Ending;
pub(in crate::web) use site::{Site, Transport, Web, redirect};
pub(in crate::web) use view::{Badge, Choice, Moment, Shown, TokenView, scope_name};

/// Returns the web interface, to be merged into the server's router inside its layers. Those assign
/// request IDs and client addresses, limit size and time, and prefix redirects with the public
/// URL's path.
///
/// Its own layers protect against forged forms, framing and foreign scripts. It has no fallback
/// (see `pages`); unknown paths below `/settings` get a "not found" page.
pub fn router(state: ApiState) -> Router {
    let router = all(state.work_items.is_some())
        .router
        .method_not_allowed_fallback(other_method);
    protection::wrap(router, web(state))
}

/// Returns the web interface for the server's router, with what its middleware has to know.
pub(crate) fn pages(state: ApiState) -> Pages {
    let not_found = Router::new().fallback(not_found);
    let routes = routes();
    let forms = routes.iter().filter(|route| route.method == Method::POST);
    Pages {
        not_found: protection::wrap(not_found, web(state.clone())),
        router: router(state),
        max_form_bytes: forms
            .map(|route| (route.path, route.max_form_bytes))
            .collect(),
        paths: routes.iter().map(|route| route.path).collect(),
    }
}

fn web(state: ApiState) -> Web {
    let site = Site::of(&state.settings.public_url, state.settings.version);
    let site = Arc::new(site);
    Web { api: state, site }
}
