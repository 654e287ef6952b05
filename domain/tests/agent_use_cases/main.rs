//! The use cases of agent runs and work items, on the in-memory store.

mod runs;
mod work_items;
mod world;
