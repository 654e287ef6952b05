use std::fmt;

use serde::de::value::StrDeserializer;
use serde::de::{Deserialize, Deserializer, IntoDeserializer as _};
use serde::{Serialize, Serializer};

/// A value of an enumeration that may grow. A newer server may send values that this version does
/// not know: they are passed on unchanged and grant nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Open<T> {
    /// A value that this version knows.
    Known(T),
    /// A value that this version does not know.
    Other(String),
}

impl<T> Open<T> {
    /// Returns the value if this version knows it.
    pub const fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Other(_) => None,
        }
    }
}

impl<T: PartialEq> PartialEq<T> for Open<T> {
    fn eq(&self, other: &T) -> bool {
        self.known() == Some(other)
    }
}

/// Formats the value as on the wire.
impl<T: Serialize> fmt::Display for Open<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(value) => value.serialize(f),
            Self::Other(word) => f.write_str(word),
        }
    }
}

impl<T: Serialize> Serialize for Open<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Known(value) => value.serialize(serializer),
            Self::Other(word) => serializer.serialize_str(word),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Open<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        let known: StrDeserializer<'_, serde::de::value::Error> = word.as_str().into_deserializer();
        Ok(T::deserialize(known).map_or(Self::Other(word), Self::Known))
    }
}

/// Defines an enumeration of the domain for requests and responses, with all conversions.
macro_rules! vocabulary {
    ($(#[$meta:meta])* $name:ident = $domain:ty {
        $($(#[$variant_meta:meta])* $variant:ident,)+
    }) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        #[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
        $(#[$meta])*
        #[serde(rename_all = "snake_case")]
        pub enum $name {
            $($(#[$variant_meta])* $variant,)+
        }

        impl From<$domain> for $name {
            fn from(value: $domain) -> Self {
                match value {
                    $(<$domain>::$variant => Self::$variant,)+
                }
            }
        }

        impl From<$domain> for $crate::wire::Open<$name> {
            fn from(value: $domain) -> Self {
                Self::Known(value.into())
            }
        }

        impl From<$name> for $domain {
            fn from(value: $name) -> Self {
                match value {
                    $($name::$variant => Self::$variant,)+
                }
            }
        }
    };
}
pub(super) use vocabulary;

#[cfg(test)]
mod tests {
    use super::super::{ItemStatus, Role};
    use super::*;

    #[test]
    fn an_unknown_value_is_passed_on_unchanged_and_equals_nothing() {
        for (json, word) in [
            ("\"auditor\"", "auditor"),
            ("\"Admin\"", "Admin"),
            ("\"\"", ""),
        ] {
            let role: Open<Role> = serde_json::from_str(json).unwrap();
            assert_eq!(role, Open::Other(word.to_owned()));
            assert!(role != Role::Admin && role != Role::Member);
            assert_eq!(role.to_string(), word);
            assert_eq!(serde_json::to_string(&role).unwrap(), json);
        }
    }

    #[test]
    fn a_known_value_is_parsed_and_only_strings_are_values() {
        let status: Open<ItemStatus> = serde_json::from_str("\"in_progress\"").unwrap();
        assert!(status == ItemStatus::InProgress);
        assert_eq!(status.to_string(), "in_progress");
        for json in ["7", "null", "{}", "[\"admin\"]"] {
            assert!(serde_json::from_str::<Open<Role>>(json).is_err(), "{json}");
        }
    }
}
