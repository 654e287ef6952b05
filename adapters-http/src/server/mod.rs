//! The server side: extractors, routes, error mapping and OpenAPI.

mod accept;
mod api;
mod body;
mod client_address;
mod cors;
mod given;
mod head;
pub(crate) mod if_match;
mod layers;
mod mapping;
mod metrics;
mod openapi;
mod overload;
mod path;
mod query;
mod requests;
mod routes;
mod stopping;
pub(crate) mod to_wire;
mod unexpected;
mod unserved;
mod value;

pub use crate::guard::{
    Access, AnyToken, ClientAddress, Code, Context, Guard, Human, HumanAdmin, Permission, Problem,
    Public, outage,
};
pub(crate) use accept::is_browser;
pub use api::{ApiSettings, ApiState, WorkItemsState, work_items_router};
pub(crate) use api::{Pages, base_path, router};
pub(crate) use body::{HeldBack, TooLargeForm};
pub use client_address::PeerAddress;
pub(crate) use head::is_form;
pub use layers::{
    DEFAULT_MAX_REQUESTS_IN_PROGRESS, LayerSettings, MAX_BODY_BYTES, MAX_FORM_BYTES,
    MAX_HEADER_BYTES,
};
pub use metrics::HttpMetrics;
pub use openapi::document as openapi;
pub(crate) use openapi::without_work_items as openapi_without_work_items;
pub(crate) use routes::stream_export;
pub use stopping::Stopping;
pub use to_wire::bootstrapped;
pub use unserved::Unserved;
