//! One test per guarantee, in virtual time: nothing sleeps.

mod abandoned;
mod batches;
mod faults;
mod runtimes;
mod scripted_source;
