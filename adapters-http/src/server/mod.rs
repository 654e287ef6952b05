//! The server side: extractors, routes, error mapping and OpenAPI.

mod accept;
mod api;
mod body;
mod client_address;
mod cors;
mod declare;
mod given;
mod head;
pub(crate) mod if_match;
mod layers;
mod limits;
mod mapping;
mod method;
mod metrics;
mod openapi;
mod overload;
mod path;
mod query;
mod request_ids;
mod requests;
mod routes;
mod spans;
mod state;
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
pub(crate) use api::router;
pub use api::work_items_router;
#[cfg(feature = "web")]
pub(crate) use body::{HeldBack, TooLargeForm};
pub use client_address::PeerAddress;
#[cfg(feature = "web")]
pub(crate) use head::is_form;
pub use limits::{
    DEFAULT_MAX_REQUESTS_IN_PROGRESS, LayerSettings, MAX_BODY_BYTES, MAX_FORM_BYTES,
    MAX_HEADER_BYTES,
};
pub use metrics::HttpMetrics;
pub use routes::document as openapi;
#[cfg(feature = "web")]
pub(crate) use routes::{stream_export, without_work_items as openapi_without_work_items};
pub use spans::RequestSpans;
pub(crate) use state::Pages;
#[cfg(feature = "web")]
pub(crate) use state::base_path;
pub use state::{ApiSettings, ApiState, WorkItemsState};
pub use stopping::Stopping;
pub use to_wire::bootstrapped;
pub use unserved::Unserved;
