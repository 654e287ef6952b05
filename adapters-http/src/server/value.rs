//! Values of a request and their deserialization. The target type decides what is valid: a JSON
//! string is not a number, but the text of a query parameter may be one.

use std::fmt;
use std::num::IntErrorKind;

use serde::de::value::SeqDeserializer;
use serde::de::{
    self, Deserialize, Deserializer, IgnoredAny, IntoDeserializer, MapAccess, SeqAccess, Visitor,
};
use serde::forward_to_deserialize_any;
use zeroize::Zeroizing;

/// The value of a field or of a query parameter.
pub(super) enum Value {
    Null,
    Bool(bool),
    /// Includes `3600.0`. Values out of range are clamped to `i64`.
    Whole(i64),
    Fraction,
    /// Wiped on drop, because some values are secrets.
    Text(Zeroizing<String>),
    List(Vec<Value>),
    /// No request field is an object, so its content is not stored.
    Object,
    /// A query parameter, in which numbers and booleans are text as well.
    Parameter(String),
    /// JSON that cannot be read, and why: nested too deeply, or an unpaired surrogate.
    Unreadable(&'static str),
}

impl Value {
    /// Parses the value of one field, so that an error can name the field.
    pub(super) fn of_json(json: &str) -> Self {
        serde_json::from_str(json).unwrap_or_else(|error| {
            // The syntax was checked before. 1e400 is valid JSON and beyond the range of every
            // type.
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
        reason = "values out of range are clamped"
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

/// What is wrong with a value or a request; see [`super::given`].
#[derive(Debug)]
pub(super) enum Fault {
    /// The value is invalid.
    Value(String),
    /// This field is invalid.
    Field(&'static str, String),
    /// This field is missing.
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

    // The messages say only what is expected: the value sent may be a secret.
    fn invalid_type(_: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::Value(format!("must be {expected}"))
    }

    fn invalid_value(_: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::Value(format!("must be {expected}"))
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
    /// Returns whether this is a parameter without a value.
    pub(super) fn is_blank(&self) -> bool {
        matches!(self, Self::Parameter(text) if text.trim().is_empty())
    }

    /// Returns an error that says what the value must be.
    fn must_be<T>(&self, expected: &str) -> Result<T, Fault> {
        Err(Fault::Value(match self {
            Self::Null => "must not be null".to_owned(),
            Self::Unreadable(why) => (*why).to_owned(),
            _ => format!("must be {expected}"),
        }))
    }

    fn whole<'de, V: Visitor<'de>>(&self, visitor: V) -> Result<V::Value, Fault> {
        match self {
            Self::Whole(number) => visitor.visit_i64(*number),
            Self::Parameter(text) => match text.parse::<i64>() {
                Ok(number) => visitor.visit_i64(number),
                // As in a body: the range check says what it must be.
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
