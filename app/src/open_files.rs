//! How many files the process may open: each connection is one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Kept for what is no client's connection: the store's files and connections, listeners, and
/// clients that are told that there is no place.
const RESERVED: u64 = 256;

/// How many connections there may be, of those that are wanted. The process's own limit is raised
/// towards the one that the system sets it, where that is needed; the default of many systems,
/// 1024, is meant for programs that cannot handle more.
pub(crate) fn allow(wanted: usize) -> usize {
    let needed = wanted as u64 + RESERVED;
    let limit = getrlimit(Resource::Nofile);
    if let Some(current) = limit.current
        && current < needed
    {
        let raised = limit.maximum.map_or(needed, |maximum| needed.min(maximum));
        let raised = Rlimit {
            current: Some(raised.max(current)),
            ..limit
        };
        if let Err(error) = setrlimit(Resource::Nofile, raised) {
            tracing::warn!(%error, "the limit of open files was not raised");
        }
    }
    let allowed = fitting(wanted, getrlimit(Resource::Nofile).current);
    if allowed < wanted {
        tracing::warn!(
            wanted,
            allowed,
            "the process may not open as many files as there may be connections, so there are \
             fewer; raise the limit (`ulimit -n`, `LimitNOFILE`) or lower --max-connections"
        );
    }
    allowed
}

/// How many of the wanted connections a limit allows, none being no limit.
fn fitting(wanted: usize, limit: Option<u64>) -> usize {
    let Some(limit) = limit else { return wanted };
    // Where there is too little for everything, clients and the rest share it.
    let places = limit.saturating_sub(RESERVED).max(limit / 2).max(1);
    usize::try_from(places).map_or(wanted, |places| wanted.min(places))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_files_for_the_rest() {
        for (wanted, limit, allowed) in [
            (10_000, None, 10_000),
            (10_000, Some(1 << 20), 10_000),
            (10_000, Some(1024), 768),
            (10_000, Some(256), 128),
            (100, Some(1024), 100),
            (1, Some(0), 1),
        ] {
            assert_eq!(fitting(wanted, limit), allowed, "{limit:?}");
        }
    }
}
