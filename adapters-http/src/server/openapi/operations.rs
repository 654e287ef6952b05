use utoipa::openapi::path::{Operation, PathItem};

pub(super) fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let PathItem {
        get,
        post,
        delete,
        patch,
        put,
        ..
    } = item;
    [get, post, delete, patch, put].into_iter().flatten()
}
