//! What both programs, `oi` and `oi-server`, do with arguments and variables: errors never repeat
//! what was typed, since any of it may be a secret, and a variable that is set but empty is not
//! taken for one that is unset.

mod redact;
mod usage;
mod variable;

pub use redact::redact;
pub use usage::conceal;
pub use variable::{InvalidVariable, check};
