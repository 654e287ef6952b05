//! Detects duplicate keys in a JSON object, of which serde would silently use the last value.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

/// Returns the first duplicate key of an object in a JSON text, with an error that locates it.
/// Returns `None` for invalid JSON, which fails when it is parsed.
pub(super) fn duplicate_key(text: &str) -> Option<(String, serde_json::Error)> {
    let found = RefCell::new(None);
    let mut json = serde_json::Deserializer::from_str(text);
    let error = Unique { found: &found }.deserialize(&mut json).err()?;
    Some((found.into_inner()?, error))
}

/// Deserializes any value, and fails at the first duplicate key.
#[derive(Clone, Copy)]
struct Unique<'a> {
    found: &'a RefCell<Option<String>>,
}

impl<'de> DeserializeSeed<'de> for Unique<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Unique<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut keys = BTreeSet::new();
        while let Some(key) = map.next_key::<String>()? {
            if keys.contains(&key) {
                self.found.replace(Some(key));
                return Err(A::Error::custom("a duplicate key"));
            }
            keys.insert(key);
            map.next_value_seed(self)?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(self)?.is_some() {}
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duplicate_key_is_found_at_any_depth() {
        for (text, expected) in [
            (r#"{"profiles":{},"profiles":{}}"#, Some("profiles")),
            (r#"{"profiles":{"work":{},"work":{}}}"#, Some("work")),
            (
                r#"{"profiles":{"work":{"token":"a","token":"b"}}}"#,
                Some("token"),
            ),
            (
                r#"{"later":[1,-1,1.5,null,true,{"x":1,"\u0078":2}]}"#,
                Some("x"),
            ),
            (
                r#"{"profiles":{"a":{"token":"x"},"b":{"token":"y"}}}"#,
                None,
            ),
            (r#"{"profiles":"#, None),
            ("[]", None),
        ] {
            let found = duplicate_key(text).map(|(key, _)| key);
            assert_eq!(found.as_deref(), expected, "{text}");
        }
    }
}
