//! The specification, word for word: its commands, bodies, statuses and table rows are read from
//! the page (`personal-access-tokens.txt`) and tried on the built programs. `docs/specification.md`
//! lists the tests of each of its sentences, and `docs/security-statements.md` those of
//! `SECURITY.md`.

mod commands;
mod interface;
mod page;
mod runs;
mod table;
