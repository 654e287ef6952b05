//! What templates show: times, names, badges and tokens.

mod choice;
mod client;
mod moment;
mod shown;
mod token;

pub(super) use choice::Choice;
pub(super) use client::browser;
pub(super) use moment::Moment;
pub(super) use shown::Shown;
pub(super) use token::{Badge, TokenView, scope_name, status_options};
