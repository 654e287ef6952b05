//! One test a guarantee, in virtual time: nothing here really sleeps.

mod abandoned;
mod batches;
mod desk;
mod faults;
mod runtimes;
