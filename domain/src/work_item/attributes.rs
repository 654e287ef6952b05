//! The small vocabularies of a work item.

/// Defines an enum whose values have a name in stores and on the wire.
macro_rules! vocabulary {
    ($(#[$doc:meta])* $name:ident, $invalid:ident: $message:literal {
        $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)+
    }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
        }

        #[doc = concat!("The text is not the name of a [`", stringify!($name), "`].")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
        #[error($message)]
        pub struct $invalid;

        impl $name {
            /// Every value, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name in stores and on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $invalid;

            fn from_str(text: &str) -> Result<Self, $invalid> {
                Self::ALL
                    .iter()
                    .copied()
                    .find(|value| value.as_str() == text)
                    .ok_or($invalid)
            }
        }
    };
}

vocabulary! {
    /// What sort of work an item is.
    ItemKind, InvalidItemKind: "must be project, task or sub_task" {
        /// A larger piece of work.
        Project = "project",
        /// A piece of work.
        Task = "task",
        /// A part of a project or task.
        SubTask = "sub_task",
    }
}

vocabulary! {
    /// Where an item stands.
    ItemStatus, InvalidItemStatus: "must be todo, in_progress, done or cancelled" {
        /// Nobody works at it.
        Todo = "todo",
        /// Somebody does.
        InProgress = "in_progress",
        /// Resolved: the work is done.
        Done = "done",
        /// Resolved: it will not be done.
        Cancelled = "cancelled",
    }
}

vocabulary! {
    /// How soon an item should be done; the later value is the more urgent.
    Priority, InvalidPriority: "must be low, medium, high or urgent" {
        /// When there is nothing else.
        Low = "low",
        /// As usual.
        Medium = "medium",
        /// Before others.
        High = "high",
        /// Before everything.
        Urgent = "urgent",
    }
}

vocabulary! {
    /// Who may take an item on.
    ExecutionTarget, InvalidExecutionTarget: "must be human, agent or either" {
        /// People alone.
        Human = "human",
        /// Agents alone.
        Agent = "agent",
        /// Whoever comes first.
        Either = "either",
    }
}

impl Priority {
    /// Its place in the order of urgency, from 0: what a store sorts by.
    #[must_use]
    pub const fn rank(self) -> u8 {
        self as u8
    }

    /// Reads what [`Priority::rank`] says.
    #[must_use]
    pub fn from_rank(rank: u8) -> Option<Self> {
        Self::ALL.get(usize::from(rank)).copied()
    }
}

impl ItemStatus {
    /// The one table of what may follow on what.
    const TRANSITIONS: &'static [(Self, &'static [Self])] = &[
        (Self::Todo, &[Self::InProgress, Self::Done, Self::Cancelled]),
        (Self::InProgress, &[Self::Todo, Self::Done, Self::Cancelled]),
        (Self::Done, &[Self::Todo, Self::InProgress]),
        (Self::Cancelled, &[Self::Todo]),
    ];

    /// Whether there is nothing left to do.
    #[must_use]
    pub const fn is_resolved(self) -> bool {
        matches!(self, Self::Done | Self::Cancelled)
    }

    /// What may follow on it.
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
    fn every_name_can_be_read_back_and_no_other() {
        for kind in ItemKind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(*kind));
        }
        for status in ItemStatus::ALL {
            assert_eq!(status.as_str().parse(), Ok(*status));
        }
        for priority in Priority::ALL {
            assert_eq!(priority.as_str().parse(), Ok(*priority));
            assert_eq!(Priority::from_rank(priority.rank()), Some(*priority));
        }
        for target in ExecutionTarget::ALL {
            assert_eq!(target.as_str().parse(), Ok(*target));
        }
        for text in ["", "Todo", "todo ", "open"] {
            assert_eq!(text.parse::<ItemStatus>(), Err(InvalidItemStatus));
        }
    }

    #[test]
    fn what_is_cancelled_is_taken_up_again_before_it_is_done() {
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
