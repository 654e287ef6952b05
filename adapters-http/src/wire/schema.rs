//! Schemas of text with a specific form. They replace the types of fields in the OpenAPI
//! description only: `schema(value_type = schema::UserId)`.

use std::borrow::Cow;

use openindex_domain::{audit, token, user};
use utoipa::openapi::schema::AnyOfBuilder;
use utoipa::openapi::{KnownFormat, ObjectBuilder, RefOr, Schema, SchemaFormat, Type};
use utoipa::{PartialSchema, ToSchema};

/// Control characters.
macro_rules! control {
    () => {
        r"\u0000-\u001f\u007f-\u009f"
    };
}
/// Unicode white space that is not a control character.
macro_rules! space {
    () => {
        r"\u0020\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
    };
}
/// All white space, including control characters.
macro_rules! white {
    () => {
        concat!(r"\u0009-\u000d\u0085", space!())
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
/// A work item key.
macro_rules! key {
    () => {
        r"[A-Za-z][A-Za-z0-9]{1,9}-[1-9][0-9]{0,8}(\.[1-9][0-9]{0,8})?"
    };
}
/// An entity tag (RFC 9110 §8.8.3).
macro_rules! tag {
    () => {
        r#"(W/)?"[!#-~]*""#
    };
}

macro_rules! named {
    ($name:ident) => {
        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed(stringify!($name))
            }
        }
    };
}

macro_rules! text {
    ($($(#[doc = $doc:literal])+ $name:ident {
        pattern: $pattern:expr, example: $example:literal $(, $key:ident: $value:expr)*
    })+) => {$(
        $(#[doc = $doc])+
        pub(crate) enum $name {}

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                ObjectBuilder::new()
                    .schema_type(Type::String)
                    .description(Some(concat!($($doc),+).trim_start()))
                    .pattern(Some($pattern))
                    $(.$key(Some($value)))*
                    .examples([$example])
                    .into()
            }
        }

        named!($name);
    )+};
}

