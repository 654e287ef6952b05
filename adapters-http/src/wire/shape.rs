/// Defines a body or a query as a struct with public fields: `wire! { response Name { … } }`.
///
/// - `response` can be compared and cloned, `secret` cannot; both may gain fields.
/// - `request` rejects unknown fields. A `query` does not, because a handler may read several; the
///   routes of this crate report what none of them knows.
/// - `list` is a response with one page of items; the body has only `items`, and
///   `DamagedRow` is imported.
///
/// A field may have its schema in brackets. In a request or query, `as "required"` marks a
/// mandatory field and `= "optional"` one that may be absent; the text names its module in
/// `field`.
macro_rules! wire {
    (response $($rest:tt)+) => {
        wire! { @define schema [
            #[derive(Clone, PartialEq, Eq)]
            #[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
        ] [rename_all = "camelCase"] $($rest)+ }
    };
    (secret $($rest:tt)+) => {
        wire! { @define schema [
            #[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
        ] [rename_all = "camelCase"] $($rest)+ }
    };
    (request $($rest:tt)+) => {
        wire! { @define schema [
            #[derive(Clone, PartialEq, Eq)]
            #[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
        ] [rename_all = "camelCase", deny_unknown_fields] $($rest)+ }
    };
    (query $($rest:tt)+) => {
        wire! { @define param [
            #[derive(Clone, Default, PartialEq, Eq)]
            #[cfg_attr(feature = "server", derive(utoipa::IntoParams))]
            #[cfg_attr(feature = "server", into_params(parameter_in = Query))]
        ] [rename_all = "camelCase"] $($rest)+ }
    };
    (list $(#[$meta:meta])* $name:ident { $(#[$items_meta:meta])* items: $items:ty }) => {
        wire! { response
        $(#[$meta])*
        $name {
            $(#[$items_meta])*
            items: $items,
            /// Damaged rows on this page; absent if there are none.
            #[serde(default, skip_serializing_if = "Vec::is_empty")]
            damaged: Vec<DamagedRow>,
            /// Value of `cursor` for the next page; null on the last page.
            next_cursor: Option<String>,
        }}
    };
    (@define $helper:ident [$($derive:tt)*] [$($serde:tt)*] $(#[$meta:meta])* $name:ident {$(
        $(#[$field_meta:meta])*
        $field:ident: $type:ty $(as $required:literal)? $(= $optional:literal)?
            $([$($schema:tt)+])?,
    )+}) => {
        #[derive(Debug, serde::Serialize, serde::Deserialize)]
        $($derive)*
        $(#[$meta])*
        #[serde($($serde)*)]
        pub struct $name {$(
            $(#[$field_meta])*
            $(#[serde(with = $required)])?
            $(#[serde(default, with = $optional, skip_serializing_if = "Option::is_none")])?
            $(#[cfg_attr(feature = "server", $helper($($schema)+))])?
            pub $field: $type,
        )+}
    };
}
pub(super) use wire;
