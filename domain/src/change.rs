//! How every change by a principal begins.

use crate::access::{Actor, Denial, Principal, Requirement};
use crate::audit::{AuditAction, AuditEvent, RequestContext, Subject};
use crate::clock::Timestamp;
use crate::entropy::{Entropy, EntropyError};

/// Authorizes a change by `principal` and returns its acting credential, which the store checks
/// again, and its audit event.
///
/// # Errors
///
/// [`Denial`] unless `principal` meets the requirement, and [`EntropyError`], both as `E`.
pub(crate) fn begin<E: From<Denial> + From<EntropyError>>(
    principal: &Principal,
    requirement: Requirement,
    (action, subject): (AuditAction, Subject),
    context: &RequestContext,
    now: Timestamp,
    entropy: &dyn Entropy,
) -> Result<(Actor, AuditEvent), E> {
    principal.authorize(requirement)?;
    let actor = Actor::of(principal, requirement, now);
    let by = principal.audit_actor();
    let audit = AuditEvent::new(by, action, subject, context, now, entropy)?;
    Ok((actor, audit))
}
