use std::borrow::Cow;

/// How a service presents rejections: the names that are its own.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct GuardSettings {
    /// The realm of challenges (RFC 9110 §11.5). By default `openindex`.
    pub realm: Cow<'static, str>,
    /// What precedes the code in the `type` of a problem document (RFC 9457 §3.1.1). By default
    /// `urn:openindex:problem:`.
    pub problem_types: Cow<'static, str>,
    /// Whether a problem document names the `oi` command that helps (`nextCommand`). By default it
    /// does.
    pub names_commands: bool,
}

impl GuardSettings {
    /// The settings of OpenIndex itself.
    pub const DEFAULT: Self = Self {
        realm: Cow::Borrowed("openindex"),
        problem_types: Cow::Borrowed("urn:openindex:problem:"),
        names_commands: true,
    };

    /// Returns the settings of another service: its realm, the prefix of its problem types, and no
    /// `oi` commands.
    #[must_use]
    pub fn of_service(
        realm: impl Into<Cow<'static, str>>,
        problem_types: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            realm: realm.into(),
            problem_types: problem_types.into(),
            names_commands: false,
        }
    }

    /// Returns the value of `WWW-Authenticate` with these parameters after the realm (RFC 6750 §3).
    pub(crate) fn challenge(&self, parameters: &str) -> String {
        // As a quoted string (RFC 9110 §5.6.4).
        let realm = self.realm.replace('\\', r"\\").replace('"', r#"\""#);
        let separator = if parameters.is_empty() { "" } else { ", " };
        format!(r#"Bearer realm="{realm}"{separator}{parameters}"#)
    }
}

impl Default for GuardSettings {
    fn default() -> Self {
        Self::DEFAULT
    }
}

#[cfg(test)]
mod tests {
    use super::GuardSettings;

    #[test]
    fn a_realm_is_a_quoted_string() {
        let settings = GuardSettings::of_service(r#"no"tes \ all"#, "");
        assert_eq!(settings.challenge(""), r#"Bearer realm="no\"tes \\ all""#);
        let invalid = r#"error="invalid_token""#;
        assert_eq!(
            GuardSettings::DEFAULT.challenge(invalid),
            r#"Bearer realm="openindex", error="invalid_token""#
        );
    }
}
