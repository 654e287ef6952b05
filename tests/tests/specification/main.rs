//! The specification, to the letter: its commands, bodies, statuses and table rows are taken out of
//! the page (`personal-access-tokens.txt`) and tried on the built programs. `docs/specification.md`
//! says which test holds which of its sentences, and `docs/security-statements.md` the same for
//! `SECURITY.md`.

mod commands;
mod interface;
mod page;
mod runs;
mod table;
