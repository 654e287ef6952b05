use std::collections::HashSet;
use std::sync::LazyLock;

/// See the `README.md` next to it for its source, how it was reduced, and its license.
const LIST: &str = include_str!("common-passwords.txt");

static COMMON: LazyLock<HashSet<&'static str>> = LazyLock::new(|| LIST.lines().collect());

/// The length of the longest entry in bytes.
pub(super) const LONGEST: usize = 21;

/// Returns whether `piece`, in lower case, is on the list.
pub(super) fn is_common(piece: &str) -> bool {
    piece.len() <= LONGEST && COMMON.contains(piece)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_has_the_expected_size() {
        assert!(COMMON.len() <= 4096, "an entry counts as 12 bits");
        assert_eq!(COMMON.len(), LIST.lines().count(), "no entry twice");
        assert!(LIST.lines().is_sorted());
        assert_eq!(LIST.lines().map(str::len).max(), Some(LONGEST));
        for entry in LIST.lines() {
            assert!(entry.len() >= 4 && entry.bytes().all(|b| b.is_ascii_graphic()));
            assert_eq!(entry, entry.to_lowercase());
        }
    }

    #[test]
    fn a_part_of_an_entry_is_not_common() {
        assert!(is_common("princess"));
        assert!(!is_common("princes"));
        assert!(!is_common(""));
    }
}
