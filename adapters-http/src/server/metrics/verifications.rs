use openindex_domain::StoreError;
use openindex_domain::access::Principal;
use openindex_domain::token::{Rejection, TokenKind, VerifyError};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

const OUTCOMES: [&str; 8] = [
    "accepted",
    "malformed",
    "unknown",
    "expired",
    "revoked",
    "owner_suspended",
    "unavailable",
    "corrupt",
];

/// Tokens that were presented, and what became of them.
#[derive(Debug, Clone)]
pub(in crate::server) struct VerificationMetrics(Family<Verified, Counter>);

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Verified {
    outcome: &'static str,
    kind: &'static str,
}

impl VerificationMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let verified = Family::default();
        // From the start, so that a rate over the first of a kind is one.
        for outcome in OUTCOMES {
            for kind in ["personal", "agent_run"] {
                drop(verified.get_or_create(&Verified { outcome, kind }));
            }
        }
        registry.register(
            "verifications",
            "Bearer tokens that were presented, by what was found and by what kind they claim to be",
            verified.clone(),
        );
        Self(verified)
    }

    /// Counts a verification. Of what was presented, nothing but the prefix counts.
    pub(in crate::server) fn verified(
        &self,
        presented: &str,
        result: &Result<Principal, VerifyError>,
    ) {
        let labels = Verified {
            outcome: outcome(result),
            kind: claimed_kind(presented),
        };
        self.0.get_or_create(&labels).inc();
    }
}

const fn outcome(result: &Result<Principal, VerifyError>) -> &'static str {
    match result {
        Ok(_) => "accepted",
        Err(VerifyError::Rejected(rejection)) => match rejection {
            Rejection::Malformed(_) => "malformed",
            Rejection::Unknown => "unknown",
            Rejection::Expired { .. } => "expired",
            Rejection::Revoked { .. } => "revoked",
            Rejection::OwnerSuspended => "owner_suspended",
        },
        Err(VerifyError::Store(StoreError::Unavailable(_))) => "unavailable",
        Err(VerifyError::Store(StoreError::Corrupt(_))) => "corrupt",
    }
}

fn claimed_kind(presented: &str) -> &'static str {
    let kind = TokenKind::ALL
        .iter()
        .find(|kind| presented.starts_with(kind.secret_prefix()));
    match kind {
        Some(TokenKind::Personal) => "personal",
        Some(TokenKind::AgentRun) => "agent_run",
        None => "none",
    }
}
