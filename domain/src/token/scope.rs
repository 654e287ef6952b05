use std::fmt;
use std::str::FromStr;

/// What a token permits. [`Scope::Admin`] contains [`Scope::ReadWrite`]; the order of the variants
/// follows containment, so the lesser scope is the smaller value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Read and change work items.
    ReadWrite,
    /// Everything that `read_write` permits, and administration of the instance.
    Admin,
}

/// The text is not a scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be read_write or admin")]
pub struct InvalidScope;

impl Scope {
    /// Every scope, the least first.
    pub const ALL: [Self; 2] = [Self::ReadWrite, Self::Admin];

    /// Returns whether this scope permits everything that `other` permits.
    #[must_use]
    pub fn contains(self, other: Self) -> bool {
        self >= other
    }

    /// Returns the name that stores and the API use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ReadWrite => "read_write",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = InvalidScope;

    fn from_str(text: &str) -> Result<Self, InvalidScope> {
        Self::ALL
            .into_iter()
            .find(|scope| scope.as_str() == text)
            .ok_or(InvalidScope)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn admin_contains_read_write_and_not_the_reverse() {
        assert!(Scope::Admin.contains(Scope::ReadWrite));
        assert!(Scope::Admin.contains(Scope::Admin));
        assert!(Scope::ReadWrite.contains(Scope::ReadWrite));
        assert!(!Scope::ReadWrite.contains(Scope::Admin));
    }

    #[test]
    fn scopes_are_matched_whole_and_case_sensitive() {
        for text in ["", "Admin", "admin ", "read", "read_write admin", "*"] {
            assert_eq!(text.parse::<Scope>(), Err(InvalidScope), "{text:?}");
        }
        for scope in Scope::ALL {
            assert_eq!(scope.as_str().parse(), Ok(scope));
        }
    }
}
