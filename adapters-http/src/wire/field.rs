//! Request fields that hold domain values. Each is checked when it is read, so a handler never sees
//! an invalid value and a client cannot send one.
//!
//! In `#[serde(with = "…")]`: [`required`] for a mandatory field, [`optional`] for one that may be
//! absent or null, and for partial updates, where absent and null differ, [`non_null`] and
//! [`nullable`].

use openindex_domain::admin_tokens::ReviewDigest;
use openindex_domain::agent_run::{AgentId, DomainKey, RunTtl, WorkItemKey};
use openindex_domain::audit::{AuditAction, Subject};
use openindex_domain::clock::Timestamp;
use openindex_domain::token::{
    Expiry, Lifetime, Overlap, Scope, Search, Sort, Status, TokenId, TokenKind, TokenName,
};
use openindex_domain::user::{Email, Password, PersonName, Role, UserId, UserSearch, UserSort};
use openindex_domain::work_item::{
    Description, ExecutionTarget, ItemKind, ItemStatus, Priority, Title,
};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

/// Text of a field; wiped on drop, because some fields are secrets.
pub(crate) type Text = Zeroizing<String>;

/// A domain value as a request field.
pub(crate) trait Field: Sized {
    /// Its form in JSON.
    type Wire: Serialize + DeserializeOwned;

    /// Parses the value.
    ///
    /// # Errors
    ///
    /// A message that says what the value must be, for example `must not be blank`. It never
    /// contains the input.
    fn read(wire: &Self::Wire) -> Result<Self, String>;

    /// Returns the form in JSON.
    fn write(&self) -> Self::Wire;
}

struct Read<T>(T);

impl<'de, T: Field> Deserialize<'de> for Read<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let wire = T::Wire::deserialize(from)?;
        T::read(&wire).map(Self).map_err(D::Error::custom)
    }
}

/// A mandatory field.
pub(crate) mod required {
    use super::{Deserialize as _, Deserializer, Field, Read, Serialize as _, Serializer};

    pub(crate) fn serialize<T: Field, S: Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
        value.write().serialize(to)
    }

    pub(crate) fn deserialize<'de, T: Field, D: Deserializer<'de>>(from: D) -> Result<T, D::Error> {
        Read::deserialize(from).map(|Read(value)| value)
    }
}

/// A field that may be absent or null, which mean the same.
pub(crate) mod optional {
    use super::{Deserialize as _, Deserializer, Field, Read, Serialize as _, Serializer};

    #[expect(clippy::ref_option, reason = "serde passes the field")]
    pub(crate) fn serialize<T: Field, S: Serializer>(
        value: &Option<T>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        value.as_ref().map(T::write).serialize(to)
    }

    pub(crate) fn deserialize<'de, T: Field, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<T>, D::Error> {
        let read = Option::deserialize(from)?;
        Ok(read.map(|Read(value)| value))
    }
}

/// A field of a partial update that may be absent but not null.
pub(crate) mod non_null {
    use serde::de::Error as _;

    use super::{Deserializer, Field};

    pub(crate) use super::optional::serialize;

    pub(crate) fn deserialize<'de, T: Field, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<T>, D::Error> {
        match super::optional::deserialize(from)? {
            None => Err(D::Error::custom(
                "must not be null; leave it out to keep the current value",
            )),
            some => Ok(some),
        }
    }
}

/// A field of a partial update: absent keeps the value, null clears it.
#[expect(
    clippy::option_option,
    reason = "absent, null and given are three cases"
)]
pub(crate) mod nullable {
    use super::{Deserializer, Field, Serialize as _, Serializer};

    #[expect(clippy::ref_option, reason = "serde passes the field")]
    pub(crate) fn serialize<T: Field, S: Serializer>(
        value: &Option<Option<T>>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        value
            .as_ref()
            .and_then(Option::as_ref)
            .map(T::write)
            .serialize(to)
    }

    pub(crate) fn deserialize<'de, T: Field, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Option<T>>, D::Error> {
        super::optional::deserialize(from).map(Some)
    }
}

