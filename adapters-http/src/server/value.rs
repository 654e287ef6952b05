//! The values of a request, and how serde reads them. Which kind is wanted is said by the type that
//! is read, so a mistake is told in terms of that: a JSON string is no number, but text in a query
//! may be one.

use std::fmt;
use std::num::IntErrorKind;

use serde::de::value::SeqDeserializer;
use serde::de::{
    self, Deserialize, Deserializer, IgnoredAny, IntoDeserializer, MapAccess, SeqAccess, Visitor,
};
use serde::forward_to_deserialize_any;
use zeroize::Zeroizing;

/// The value of a field, or of a query parameter.
pub(super) enum Value {
    Null,
    Bool(bool),
    /// `3600.0` is one, too; what is beyond the range of an `i64` is its end.
    Whole(i64),
    Fraction,
    /// Wiped, since some of it is secret.
    Text(Zeroizing<String>),
    List(Vec<Value>),
    /// No field of a request holds one, so it is not kept.
    Object,
    /// In a query, where numbers and booleans are text as well.
    Parameter(String),
    /// JSON that is not read for this reason: nested too deeply, half a surrogate pair.
    Unreadable(&'static str),
}

impl Value {
    /// Reads the value of a field by itself, so that what is wrong with it is told with its name.
    pub(super) fn of_json(json: &str) -> Self {
        serde_json::from_str(json).unwrap_or_else(|error| {
            // The syntax was checked already. 1e400 is JSON, and beyond every number that is read.
            match (error.to_string(), json.as_bytes().first()) {
                (said, Some(b'-')) if said.starts_with("number out of range") => {
                    Self::Whole(i64::MIN)
                }
                (said, Some(b'0'..=b'9')) if said.starts_with("number out of range") => {
                    Self::Whole(i64::MAX)
                }
                (said, _) if said.starts_with("number out of range") => {
                    Self::Unreadable("has a number out of range")
                }
                (said, _) if said.starts_with("recursion limit") => {
                    Self::Unreadable("is nested too deeply")
                }
                _ => Self::Unreadable("is not valid JSON"),
            }
        })
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Whole(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Whole(i64::try_from(number).unwrap_or(i64::MAX)))
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "what is beyond the range becomes its end"
    )]
    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(if number.fract() == 0.0 {
            Value::Whole(number as i64)
        } else {
            Value::Fraction
        })
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(Zeroizing::new(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Value::Object)
    }
}

/// What is wrong with a value, or with the request: see [`super::given`].
#[derive(Debug)]
pub(super) enum Fault {
    /// The value at hand must be something else.
    Value(String),
    /// This field has a wrong value.
    Field(&'static str, String),
    /// This field is not there.
    Missing(&'static str),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(message) => f.write_str(message),
            Self::Field(field, message) => write!(f, "{field} {message}"),
            Self::Missing(field) => write!(f, "{field} is required"),
        }
    }
}

impl std::error::Error for Fault {}

impl de::Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Value(message.to_string())
    }

    // Both say what is wanted alone: what was sent may be a secret.
    fn invalid_type(_: de::Unexpected<'_>, wanted: &dyn de::Expected) -> Self {
        Self::Value(format!("must be {wanted}"))
    }

    fn invalid_value(_: de::Unexpected<'_>, wanted: &dyn de::Expected) -> Self {
        Self::Value(format!("must be {wanted}"))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::Missing(field)
    }
}

impl<'de> IntoDeserializer<'de, Fault> for &'de Value {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl Value {
    /// Whether it is a parameter without a value.
    pub(super) fn is_blank(&self) -> bool {
        matches!(self, Self::Parameter(text) if text.trim().is_empty())
    }

    /// Says what the value must be instead.
    fn must_be<T>(&self, wanted: &str) -> Result<T, Fault> {
        Err(Fault::Value(match self {
            Self::Null => "must not be null".to_owned(),
            Self::Unreadable(why) => (*why).to_owned(),
            _ => format!("must be {wanted}"),
        }))
    }

    fn whole<'de, V: Visitor<'de>>(&self, visitor: V) -> Result<V::Value, Fault> {
        match self {
            Self::Whole(number) => visitor.visit_i64(*number),
            Self::Parameter(text) => match text.parse::<i64>() {
                Ok(number) => visitor.visit_i64(number),
                // As in a body: what it must be is told by its range.
                Err(error) => match error.kind() {
                    IntErrorKind::PosOverflow => visitor.visit_i64(i64::MAX),
                    IntErrorKind::NegOverflow => visitor.visit_i64(i64::MIN),
                    _ => self.must_be("a whole number"),
                },
            },
            _ => self.must_be("a whole number"),
        }
    }
}

macro_rules! whole_numbers {
    ($($method:ident)+) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            self.whole(visitor)
        }
    )+};
}

impl<'de> Deserializer<'de> for &'de Value {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Whole(number) => visitor.visit_i64(*number),
            Value::Text(text) => visitor.visit_borrowed_str(text),
            Value::Parameter(text) => visitor.visit_borrowed_str(text),
            Value::List(_) => self.deserialize_seq(visitor),
            Value::Fraction | Value::Object | Value::Unreadable(_) => {
                self.must_be("something else")
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self {
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Parameter(text) if text == "true" => visitor.visit_bool(true),
            Value::Parameter(text) if text == "false" => visitor.visit_bool(false),
            _ => self.must_be("true or false"),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self {
            Value::Text(text) => visitor.visit_str(text),
            Value::Parameter(text) => visitor.visit_str(text),
            _ => self.must_be("a string"),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_str(visitor)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let Value::List(items) = self else {
            return self.must_be("a list");
        };
        visitor.visit_seq(SeqDeserializer::new(items.iter()))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    whole_numbers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
    }

    forward_to_deserialize_any! {
        i128 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct map struct enum
        identifier ignored_any
    }
}
