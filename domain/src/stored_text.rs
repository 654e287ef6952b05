/// Defines what every validated text type over `Arc<str>` has: reading from a store, `as_str`, and
/// `Display`.
macro_rules! stored_text {
    ($name:ident, $what:literal) => {
        impl $name {
            /// Creates it from stored text without validation: what was accepted under earlier,
            /// weaker rules remains valid.
            #[must_use]
            pub fn from_stored(text: &str) -> Self {
                Self(text.into())
            }

            #[doc = concat!("Returns ", $what, ".")]
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

pub(crate) use stored_text;
