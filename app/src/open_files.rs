//! The open-file limit of the process: each connection uses one file descriptor.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// File descriptors reserved for everything but client connections: the store's files and
/// connections, listeners, and clients that are being rejected with a 503.
const RESERVED: u64 = 256;

/// Returns how many of the requested connections the open-file limit allows. Raises the soft limit
/// as far as the hard limit permits: the usual soft limit of 1024 is for programs that use
/// `select`.
pub(crate) fn allow(requested: usize) -> usize {
    let needed = (requested as u64).saturating_add(RESERVED);
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
            tracing::warn!(%error, "could not raise the open-file limit");
        }
    }
    let allowed = within(requested, getrlimit(Resource::Nofile).current);
    if allowed < requested {
        tracing::warn!(
            requested,
            allowed,
            "the open-file limit is too low for --max-connections, so fewer connections are \
             allowed; raise the limit (`ulimit -n`, `LimitNOFILE`) or lower --max-connections"
        );
    }
    allowed
}

/// Returns how many of the requested connections are within a limit; `None` means unlimited.
fn within(requested: usize, limit: Option<u64>) -> usize {
    let Some(limit) = limit else { return requested };
    // Below twice the reserve, client connections get half.
    let allowed = limit.saturating_sub(RESERVED).max(limit / 2).max(1);
    usize::try_from(allowed).map_or(requested, |allowed| requested.min(allowed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_connections_leave_file_descriptors_for_the_rest() {
        for (requested, limit, allowed) in [
            (10_000, None, 10_000),
            (10_000, Some(1 << 20), 10_000),
            (10_000, Some(1024), 768),
            (10_000, Some(256), 128),
            (100, Some(1024), 100),
            (1, Some(0), 1),
        ] {
            assert_eq!(within(requested, limit), allowed, "{limit:?}");
        }
    }
}
