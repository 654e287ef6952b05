//! The tokens of all users, for administrators, and reports of leaked tokens, which anyone can
//! send.

mod bulk;
mod filter;
mod list;
mod report_leaked;
mod review;
mod service;
mod store;

pub use bulk::{BulkRevocation, MAX_UNREVIEWED, RevokeMatching, RevokeMatchingOutcome};
pub use filter::TokenFilter;
pub use list::{OwnedToken, TokenPage};
pub use report_leaked::{MAX_REPORTED, ReportLeakedTokens};
pub use review::{InvalidReviewDigest, Review, ReviewDigest, ReviewPage};
pub use service::{AdminTokenError, AdminTokens};
pub use store::{AdminTokenStore, EXPIRING_DAYS, Stats};

#[cfg(feature = "testing")]
pub use store::MockAdminTokenStore;
