//! Every route of the web interface, with its access requirement.

use std::sync::LazyLock;

use axum::Router;
use axum::handler::Handler;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodFilter, on};
use http::{HeaderMap, Method, StatusCode, Uri};

use crate::guard::{Access, Argument, HandlerSignature};
use crate::server::{Code, MAX_BODY_BYTES, MAX_FORM_BYTES, is_browser};

use super::access::Anyone;
use super::done::JustDone;
use super::error::{PageResult, WebError};
use super::form::Form;
use super::path::IdPath;
use super::query::Query;
use super::site::{Web, redirect};
use super::{
    account, activity, admin, assets, docs, home, join, notices, runs, sign_in, sign_in_link,
    tokens, work_items,
};

/// A page, or the target of a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// `GET` or `POST`.
    pub method: Method,
    /// The path in axum's syntax, with parameters such as `{id}` and `{code}`.
    pub path: &'static str,
    /// Who can open it.
    pub access: Access,
    /// Maximum size of its form in bytes.
    pub max_form_bytes: usize,
}

/// Returns every route of the web interface in order of declaration, including those of work items.
#[must_use]
pub fn routes() -> Vec<Route> {
    all(true).routes
}

/// Redirects a browser that opens the target of a form (from the history or after an error) to the
/// form's page.
pub(super) async fn other_method(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    match method {
        Method::OPTIONS => StatusCode::NO_CONTENT.into_response(),
        Method::GET | Method::HEAD if is_browser(&headers) => redirect(page_of(uri.path())),
        _ => WebError::of(Code::MethodNotAllowed).into_response(),
    }
}

/// Redirects a path with a trailing slash to its page. Any other path is not found.
pub(super) async fn not_found(_: Anyone, method: Method, uri: Uri) -> PageResult {
    match uri.path().strip_suffix('/') {
        Some(path) if method == Method::GET && is_page(path) => Ok(redirect(path)),
        _ => Err(WebError::NOT_FOUND),
    }
}

static PAGES: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let routes = routes().into_iter();
    let gets = routes.filter(|route| route.method == Method::GET);
    // Excludes assets and the "not found" page.
    gets.map(|route| route.path)
        .filter(|path| !path.contains('*') && !path.starts_with("/assets/"))
        .collect()
});

/// Returns whether a path has a page.
pub(super) fn is_page(path: &str) -> bool {
    let is_at = |pattern: &&str| {
        pattern.split('/').count() == path.split('/').count()
            && pattern
                .split('/')
                .zip(path.split('/'))
                .all(|(expected, given)| {
                    expected == given || expected.starts_with('{') && !given.is_empty()
                })
    };
    PAGES.iter().any(is_at)
}

/// Returns the page of a path: the path itself, or its nearest ancestor with a page.
pub(super) fn page_of(mut path: &str) -> &str {
    while !is_page(path) {
        match path.rsplit_once('/') {
            Some((above, _)) if !above.is_empty() => path = above,
            _ => return "/",
        }
    }
    path
}

impl Argument for HeaderMap {}
impl Argument for Method {}
impl Argument for Uri {}
impl Argument for JustDone {}
impl<T> Argument for IdPath<T> {}
impl<T> Argument for Result<T, WebError> {}
impl Argument for Query {
    const QUERY: bool = true;
}
impl Argument for Form {
    const BODY: bool = true;
}

pub(super) struct Routes {
    pub(super) router: Router<Web>,
    routes: Vec<Route>,
}

impl Routes {
    /// Adds a route. Its access requirement comes from the handler's type: a handler without one
    /// does not compile.
    fn add<T: HandlerSignature + 'static>(
        mut self,
        method: Method,
        path: &'static str,
        max_form_bytes: usize,
        handler: impl Handler<T, Web>,
    ) -> Self {
        let filter = if method == Method::POST {
            MethodFilter::POST
        } else {
            MethodFilter::GET
        };
        self.routes.push(Route {
            method,
            path,
            access: T::ACCESS,
            max_form_bytes,
        });
        self.router = self.router.route(path, on(filter, handler));
        self
    }

    fn get<T: HandlerSignature + 'static>(
        self,
        path: &'static str,
        handler: impl Handler<T, Web>,
    ) -> Self {
        self.add(Method::GET, path, MAX_BODY_BYTES, handler)
    }

    fn post<T: HandlerSignature + 'static>(
        self,
        path: &'static str,
        handler: impl Handler<T, Web>,
    ) -> Self {
        self.add(Method::POST, path, MAX_BODY_BYTES, handler)
    }

    /// Adds the target of a form with a long text.
    fn post_long<T: HandlerSignature + 'static>(
        self,
        path: &'static str,
        handler: impl Handler<T, Web>,
    ) -> Self {
        self.add(Method::POST, path, MAX_FORM_BYTES, handler)
    }
}

