use super::Shown;

/// An option of a select.
pub(in crate::web) struct Choice {
    pub(in crate::web) value: String,
    pub(in crate::web) label: Shown,
    pub(in crate::web) is_selected: bool,
}

impl Choice {
    pub(in crate::web) fn new(value: &str, label: &str, selected: &str) -> Self {
        Self {
            value: value.to_owned(),
            label: Shown::of(label),
            is_selected: value == selected,
        }
    }

    /// Returns an option for every value of an enumeration.
    pub(in crate::web) fn of_all<T: Copy + ToString>(
        all: impl IntoIterator<Item = T>,
        label: impl Fn(T) -> &'static str,
        selected: &str,
    ) -> Vec<Self> {
        let all = all.into_iter();
        all.map(|one| Self::new(&one.to_string(), label(one), selected))
            .collect()
    }
}
