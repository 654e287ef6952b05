//! Agent runs and the work they do, through the use cases, on the in-memory store.

mod runs;
mod work_items;
mod world;
