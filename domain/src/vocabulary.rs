//! Sets of values with names. Everything that lists such a set derives it from `ALL`.

/// Defines an enum whose values have a name that stores or the API use: all of them, and how their
/// names are read and written. With a second name, that is the error of `FromStr`.
///
/// With a type, defines constants of it instead, which are some of its values; the methods after a
/// name set their properties.
macro_rules! vocabulary {
    ($(#[$attribute:meta])* $name:ident {
        $($(#[$variant_attribute:meta])* $variant:ident = $text:literal,)+
    }) => {
        $(#[$attribute])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$variant_attribute])* $variant,)+
        }

        impl $name {
            /// Every value, in order.
            pub const ALL: [Self; [$($text),+].len()] = [$(Self::$variant),+];

            /// Returns the name that stores or the API use.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }

            #[doc = concat!("Parses the output of [`", stringify!($name), "::as_str`].")]
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.into_iter().find(|value| value.as_str() == text)
            }

            /// Returns what an error says about a text that is no name: `must be a, b or c`.
            #[must_use]
            pub fn must_be() -> String {
                $crate::vocabulary::must_be(&[$($text),+])
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
    ($(#[$attribute:meta])* $name:ident, $invalid:ident { $($values:tt)+ }) => {
        $crate::vocabulary::vocabulary! { $(#[$attribute])* $name { $($values)+ } }

        #[doc = concat!("The text is not the name of a [`", stringify!($name), "`].")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
        #[error("{}", $name::must_be())]
        pub struct $invalid;

        impl std::str::FromStr for $name {
            type Err = $invalid;

            fn from_str(text: &str) -> Result<Self, $invalid> {
                Self::parse(text).ok_or($invalid)
            }
        }
    };
    ($(#[$attribute:meta])* $name:ident: $value:ident {
        $($(#[$value_attribute:meta])* $constant:ident = $text:literal $(.$property:ident)*,)+
    }) => {
        $(#[$attribute])*
        pub enum $name {}

        impl $name {
            $($(#[$value_attribute])*
            pub const $constant: $value = $value::new($text)$(.$property())*;)+

            /// Every value, in order.
            pub const ALL: &'static [$value] = &[$(Self::$constant),+];
        }
    };
}

pub(crate) use vocabulary;

pub(crate) fn must_be(names: &[&str]) -> String {
    match names {
        [others @ .., last] if !others.is_empty() => {
            format!("must be {} or {last}", others.join(", "))
        }
        names => format!("must be {}", names.concat()),
    }
}

#[cfg(test)]
mod tests {
    use super::must_be;

    #[test]
    fn an_error_lists_every_name() {
        assert_eq!(must_be(&["a"]), "must be a");
        assert_eq!(must_be(&["a", "b"]), "must be a or b");
        assert_eq!(must_be(&["a", "b", "c"]), "must be a, b or c");
    }
}