text! {
    /// Personal access token id.
    PatId {
        pattern: "^pat_[0-9a-f]{32}$", example: "pat_0199f3a1c6d07c35b2f0e8a4d1c7b9e2"
    }
    /// Agent run id.
    RunId {
        pattern: "^run_[0-9a-f]{32}$", example: "run_0199f3a1c6d07c35b2f0e8a4d1c7b9e3"
    }
    /// Personal access token or agent run id.
    TokenId {
        pattern: "^(pat|run)_[0-9a-f]{32}$", example: "pat_0199f3a1c6d07c35b2f0e8a4d1c7b9e2"
    }
    /// User id.
    UserId {
        pattern: "^usr_[0-9a-f]{32}$", example: "usr_0199f3a1c6d07c35b2f0e8a4d1c7b9e1"
    }
    /// Invite id.
    InviteId {
        pattern: "^inv_[0-9a-f]{32}$", example: "inv_0199f3a1c6d07c35b2f0e8a4d1c7b9e4"
    }
    /// Sign-in link id.
    SignInLinkId {
        pattern: "^lnk_[0-9a-f]{32}$", example: "lnk_0199f3a1c6d07c35b2f0e8a4d1c7b9e5"
    }
    /// Audit event id.
    AuditEventId {
        pattern: "^evt_[0-9a-f]{32}$", example: "evt_0199f3a1c6d07c35b2f0e8a4d1c7b9e6"
    }
    /// Identifies an exact set of tokens, returned by a dry run of a bulk revocation.
    ReviewDigest {
        pattern: "^[0-9a-f]{64}$",
        example: "3c3913016c5570e9fd21be78a0e9c3d3a9522b6ba7152fd99d26e566a5bead3e"
    }
    /// Token or browser session id.
    CredentialId {
        pattern: "^(pat|run|ses)_[0-9a-f]{32}$", example: "pat_0199f3a1c6d07c35b2f0e8a4d1c7b9e2"
    }
    /// Id of a user, token, browser session or invite, key of a work item, or `unknown` for an
    /// account that does not exist.
    SubjectId {
        pattern: concat!("^((usr|pat|run|ses|inv)_[0-9a-f]{32}|unknown|", key!(), ")$"),
        example: "pat_0199f3a1c6d07c35b2f0e8a4d1c7b9e2"
    }
    /// User id, or `me` for the caller.
    UserOrMe {
        pattern: "^(usr_[0-9a-f]{32}|me)$", example: "me"
    }
    /// Work item key: domain and number, and for a sub-task its number within the parent. Requests
    /// may write it in lower case; responses use upper case.
    WorkItemKey {
        pattern: concat!("^", key!(), "$"), example: "OPS-42"
    }
    /// Domain of work items: a letter, then 1 to 9 letters or digits. Requests may write it in
    /// lower case; responses use upper case.
    DomainKey {
        pattern: "^[A-Za-z][A-Za-z0-9]{1,9}$", example: "OPS", min_length: 2, max_length: 10
    }
    /// Name of an agent.
    AgentId {
        pattern: "^[A-Za-z0-9._:/@-]{1,64}$", example: "builder-7", min_length: 1, max_length: 64
    }
    /// Name of a user or token: one line of at most 100 characters, without control, invisible,
    /// unassigned or private-use characters. Surrounding white space is removed, and the text is
    /// normalized to NFC.
    Name {
        pattern: line!(), example: "Deploy bot", min_length: 1, max_length: 100
    }
    /// Comma-separated entity tags, or `*` for any.
    EntityTags {
        pattern: concat!("^(\\*|", tag!(), "([ \\t]*,[ \\t]*", tag!(), ")*)$"), example: "\"7\""
    }
    /// Title of a work item: one line of at most 200 characters, without control, invisible,
    /// unassigned or private-use characters. Surrounding white space is removed, and the text is
    /// normalized to NFC.
    Title {
        pattern: line!(), example: "Rotate the deploy key", min_length: 1, max_length: 200
    }
    /// Markdown: at most 32,000 bytes in UTF-8, without invisible characters and without control
    /// characters other than tabs and line breaks.
    Markdown {
        pattern: r"^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]*$",
        example: "Create a new key, deploy it, then revoke the old one."
    }
    /// Search text: 1 to 8 words, at most 200 characters in total, no control characters.
    SearchText {
        pattern: concat!(
            "^[", white!(), "]*[^", control!(), space!(), "]+",
            "([", white!(), "]+[^", control!(), space!(), "]+){0,7}[", white!(), "]*$"
        ),
        example: "deploy key", min_length: 1, max_length: 200
    }
    /// Email address: at most 254 bytes in UTF-8, without quotes or comments. It may contain
    /// visible characters of any script, unlike the format `email`. The text is normalized to NFC.
    EmailAddress {
        pattern: concat!("^[^@", control!(), space!(), "]+@[^@", control!(), space!(), "]+$"),
        example: "ada@example.com", min_length: 3, max_length: 254
    }
    /// Secret of a personal access token, shown only once.
    PatSecret {
        pattern: "^oi_pat_[A-Za-z0-9_]{48}$",
        example: "oi_pat_7gkPcVJ0qY3uZ5xW2nT8bR1mD4sF6hL9aE0jK7vQpXyUoIwz"
    }
    /// Secret of an agent run, shown only once.
    RunSecret {
        pattern: "^oi_run_[A-Za-z0-9_]{48}$",
        example: "oi_run_7gkPcVJ0qY3uZ5xW2nT8bR1mD4sF6hL9aE0jK7vQpXyUoIwz"
    }
    /// Secret of an invite, shown only once.
    InviteCode {
        pattern: "^[A-Za-z0-9_-]{43}$", example: "Zk3vT9qLx0bW7nR2mYc5dS8fH1jG4pA6eU-oI_tKwQz"
    }
}

macro_rules! words {
    ($($(#[doc = $doc:literal])+ $name:ident { $values:expr })+) => {$(
        $(#[doc = $doc])+
        pub(crate) enum $name {}
        named!($name);

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                ObjectBuilder::new()
                    .schema_type(Type::String)
                    .description(Some(concat!($($doc),+).trim_start()))
                    .enum_values(Some($values))
                    .into()
            }
        }
    )+};
}

words! {
    /// Action of an audit event.
    AuditAction { audit::AuditAction::all().map(audit::AuditAction::as_str) }
    /// Status of a token in its owner's list.
    ListedStatus { token::Status::ALL.map(token::Status::as_str) }
    /// Order of the caller's tokens.
    PatSort { token::Sort::ALL.map(token::Sort::as_str) }
    /// Order of users.
    UserSort { user::UserSort::ALL.map(user::UserSort::as_str) }
    /// Scope of every agent run.
    RunScope { [token::Scope::ReadWrite.as_str()] }
}

/// A date or date-time as a filter.
pub(crate) enum DateOrDateTime {}
named!(DateOrDateTime);

impl PartialSchema for DateOrDateTime {
    fn schema() -> RefOr<Schema> {
        date_or_date_time()
            .description(Some(
                "Date, meaning its start in UTC, or RFC 3339 date-time, from 1970 to \
                 9999.",
            ))
            .into()
    }
}

/// The requested expiry of a token.
pub(crate) enum RequestedExpiry {}
named!(RequestedExpiry);

impl PartialSchema for RequestedExpiry {
    fn schema() -> RefOr<Schema> {
        let blank = ObjectBuilder::new()
            .schema_type(Type::String)
            .max_length(Some(0));
        date_or_date_time()
            .item(blank)
            .description(Some(
                "When a token expires: a date, meaning the end of that day in UTC, or an RFC \
                 3339 date-time, up to the year 9999. It must be in the future. Blank means never.",
            ))
            .into()
    }
}

