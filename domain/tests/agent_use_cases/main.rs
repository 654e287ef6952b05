//! The use cases of agent runs and work items, on the in-memory store.

mod pages;
mod runs;
mod work_items;
mod world;
