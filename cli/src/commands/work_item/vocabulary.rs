//! Parsers for the enumerations of work items; help and completions list all values.

use std::str::FromStr;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use openindex_domain::work_item::{ExecutionTarget, ItemKind, ItemStatus, Priority};

pub(super) fn kind() -> impl TypedValueParser<Value = ItemKind> {
    one_of(ItemKind::ALL.iter().map(|kind| kind.as_str()))
}

/// Parses the kind of an item that is not a sub-task.
pub(super) fn top_kind() -> impl TypedValueParser<Value = ItemKind> {
    let kinds = ItemKind::ALL
        .iter()
        .filter(|kind| **kind != ItemKind::SubTask);
    one_of(kinds.map(|kind| kind.as_str()))
}

pub(super) fn status() -> impl TypedValueParser<Value = ItemStatus> {
    one_of(ItemStatus::ALL.iter().map(|status| status.as_str()))
}

pub(super) fn priority() -> impl TypedValueParser<Value = Priority> {
    one_of(Priority::ALL.iter().map(|priority| priority.as_str()))
}

pub(super) fn target() -> impl TypedValueParser<Value = ExecutionTarget> {
    one_of(ExecutionTarget::ALL.iter().map(|target| target.as_str()))
}

fn one_of<T>(names: impl Iterator<Item = &'static str>) -> impl TypedValueParser<Value = T>
where
    T: FromStr<Err: std::error::Error + Send + Sync + 'static> + Clone + Send + Sync + 'static,
{
    PossibleValuesParser::new(names).try_map(|text| text.parse::<T>())
}
