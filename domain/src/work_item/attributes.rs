//! The enumerated attributes of a work item.

use crate::vocabulary::vocabulary;

vocabulary! {
    /// The kind of a work item.
    #[derive(PartialOrd, Ord)]
    ItemKind, InvalidItemKind {
        /// A larger piece of work.
        Project = "project",
        /// A piece of work.
        Task = "task",
        /// A part of a project or task.
        SubTask = "sub_task",
    }
}

vocabulary! {
    /// The status of a work item.
    #[derive(PartialOrd, Ord)]
    ItemStatus, InvalidItemStatus {
        /// Not started.
        Todo = "todo",
        /// Being worked on.
        InProgress = "in_progress",
        /// Resolved: completed.
        Done = "done",
        /// Resolved: will not be done.
        Cancelled = "cancelled",
    }
}

vocabulary! {
    /// The priority of a work item; the greater value is more urgent.
    #[derive(PartialOrd, Ord)]
    Priority, InvalidPriority {
        /// After everything else.
        Low = "low",
        /// The default.
        Medium = "medium",
        /// Before medium and low.
        High = "high",
        /// Before everything else.
        Urgent = "urgent",
    }
}

vocabulary! {
    /// Who may claim a work item.
    #[derive(PartialOrd, Ord)]
    ExecutionTarget, InvalidExecutionTarget {
        /// Only people.
        Human = "human",
        /// Only agents.
        Agent = "agent",
        /// People and agents.
        Either = "either",
    }
}

impl Priority {
    /// Returns the position in the order of urgency, from 0 (low), for stores to sort by.
    #[must_use]
    pub const fn rank(self) -> u8 {
        self as u8
    }

    /// Returns the priority with this [`Priority::rank`].
    #[must_use]
    pub fn from_rank(rank: u8) -> Option<Self> {
        Self::ALL.get(usize::from(rank)).copied()
    }
}

impl ItemStatus {
    /// The permitted status transitions.
    const TRANSITIONS: &'static [(Self, &'static [Self])] = &[
        (Self::Todo, &[Self::InProgress, Self::Done, Self::Cancelled]),
        (Self::InProgress, &[Self::Todo, Self::Done, Self::Cancelled]),
        (Self::Done, &[Self::Todo, Self::InProgress]),
        (Self::Cancelled, &[Self::Todo]),
    ];

    /// Returns whether the item is done or cancelled.
    #[must_use]
    pub const fn is_resolved(self) -> bool {
        matches!(self, Self::Done | Self::Cancelled)
    }

    /// Returns the statuses that can follow this one.
    #[must_use]
    pub fn next(self) -> &'static [Self] {
        Self::TRANSITIONS
            .iter()
            .find(|(from, _)| *from == self)
            .map_or(&[], |(_, to)| to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_other_text_is_rejected() {
        for kind in &ItemKind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(*kind));
        }
        for status in &ItemStatus::ALL {
            assert_eq!(status.as_str().parse(), Ok(*status));
        }
        for priority in &Priority::ALL {
            assert_eq!(priority.as_str().parse(), Ok(*priority));
            assert_eq!(Priority::from_rank(priority.rank()), Some(*priority));
        }
        for target in &ExecutionTarget::ALL {
            assert_eq!(target.as_str().parse(), Ok(*target));
        }
        for text in ["", "Todo", "todo ", "open"] {
            assert_eq!(text.parse::<ItemStatus>(), Err(InvalidItemStatus));
        }
    }

    #[test]
    fn a_cancelled_item_is_reopened_before_it_is_done() {
        use ItemStatus::{Cancelled, Done, InProgress, Todo};
        for (from, allowed) in [
            (Todo, vec![InProgress, Done, Cancelled]),
            (InProgress, vec![Todo, Done, Cancelled]),
            (Done, vec![Todo, InProgress]),
            (Cancelled, vec![Todo]),
        ] {
            assert_eq!(from.next(), allowed);
        }
    }
}
