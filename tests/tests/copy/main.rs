//! `oi-server copy`: everything works in the other database as before, or nothing was copied.

mod complete;
mod interrupted;
mod rejected;
mod support;
