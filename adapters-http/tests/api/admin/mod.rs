//! `/admin`

mod invites;
mod pats;
mod users;
