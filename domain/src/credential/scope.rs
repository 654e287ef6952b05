use crate::vocabulary::vocabulary;

vocabulary! {
    /// What a token permits. [`Scope::Admin`] contains [`Scope::ReadWrite`]; the order of the
    /// variants follows containment, so the lesser scope is the smaller value.
    #[derive(PartialOrd, Ord)]
    Scope, InvalidScope {
        /// Read and change work items.
        ReadWrite = "read_write",
        /// Everything that `read_write` permits, and administration of the instance.
        Admin = "admin",
    }
}

impl Scope {
    /// Returns whether this scope permits everything that `other` permits.
    #[must_use]
    pub fn contains(self, other: Self) -> bool {
        self >= other
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
