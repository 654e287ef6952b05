//! `/admin`

mod users;