pub(super) fn all(with_work_items: bool) -> Routes {
    let routes = Routes {
        router: Router::new(),
        routes: Vec::new(),
    };
    let routes = routes
        .get("/", home::root)
        .get("/assets/{name}", assets::serve)
        .get("/docs", docs::show)
        .get("/.well-known/change-password", home::change_password)
        .get("/sign-in", sign_in::show)
        .post("/sign-in", sign_in::submit)
        .post("/sign-out", sign_in::sign_out)
        .get("/sign-in/link/{code}", sign_in_link::show)
        .post("/sign-in/link/{code}", sign_in_link::submit)
        .get("/join/{code}", join::show)
        .post("/join/{code}", join::submit);
    let routes = administration(agent_runs(personal(routes)));
    if with_work_items {
        work_items(routes)
    } else {
        routes
    }
}

fn agent_runs(routes: Routes) -> Routes {
    routes
        .get("/settings/agent-runs", runs::list)
        .get("/settings/agent-runs/new", runs::show_form)
        .post("/settings/agent-runs/new", runs::start)
        .get("/settings/agent-runs/end-all", runs::confirm_all)
        .post("/settings/agent-runs/end-all", runs::end_all)
        .get("/settings/agent-runs/{id}", runs::show)
        .get("/settings/agent-runs/{id}/end", runs::confirm_end)
        .post("/settings/agent-runs/{id}/end", runs::end)
}

fn work_items(routes: Routes) -> Routes {
    routes
        .get("/work", work_items::list)
        .get("/work/queue", work_items::queue)
        .get("/work/new", work_items::show_new_form)
        .post_long("/work/new", work_items::create)
        .get("/work/{key}", work_items::show)
        .get("/work/{key}/edit", work_items::show_edit_form)
        .post_long("/work/{key}/edit", work_items::edit)
        .post("/work/{key}/claim", work_items::claim)
        .post("/work/{key}/release", work_items::release)
        .post("/work/{key}/complete", work_items::complete)
        .get("/work/{key}/delete", work_items::confirm_delete)
        .post("/work/{key}/delete", work_items::delete)
}

fn personal(routes: Routes) -> Routes {
    routes
        .get("/settings", home::settings)
        .get("/settings/{*unknown}", not_found)
        .get(crate::TOKENS_PAGE, tokens::list)
        .get("/settings/tokens/new", tokens::show_form)
        .post("/settings/tokens/new", tokens::create)
        .get("/settings/tokens/{id}", tokens::show)
        .get("/settings/tokens/{id}/rotate", tokens::show_rotate_form)
        .post("/settings/tokens/{id}/rotate", tokens::rotate)
        .get("/settings/tokens/{id}/delete", tokens::confirm_delete)
        .post("/settings/tokens/{id}/delete", tokens::delete)
        .get("/settings/account", account::show)
        .get("/settings/account/activity", activity::list)
        .post("/settings/account/name", account::change_name)
        .post("/settings/account/password", account::change_password)
        .post("/settings/account/sessions/{id}/end", account::end_session)
        .post(
            "/settings/account/sign-out-everywhere",
            account::sign_out_everywhere,
        )
        .post("/settings/notices/dismiss", notices::dismiss)
}

fn administration(routes: Routes) -> Routes {
    use admin::{audit, bulk, invites, tokens, user, users};
    routes
        .get("/settings/admin", home::admin)
        .get("/settings/admin/users", users::list)
        .get("/settings/admin/users/{id}", user::show)
        .get("/settings/admin/users/{id}/suspend", user::confirm_suspend)
        .post("/settings/admin/users/{id}/suspend", user::suspend)
        .post("/settings/admin/users/{id}/unsuspend", user::unsuspend)
        .get("/settings/admin/users/{id}/role", user::confirm_role)
        .post("/settings/admin/users/{id}/role", user::set_role)
        .get("/settings/admin/users/{id}/email", user::show_email_form)
        .post("/settings/admin/users/{id}/email", user::set_email)
        .get("/settings/admin/users/{id}/delete", user::confirm_delete)
        .post("/settings/admin/users/{id}/delete", user::delete)
        .post(
            "/settings/admin/users/{id}/sign-in-link",
            user::sign_in_link,
        )
        .get("/settings/admin/invites", invites::list)
        .post("/settings/admin/invites", invites::create)
        .get(
            "/settings/admin/invites/{id}/withdraw",
            invites::confirm_withdraw,
        )
        .post("/settings/admin/invites/{id}/withdraw", invites::withdraw)
        .get("/settings/admin/tokens", tokens::list)
        .get("/settings/admin/tokens/revoke", bulk::preview)
        .post("/settings/admin/tokens/revoke", bulk::revoke)
        .get("/settings/admin/tokens/{id}", tokens::show)
        .get("/settings/admin/tokens/{id}/revoke", tokens::confirm_revoke)
        .post("/settings/admin/tokens/{id}/revoke", tokens::revoke)
        .get("/settings/admin/audit", audit::list)
        .get("/settings/admin/audit/export", audit::export)
}
