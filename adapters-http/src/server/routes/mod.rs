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

use axum::routing::any;
use utoipa::openapi::OpenApi as Document;
use utoipa_axum::router::UtoipaMethodRouter;

#[cfg(feature = "web")]
pub(crate) use audit::export::stream_export;
pub(super) use unrouted::{not_found, other_method};

use super::declare::{Routes, routes};
use super::openapi;
use super::state::Shared;
use super::{Code, WorkItemsState};

/// Returns every route of the API except those of work items.
pub(super) fn all() -> Routes<Shared> {
    routes! {
        openapi::base();
        health::get_health;
        health::get_readiness;
        well_known::get;
        well_known::authorization_server;
        openapi_json::get;
        me::get;
        me::update;
        me::pats::list;
        me::pats::create: InsufficientScope TokenLimitReached CreationRateReached;
        me::pats::get;
        me::pats::delete;
        me::pats::rotate:
            InsufficientScope TokenNotLive TokenAlreadyRotated TokenLimitReached
            CreationRateReached;
        me::token::get;
        me::token::delete;
        me::token::rotate:
            InsufficientScope TokenNotLive TokenAlreadyRotated TokenLimitReached
            CreationRateReached;
        agent_runs::list;
        agent_runs::start: RunLimitReached WorkItemResolved CreationRateReached;
        agent_runs::get;
        agent_runs::end;
        admin::users::list;
        admin::users::get;
        admin::users::update: LastAdmin EmailTaken;
        admin::users::delete: LastAdmin OwnAccount;
        admin::users::suspend: LastAdmin;
        admin::users::unsuspend;
        admin::users::create_sign_in_link: AccountRequired;
        admin::invites::list;
        admin::invites::create: AccountRequired EmailTaken;
        admin::invites::withdraw;
        admin::pats::list;
        admin::pats::revoke_matching: ReviewOutdated ReviewRequired;
        admin::pats::revoke;
        stats::get;
        audit::list;
        audit::export::export;
        auth::invites::claim: NotFound InviteNotOpen EmailTaken RateLimited;
        auth::introspect::introspect;
        credentials::report_leaked: RateLimited;
    }
}

/// Returns the routes that a proxy asks about a request that it forwards. They respond to every
/// method and ignore the body.
pub(super) fn forwarded() -> Routes<Shared> {
    let (schemas, paths, _): UtoipaMethodRouter<Shared> =
        utoipa_axum::routes!(auth::verify::verify);
    let route = (schemas, paths, any(auth::verify::verify));
    let problems = [
        Code::InsufficientScope,
        Code::HumanTokenRequired,
        Code::AgentRunTokenRequired,
    ];
    Routes::new(Document::default()).declare(&auth::verify::verify, &problems, route)
}

/// Returns the work item routes.
pub(super) fn work_items() -> Routes<WorkItemsState> {
    routes! {
        openapi::work_items_base();
        browse::list;
        browse::create: RunBoundToWorkItem AccountRequired WorkItemResolved NumbersExhausted;
        browse::queue::get: AgentMismatch;
        browse::item::get;
        browse::item::update:
            RunBoundToWorkItem HumanTokenRequired InvalidTransition WorkItemClaimed
            WorkItemNotClaimed WrongExecutionTarget VersionMismatch;
        browse::item::delete:
            RunBoundToWorkItem HasSubTasks WorkItemClaimed WorkItemNotClaimed WrongExecutionTarget
            VersionMismatch;
        browse::item::claim:
            RunBoundToWorkItem AgentMismatch AccountRequired WorkItemClaimed WorkItemResolved
            WrongExecutionTarget VersionMismatch;
        browse::item::release:
            RunBoundToWorkItem AgentMismatch WorkItemClaimed WrongExecutionTarget VersionMismatch;
        browse::item::complete:
            RunBoundToWorkItem AgentMismatch WorkItemClaimed WorkItemNotClaimed
            WrongExecutionTarget InvalidTransition VersionMismatch;
    }
}

/// Returns the description of every route of this version.
#[must_use]
pub fn document() -> Document {
    describe(true)
}

/// Returns the description of an instance without work items.
#[cfg(feature = "web")]
pub(crate) fn without_work_items() -> Document {
    describe(false)
}

/// Returns the description of all routes, with or without those of work items.
pub(super) fn describe(with_work_items: bool) -> Document {
    let (_, mut document) = all().into_parts();
    document = document.merge_from(forwarded().into_parts().1);
    if with_work_items {
        document = document.merge_from(work_items().into_parts().1);
    }
    openapi::complete(document)
}