/// `text! { Type: parser, formatter; … }`; the parser returns the error message.
macro_rules! text {
    ($($type:ty: $read:expr, $write:expr;)+) => {$(
        impl Field for $type {
            type Wire = Text;

            fn read(text: &Text) -> Result<Self, String> {
                let read: fn(&str) -> Result<Self, _> = $read;
                read(text).map_err(|error| error.to_string())
            }

            fn write(&self) -> Text {
                let write: fn(&Self) -> String = $write;
                Text::new(write(self))
            }
        }
    )+};
}

pub(super) use text;

text! {
    TokenName: Self::parse, ToString::to_string;
    Scope: str::parse, ToString::to_string;
    Status: |text| Self::parse(text).ok_or_else(Status::must_be),
        |status| status.as_str().to_owned();
    TokenKind: |text| Self::parse(text).ok_or_else(TokenKind::must_be),
        |kind| kind.as_str().to_owned();
    Search: Self::parse, |search| search.as_str().to_owned();
    Sort: |text| Self::parse(text).ok_or_else(Sort::must_be),
        |sort| sort.as_str().to_owned();
    Expiry: Self::parse, ToString::to_string;
    Timestamp: |text| Self::parse_since(text)
        .ok_or("must be a date such as 2026-12-31, or an RFC 3339 date-time"), ToString::to_string;
    Email: Self::parse, ToString::to_string;
    PersonName: Self::parse, ToString::to_string;
    Password: Self::parse, |password| password.expose().to_owned();
    Role: |text| Self::parse(text).ok_or_else(Role::must_be),
        |role| role.as_str().to_owned();
    UserId: |text| text.parse().map_err(|_| "must be the id of a user (usr_…)"),
        ToString::to_string;
    TokenId: |text| text.parse().map_err(|_| "must be the nextCursor of the previous page"),
        ToString::to_string;
    ReviewDigest: str::parse, ToString::to_string;
    UserSearch: Self::parse, |search| search.as_str().to_owned();
    UserSort: |text| Self::parse(text)
        .ok_or_else(UserSort::must_be),
        |sort| sort.as_str().to_owned();
    AgentId: Self::parse, ToString::to_string;
    DomainKey: Self::parse, ToString::to_string;
    WorkItemKey: str::parse, ToString::to_string;
    ItemKind: str::parse, ToString::to_string;
    ItemStatus: str::parse, ToString::to_string;
    Priority: str::parse, ToString::to_string;
    ExecutionTarget: str::parse, ToString::to_string;
    Title: Self::parse, ToString::to_string;
    Description: Self::parse, |text| text.as_str().to_owned();
    AuditAction: |text| Self::parse(text).ok_or("must be an action such as token.created"),
        |action| action.as_str().to_owned();
    Subject: |text| text.parse().map_err(
        |_| "must be the id of a user, token, session or invite, or the key of a work item"),
        ToString::to_string;
}

impl Field for bool {
    type Wire = Self;

    fn read(flag: &Self) -> Result<Self, String> {
        Ok(*flag)
    }

    fn write(&self) -> Self {
        *self
    }
}

/// Durations, in seconds.
macro_rules! seconds {
    ($($type:ty),+) => {$(
        impl Field for $type {
            type Wire = i64;

            fn read(seconds: &i64) -> Result<Self, String> {
                Self::from_seconds(*seconds).map_err(|error| error.to_string())
            }

            fn write(&self) -> i64 {
                self.seconds().into()
            }
        }
    )+};
}

seconds!(Lifetime, Overlap, RunTtl);

impl Field for Vec<ItemStatus> {
    type Wire = Text;

    /// Comma-separated; duplicates count once.
    fn read(text: &Text) -> Result<Self, String> {
        let mut read = Self::new();
        for status in text.split(',') {
            let status = ItemStatus::read(&Text::new(status.trim().to_owned()))?;
            if !read.contains(&status) {
                read.push(status);
            }
        }
        Ok(read)
    }

    fn write(&self) -> Text {
        let names: Vec<&str> = self.iter().map(|status| status.as_str()).collect();
        Text::new(names.join(","))
    }
}
