//! The routers of the API.

use axum::Router;
use axum::extract::{FromRef as _, Request};
use axum::response::IntoResponse as _;
use tower::ServiceExt as _;

use super::accept::is_browser;
use super::state::{Pages, Shared};
use super::{ApiState, Guard, WorkItemsState, layers, routes};

/// Returns the whole API and the pages: every route behind limits, timeouts, request ids and the
/// access log. Work item routes are included if the use cases have them.
pub(crate) fn router(state: ApiState, pages: Pages) -> Router {
    let (router, _) = routes::all().into_parts();
    let shared = Shared::new(state, pages.paths, pages.max_form_bytes, routes::describe);
    let mut router = router
        .method_not_allowed_fallback(routes::other_method)
        .with_state(shared.clone())
        .merge(pages.router);
    if let Some(work_items) = shared.work_items.clone() {
        let guard = Guard::from_ref(&shared);
        router = router.merge(work_items_router(WorkItemsState { work_items, guard }));
    }
    let state = shared.clone();
    let router = router.fallback(async move |request: Request| {
        if is_browser(request.headers()) {
            return pages.not_found.oneshot(request).await.into_response();
        }
        routes::not_found(&state, &request)
    });
    let (forwarded, _) = routes::forwarded().into_parts();
    let forwarded = forwarded.with_state(shared.clone());
    layers::wrap(router, forwarded, shared)
}

/// Returns only the work item routes, for a service that mounts them beside its own. That service
/// provides what [`router`](crate::router) wraps around them, such as request ids.
pub fn work_items_router(state: WorkItemsState) -> Router {
    let (router, _) = routes::work_items().into_parts();
    router
        .method_not_allowed_fallback(routes::other_method)
        .with_state(state)
}
