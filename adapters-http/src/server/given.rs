//! Fields and parameters of a request by name, and how types are read from them. All errors are
//! collected, not just the first, and unknown fields are errors: a mistyped `expiresAt` must not
//! create a token that never expires.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use openindex_domain::token::TokenKind;
use serde::de::value::StrDeserializer;
use serde::de::{
    self, Deserialize, DeserializeOwned, DeserializeSeed, Deserializer, MapAccess, Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::value::RawValue;

use crate::wire::{Field, FieldError};

use super::Problem;
use super::value::{Fault, Value};

/// Maximum number of unknown fields in an error.
const MAX_UNKNOWN: usize = 20;
/// Maximum length of an unknown field name in an error: shorter than any secret.
const MAX_UNKNOWN_CHARS: usize = 40;

/// The fields of a JSON object, or the parameters of a query.
#[derive(Default)]
pub(super) struct Given {
    values: BTreeMap<String, Value>,
    repeated: BTreeSet<String>,
}

impl Given {
    pub(super) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Adds a field. A duplicate is recorded as an error, because it is ambiguous.
    pub(super) fn add(&mut self, name: String, value: Value) {
        match self.values.entry(name) {
            Entry::Occupied(given) => {
                self.repeated.insert(given.key().clone());
            }
            Entry::Vacant(place) => {
                place.insert(value);
            }
        }
    }
}

impl<'de> Deserialize<'de> for Given {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(GivenVisitor)
    }
}

struct GivenVisitor;

impl<'de> Visitor<'de> for GivenVisitor {
    type Value = Given;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    /// Null counts as an empty object.
    fn visit_unit<E>(self) -> Result<Given, E> {
        Ok(Given::default())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Given, A::Error> {
        let mut given = Given::default();
        while let Some((name, json)) = entries.next_entry::<_, &RawValue>()? {
            given.add(name, Value::of_json(json.get()));
        }
        Ok(given)
    }
}

/// Reads types from the fields and collects errors.
pub(super) struct Reader<'a> {
    given: &'a Given,
    /// `field` or `parameter`, for error messages.
    noun: &'static str,
    known: Vec<&'static str>,
    faults: Vec<FieldError>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(given: &'a Given, noun: &'static str) -> Self {
        Self {
            given,
            noun,
            known: Vec::new(),
            faults: Vec::new(),
        }
    }

    /// Reads a type. Returns `None` if a field is invalid, which [`Reader::finish`] reports;
    /// `required` lists the fields that must be present.
    pub(super) fn read<T: DeserializeOwned>(&mut self, required: &[String]) -> Option<T> {
        loop {
            match T::deserialize(Fields(self)) {
                Ok(value) => return Some(value),
                // Continue without this field to find errors in the others.
                Err(Fault::Field(field, message)) => self.reject(field, message),
                Err(Fault::Value(message)) => {
                    self.reject("body", message);
                    return None;
                }
                Err(Fault::Missing(field)) => {
                    for field in required.iter().map(String::as_str).chain([field]) {
                        if !self.given.values.contains_key(field) && !self.is_wrong(field) {
                            self.reject(field, "is required");
                        }
                    }
                    return None;
                }
            }
        }
    }

    /// Reads one field for a rule that spans several; `None` if it is invalid.
    #[expect(
        clippy::option_option,
        reason = "wrong, absent and given are three results"
    )]
    pub(super) fn peek<T: Field>(&self, field: &str) -> Option<Option<T>> {
        if self.is_wrong(field) {
            return None;
        }
        match self.given.values.get(field) {
            None => Some(None),
            Some(value) => crate::wire::read_optional(value).ok(),
        }
    }

    pub(super) fn reject(&mut self, field: &str, message: impl Into<String>) {
        self.faults.push(FieldError {
            field: field.to_owned(),
            message: message.into(),
        });
    }

    /// Adds the errors of a rule that spans several fields.
    pub(super) fn reject_all(&mut self, faults: Vec<FieldError>) {
        self.faults.extend(faults);
    }

    /// Adds an error for each unknown field and returns all errors, if any.
    pub(super) fn finish(mut self) -> Result<(), Problem> {
        let place = |faults: &FieldError| {
            let known = self.known.iter();
            known.clone().position(|field| **field == faults.field)
        };
        self.faults.sort_by_key(place);
        let known = match self.known.as_slice() {
            [] => "this route has none".to_owned(),
            known => format!("expected one of: {}", known.join(", ")),
        };
        let names = self.given.values.keys();
        let unknown = names.filter(|name| !self.known.contains(&name.as_str()));
        // A limited number suffices to see the mistake; thousands would exceed the body in size.
        for name in unknown.take(MAX_UNKNOWN) {
            self.faults.push(FieldError {
                field: repeatable(name).to_owned(),
                message: format!("is an unknown {}; {known}", self.noun),
            });
        }
        if self.faults.is_empty() {
            Ok(())
        } else {
            Err(Problem::invalid_fields(self.faults))
        }
    }

    fn is_wrong(&self, field: &str) -> bool {
        self.faults.iter().any(|fault| fault.field == field)
    }

    /// Registers the fields of a type, and reports those that are duplicate or blank.
    fn learn(&mut self, fields: &'static [&'static str]) {
        for field in fields {
            if self.known.contains(field) {
                continue;
            }
            self.known.push(field);
            if self.given.repeated.contains(*field) {
                self.reject(field, "must not be repeated");
            } else if self.given.values.get(*field).is_some_and(Value::is_blank) {
                // `?status=` from an unset variable must not mean every status.
                self.reject(field, "must not be blank; leave it out");
            }
        }
    }
}

/// Returns the name of an unknown field if it can be shown; a secret could be in its place.
fn repeatable(name: &str) -> &str {
    let is_name = name.len() <= MAX_UNKNOWN_CHARS
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
        && !TokenKind::ALL
            .iter()
            .any(|kind| name.contains(kind.secret_prefix()));
    if is_name { name } else { "…" }
}

/// Deserializes a struct from the fields it knows, except the invalid ones.
struct Fields<'r, 'a>(&'r mut Reader<'a>);

impl<'de> Deserializer<'de> for Fields<'_, 'de> {
    type Error = Fault;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let Self(reader) = self;
        reader.learn(fields);
        let given = fields.iter().filter(|field| !reader.is_wrong(field));
        let given = given.filter_map(|field| Some((*field, reader.given.values.get(*field)?)));
        visitor.visit_map(Entries {
            next: None,
            rest: given,
        })
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_unit()
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Fault> {
        Err(de::Error::custom("can only be read as a struct"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

struct Entries<'de, I> {
    next: Option<(&'static str, &'de Value)>,
    rest: I,
}

impl<'de, I: Iterator<Item = (&'static str, &'de Value)>> MapAccess<'de> for Entries<'de, I> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Fault> {
        self.next = self.rest.next();
        match self.next {
            Some((field, _)) => seed.deserialize(StrDeserializer::new(field)).map(Some),
            None => Ok(None),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        let (field, value) = self.next.take().ok_or(Fault::Missing(""))?;
        seed.deserialize(value).map_err(|fault| match fault {
            Fault::Value(message) => Fault::Field(field, message),
            other => Fault::Field(field, other.to_string()),
        })
    }
}
