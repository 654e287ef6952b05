//! The API routes; the modules mirror the URLs.

mod admin;
mod agent_runs;
mod audit;
mod auth;
mod browse;
mod credentials;
mod health;
mod me;
mod openapi_json;
mod stats;
mod unrouted;
mod well_known;

use std::collections::HashSet;

use axum::response::{IntoResponse as _, Response};
use http::{Method, StatusCode, header};

pub(crate) use audit::export::stream_export;
pub(super) use unrouted::literals;

use super::api::{Routes, Shared, route};
use super::{Code, Problem, WorkItemsState, layers, openapi};

/// Returns every route of the API except those of work items.
pub(super) fn all() -> Routes<Shared> {
    let routes = Routes::new(openapi::base());
    let routes = route!(routes, health::get_health);
    let routes = route!(routes, health::get_readiness);
    let routes = route!(routes, well_known::get);
    let routes = route!(routes, openapi_json::get);
    let routes = route!(routes, me::get);
    let routes = route!(routes, me::update);
    let routes = route!(routes, me::pats::list);
    let routes = route!(
        routes,
        me::pats::create,
        InsufficientScope,
        TokenLimitReached,
        CreationRateReached
    );
    let routes = route!(routes, me::pats::get);
    let routes = route!(routes, me::pats::delete);
    let routes = route!(
        routes,
        me::pats::rotate,
        InsufficientScope,
        TokenNotLive,
        TokenAlreadyRotated,
        TokenLimitReached,
        CreationRateReached
    );
    let routes = route!(routes, agent_runs::list);
    let routes = route!(
        routes,
        agent_runs::start,
        RunLimitReached,
        WorkItemResolved,
        CreationRateReached
    );
    let routes = route!(routes, agent_runs::get);
    let routes = route!(routes, agent_runs::end);
    let routes = route!(routes, admin::users::list);
    let routes = route!(routes, admin::users::get);
    let routes = route!(routes, admin::users::update, LastAdmin, EmailTaken);
    let routes = route!(routes, admin::users::delete, LastAdmin, OwnAccount);
    let routes = route!(routes, admin::users::suspend, LastAdmin);
    let routes = route!(routes, admin::users::unsuspend);
    let routes = route!(routes, admin::users::create_sign_in_link);
    let routes = route!(routes, admin::invites::list);
    let routes = route!(routes, admin::invites::create, EmailTaken);
    let routes = route!(routes, admin::invites::withdraw);
    let routes = route!(routes, admin::pats::list);
    let routes = route!(
        routes,
        admin::pats::revoke_matching,
        ReviewOutdated,
        ReviewRequired
    );
    let routes = route!(routes, admin::pats::revoke);
    let routes = route!(routes, stats::get);
    let routes = route!(routes, audit::list);
    let routes = route!(routes, audit::export::export);
    let routes = route!(
        routes,
        auth::invites::claim,
        NotFound,
        InviteNotOpen,
        EmailTaken,
        RateLimited
    );
    route!(routes, credentials::report_leaked, RateLimited)
}

/// Returns the work item routes.
pub(super) fn work_items() -> Routes<WorkItemsState> {
    let routes = Routes::new(openapi::work_items_base());
    let routes = route!(routes, browse::list);
    let routes = route!(
        routes,
        browse::create,
        RunBoundToWorkItem,
        WorkItemResolved,
        NumbersExhausted
    );
    let routes = route!(routes, browse::queue::get, AgentMismatch);
    let routes = route!(routes, browse::item::get);
    let routes = route!(
        routes,
        browse::item::update,
        RunBoundToWorkItem,
        HumanTokenRequired,
        InvalidTransition,
        WorkItemClaimed,
        WorkItemNotClaimed,
        WrongExecutionTarget,
        VersionMismatch
    );
    let routes = route!(
        routes,
        browse::item::delete,
        RunBoundToWorkItem,
        HasSubTasks,
        WorkItemClaimed,
        WorkItemNotClaimed,
        WrongExecutionTarget,
        VersionMismatch
    );
    let routes = route!(
        routes,
        browse::item::claim,
        RunBoundToWorkItem,
        AgentMismatch,
        WorkItemClaimed,
        WorkItemResolved,
        WrongExecutionTarget,
        VersionMismatch
    );
    let routes = route!(
        routes,
        browse::item::release,
        RunBoundToWorkItem,
        AgentMismatch,
        WorkItemClaimed,
        WrongExecutionTarget,
        VersionMismatch
    );
    route!(
        routes,
        browse::item::complete,
        RunBoundToWorkItem,
        AgentMismatch,
        WorkItemClaimed,
        WorkItemNotClaimed,
        WrongExecutionTarget,
        InvalidTransition,
        VersionMismatch
    )
}

/// Responds to a path without a route: 404, or the response to `OPTIONS *`. `base` is the
/// path of the public URL.
pub(super) fn not_found(
    method: &Method,
    path: &str,
    base: &str,
    literals: &HashSet<String>,
) -> Response {
    if path == "*" {
        let allow = [(header::ALLOW, "GET, HEAD, POST, PATCH, DELETE, OPTIONS")];
        return (StatusCode::NO_CONTENT, allow).into_response();
    }
    let mut hint = String::new();
    let rest = path.strip_prefix(base).filter(|rest| rest.starts_with('/'));
    if rest.is_some() && !base.is_empty() {
        hint = format!("; the proxy that serves {base} must strip it from the path");
    } else if path.len() > 1 && path.ends_with('/') {
        "; paths have no trailing slash".clone_into(&mut hint);
    }
    let looked_up = unrouted::shown(method, path, base, literals);
    let detail = format!(
        "no route matches {looked_up}; /openapi.json lists the \
         routes{hint}"
    );
    Problem::new(Code::NotFound, detail).into_response()
}

/// Responds to a method that a path does not support: `OPTIONS` (RFC 9110 §9.3.7) or 405. The
/// router adds `Allow`.
pub(super) async fn other_method(method: Method) -> Response {
    if method == Method::OPTIONS {
        return StatusCode::NO_CONTENT.into_response();
    }
    let method = layers::known(&method).unwrap_or("this method");
    Problem::new(
        Code::MethodNotAllowed,
        format!("this path does not support {method}; see the Allow header"),
    )
    .into_response()
}
