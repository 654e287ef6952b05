//! Where a new item belongs: one of `domain` and `parent`, and a `kind` that goes with it.

use std::str::FromStr;

use openindex_domain::work::{DomainKey, ItemKind, Place, TopKind, WorkItemKey};

use crate::server::body::Fields;

/// Takes the three fields. `None` is noted as an error that says what to do.
pub(super) fn take(fields: &mut Fields) -> Option<Place> {
    let has_parent = fields.has("parent");
    let kind = fields.text("kind", ItemKind::from_str);
    let parent = fields.text("parent", WorkItemKey::from_str);
    if has_parent || kind == Some(ItemKind::SubTask) {
        return part(fields, kind, parent);
    }
    let domain = fields.text("domain", DomainKey::parse);
    let domain = fields.require_since(
        "domain",
        domain,
        "is required, as in OPS, unless a sub-task is made with parent",
    );
    let kind = match kind {
        Some(ItemKind::Project) => TopKind::Project,
        _ => TopKind::Task,
    };
    Some(Place::Domain(domain?, kind))
}

fn part(fields: &mut Fields, kind: Option<ItemKind>, parent: Option<WorkItemKey>) -> Option<Place> {
    if kind.is_some_and(|kind| kind != ItemKind::SubTask) {
        fields.refuse::<()>(
            "kind",
            "must be sub_task or absent where there is a parent; leave parent out for a project \
             or task",
        );
    }
    fields.forbid(
        "domain",
        "must be absent for a sub-task, which is in the domain of its parent",
    );
    let parent = fields.require_since(
        "parent",
        parent,
        "is required for a sub_task: the key of a project or task, as in OPS-42",
    );
    parent.map(Place::PartOf)
}
