use openindex_domain::StoreError;
use openindex_domain::access::Principal;
use openindex_domain::token::{RejectionReason, TokenKind, VerifyError};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// The outcomes besides the [`RejectionReason`]s.
const OTHER_OUTCOMES: [&str; 3] = ["accepted", "unavailable", "corrupt"];

/// Presented tokens, by outcome and kind.
#[derive(Debug, Clone)]
pub(in crate::server) struct VerificationMetrics {
    all: Family<Verified, Counter>,
    /// Of `all`, looked up once instead of once per request.
    accepted: Counter,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Verified {
    outcome: &'static str,
    kind: &'static str,
}

impl Default for VerificationMetrics {
    fn default() -> Self {
        let verified = Family::default();
        // Create all series at zero, so that the first of a kind shows up in a rate.
        let rejected = RejectionReason::ALL.map(RejectionReason::as_str);
        for outcome in rejected.into_iter().chain(OTHER_OUTCOMES) {
            for kind in ["personal", "agent_run"] {
                drop(verified.get_or_create(&Verified { outcome, kind }));
            }
        }
        Self {
            accepted: verified.get_or_create_owned(&Verified {
                outcome: "accepted",
                kind: "personal",
            }),
            all: verified,
        }
    }
}

impl VerificationMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "verifications",
            "Number of bearer tokens verified, by outcome and by the kind their prefix claims",
            self.all.clone(),
        );
    }

    /// Counts a verification, by the kind that the presented text claims.
    pub(in crate::server) fn verified(
        &self,
        claimed: Option<TokenKind>,
        result: &Result<Principal, VerifyError>,
    ) {
        if let (Some(TokenKind::Personal), Ok(_)) = (claimed, result) {
            self.accepted.inc();
            return;
        }
        let labels = Verified {
            outcome: outcome(result),
            kind: match claimed {
                Some(TokenKind::Personal) => "personal",
                Some(TokenKind::AgentRun) => "agent_run",
                None => "none",
            },
        };
        self.all.get_or_create(&labels).inc();
    }
}

const fn outcome(result: &Result<Principal, VerifyError>) -> &'static str {
    match result {
        Ok(_) => "accepted",
        Err(VerifyError::Rejected(rejection)) => rejection.reason().as_str(),
        Err(VerifyError::Store(StoreError::Unavailable(_))) => "unavailable",
        Err(VerifyError::Store(StoreError::Corrupt(_))) => "corrupt",
    }
}
