//! Schemas of text with a form of its own, each described once. They stand for the fields' types in
//! the description alone: `schema(value_type = schema::UserId)`.

use std::borrow::Cow;

use utoipa::openapi::{KnownFormat, ObjectBuilder, RefOr, Schema, SchemaFormat, Type};
use utoipa::{PartialSchema, ToSchema};

/// The controls, which no name has.
macro_rules! control {
    () => {
        r"\u0000-\u001f\u007f-\u009f"
    };
}
/// The white space that is no control, as Unicode has it.
macro_rules! space {
    () => {
        r"\u0020\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
    };
}
/// One line that is not blank.
macro_rules! line {
    () => {
        concat!(
            "^[^",
            control!(),
            "]*[^",
            control!(),
            space!(),
            "][^",
            control!(),
            "]*$"
        )
    };
}
/// The key of a work item.
macro_rules! key {
    () => {
        r"[A-Z][A-Z0-9]{1,9}-[1-9][0-9]{0,8}(\.[1-9][0-9]{0,8})?"
    };
}
/// A date, or an RFC 3339 date-time, from 1970 to 9999.
macro_rules! instant {
    () => {
        concat!(
            "(19[7-9][0-9]|[2-9][0-9]{3})-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])",
            r"(T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9]))?"
        )
    };
}

macro_rules! text {
    ($($(#[doc = $doc:literal])+ $name:ident {
        pattern: $pattern:expr, example: $example:literal $(, $key:ident: $value:expr)*
    })+) => {$(
        $(#[doc = $doc])+
        pub(crate) enum $name {}

        impl $name {
            /// The pattern of the schema.
            pub(crate) const PATTERN: &str = $pattern;
        }

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                ObjectBuilder::new()
                    .schema_type(Type::String)
                    .description(Some(concat!($($doc),+).trim_start()))
                    .pattern(Some(Self::PATTERN))
                    $(.$key(Some($value)))*
                    .examples([$example])
                    .into()
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed(stringify!($name))
            }
        }
    )+};
}

text! {
    /// The id of a personal access token.
    PatId {
        pattern: "^pat_[0-9a-f]{32}$", example: "pat_0199f3a1c6d07c35b2f0e8a4d1c7b9e2"
    }
    /// The id of an agent run.
    RunId {
        pattern: "^run_[0-9a-f]{32}$", example: "run_0199f3a1c6d07c35b2f0e8a4d1c7b9e3"
    }
    /// The id of a personal access token or an agent run.
    TokenId {
        pattern: "^(pat|run)_[0-9a-f]{32}$", example: "pat_0199f3a1c6d07c35b2f0e8a4d1c7b9e2"
    }
    /// The id of a user.
    UserId {
        pattern: "^usr_[0-9a-f]{32}$", example: "usr_0199f3a1c6d07c35b2f0e8a4d1c7b9e1"
    }
    /// The id of an invite.
    InviteId {
        pattern: "^inv_[0-9a-f]{32}$", example: "inv_0199f3a1c6d07c35b2f0e8a4d1c7b9e4"
    }
    /// The id of a one-time sign-in link.
    SignInLinkId {
        pattern: "^lnk_[0-9a-f]{32}$", example: "lnk_0199f3a1c6d07c35b2f0e8a4d1c7b9e5"
    }
    /// The id of an entry of the audit log.
    AuditEventId {
        pattern: "^evt_[0-9a-f]{32}$", example: "evt_0199f3a1c6d07c35b2f0e8a4d1c7b9e6"
    }
    /// The id of a token or a browser session.
    CredentialId {
        pattern: "^(pat|run|ses)_[0-9a-f]{32}$", example: "pat_0199f3a1c6d07c35b2f0e8a4d1c7b9e2"
    }
    /// The id of a user, token, browser session or invite, or the key of a work item.
    SubjectId {
        pattern: concat!("^((usr|pat|run|ses|inv)_[0-9a-f]{32}|", key!(), ")$"),
        example: "pat_0199f3a1c6d07c35b2f0e8a4d1c7b9e2"
    }
    /// A user by their id, or the caller.
    UserOrMe {
        pattern: "^(usr_[0-9a-f]{32}|me)$", example: "me"
    }
    /// The key of a work item: its domain and number, and for a sub-task its number within its
    /// parent.
    WorkItemKey {
        pattern: concat!("^", key!(), "$"), example: "OPS-42"
    }
    /// The domain of a work item: an upper-case letter, then 1 to 9 upper-case letters and digits.
    DomainKey {
        pattern: "^[A-Z][A-Z0-9]{1,9}$", example: "OPS", min_length: 2, max_length: 10
    }
    /// The name of an agent.
    AgentId {
        pattern: "^[A-Za-z0-9._:/@-]{1,64}$", example: "builder-7", min_length: 1, max_length: 64
    }
    /// The name of a person or a token: one line of at most 100 characters, without control
    /// characters. White space around it is removed.
    Name {
        pattern: line!(), example: "Deploy bot", min_length: 1, max_length: 100
    }
    /// The title of a work item: one line of at most 200 characters, without control characters.
    /// White space around it is removed.
    Title {
        pattern: line!(), example: "Rotate the deploy key", min_length: 1, max_length: 200
    }
    /// Markdown: at most 32,000 bytes in UTF-8, without control characters other than tabs and line
    /// breaks.
    Markdown {
        pattern: r"^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]*$",
        example: "Create a new key, deploy it, then revoke the old one."
    }
    /// An email address of at most 254 bytes.
    EmailAddress {
        pattern: concat!("^[^@", control!(), space!(), "]+@[^@", control!(), space!(), "]+$"),
        example: "ada@example.com", min_length: 3, max_length: 254,
        format: SchemaFormat::KnownFormat(KnownFormat::Email)
    }
    /// A date, which means its beginning in UTC, or an RFC 3339 date-time.
    DateOrDateTime {
        pattern: concat!("^", instant!(), "$"), example: "2026-12-31"
    }
    /// When a token expires: a date, which means the end of that day in UTC, or an RFC 3339
    /// date-time. It must be in the future. Blank means never.
    RequestedExpiry {
        pattern: concat!("^(", instant!(), ")?$"), example: "2026-12-31"
    }
    /// The secret of a personal access token. It is returned once.
    PatSecret {
        pattern: "^oi_pat_[A-Za-z0-9_]{48}$",
        example: "oi_pat_7gkPcVJ0qY3uZ5xW2nT8bR1mD4sF6hL9aE0jK7vQpXyUoIwz"
    }
    /// The secret of an agent run. It is returned once.
    RunSecret {
        pattern: "^oi_run_[A-Za-z0-9_]{48}$",
        example: "oi_run_7gkPcVJ0qY3uZ5xW2nT8bR1mD4sF6hL9aE0jK7vQpXyUoIwz"
    }
    /// The secret of an invite. It is returned once.
    InviteCode {
        pattern: "^[A-Za-z0-9_-]{43}$", example: "Zk3vT9qLx0bW7nR2mYc5dS8fH1jG4pA6eU-oI_tKwQz"
    }
}
