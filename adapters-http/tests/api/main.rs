//! The API over the in-memory store, without a socket. The tree mirrors the URLs.

mod admin;
mod agent_runs;
mod arbitrary_input;
mod audit;
mod auth;
mod browse;
mod conditions;
mod cors;
mod credentials;
mod description;
mod head;
mod instance;
mod limits;
mod me;
mod metrics;
mod outage;
mod overload;
mod rooms;
mod secrets_in_text;
mod stats;
mod support;
mod unexpected;