fn date_or_date_time() -> AnyOfBuilder {
    let of = |format| {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(format)))
    };
    AnyOfBuilder::new()
        .item(of(KnownFormat::Date))
        .item(of(KnownFormat::DateTime))
        .examples(["2026-12-31", "2026-12-31T12:00:00Z"])
}

#[cfg(test)]
mod tests {
    use openindex_domain::audit::Subject;
    use openindex_domain::token::TokenName;
    use openindex_domain::work_item::{
        Description, DomainKey as Domain, SearchTerms, Title as ItemTitle,
    };
    use openindex_domain::{OpaqueSecret, agent_run, invite};
    use proptest::prelude::*;
    use proptest::test_runner::TestRunner;
    use regex::Regex;

    use super::*;

    fn object<T: PartialSchema>() -> utoipa::openapi::Object {
        match T::schema() {
            RefOr::T(Schema::Object(object)) => object,
            _ => panic!("text"),
        }
    }

    /// Returns whether the schema accepts this text, by its pattern and lengths.
    fn has(schema: &utoipa::openapi::Object, text: &str) -> bool {
        let pattern = Regex::new(schema.pattern.as_deref().unwrap()).unwrap();
        let length = text.chars().count();
        pattern.is_match(text)
            && schema.min_length.is_none_or(|min| length >= min)
            && schema.max_length.is_none_or(|max| length <= max)
    }

    /// Asserts that the schema and the parser accept the same texts: texts that match the pattern,
    /// texts that nearly match, and any others.
    #[track_caller]
    fn agree<T: PartialSchema>(read: impl Fn(&str) -> bool) {
        compare::<T>(read, |has, read| has == read);
    }

    /// Asserts that the schema accepts every text that the parser accepts; it also accepts others,
    /// because no portable pattern can express invisible characters or valid domain letters.
    #[track_caller]
    fn covers<T: PartialSchema>(read: impl Fn(&str) -> bool) {
        compare::<T>(read, |has, read| has || !read);
    }

    #[track_caller]
    fn compare<T: PartialSchema>(read: impl Fn(&str) -> bool, right: fn(bool, bool) -> bool) {
        let schema = object::<T>();
        let pattern = schema.pattern.clone().unwrap();
        let examples = schema
            .examples
            .iter()
            .map(|example| example.as_str().unwrap());
        for example in examples {
            assert!(has(&schema, example) && read(example), "{example}");
        }
        let matching = proptest::string::string_regex(&pattern[1..pattern.len() - 1])
            .unwrap()
            .boxed();
        let nearly = (
            matching.clone(),
            any::<prop::sample::Index>(),
            any::<char>(),
        )
            .prop_map(|(text, at, other)| {
                let mut chars: Vec<char> = text.chars().collect();
                if !chars.is_empty() {
                    let at = at.index(chars.len());
                    chars[at] = other;
                }
                String::from_iter(chars)
            });
        let texts = prop_oneof![matching, nearly, any::<String>()];
        let checked = TestRunner::default().run(&texts, |text| {
            // White space around names and addresses is removed, which the patterns do not express.
            let is_trimmed = text == text.trim();
            prop_assert!(
                !is_trimmed || right(has(&schema, &text), read(&text)),
                "{:?}",
                text
            );
            Ok(())
        });
        if let Err(error) = checked {
            panic!("{pattern}: {error}");
        }
    }

    #[test]
    fn a_pattern_has_what_the_domain_reads_and_nothing_else() {
        agree::<UserId>(|text| text.parse::<user::UserId>().is_ok());
        agree::<UserOrMe>(|text| text == "me" || text.parse::<user::UserId>().is_ok());
        agree::<TokenId>(|text| text.parse::<token::TokenId>().is_ok());
        agree::<InviteId>(|text| text.parse::<invite::InviteId>().is_ok());
        agree::<SubjectId>(|text| text.parse::<Subject>().is_ok());
        agree::<WorkItemKey>(|text| text.parse::<agent_run::WorkItemKey>().is_ok());
        agree::<DomainKey>(|text| Domain::parse(text).is_ok());
        agree::<AgentId>(|text| agent_run::AgentId::parse(text).is_ok());
        covers::<Name>(|text| TokenName::parse(text).is_ok());
        covers::<Title>(|text| ItemTitle::parse(text).is_ok());
        covers::<Markdown>(|text| Description::parse(text).is_ok());
        // A blank parameter is rejected before its type is checked.
        agree::<SearchText>(|text| !text.trim().is_empty() && SearchTerms::parse(text).is_ok());
        covers::<EmailAddress>(|text| user::Email::parse(text).is_ok());
        agree::<InviteCode>(|text| OpaqueSecret::parse(text).is_some());
    }
}
