//! Every fault that S3 and SNS, and the network between, are known for: through the real clients
//! and the pipeline as the programs assemble it, with moto behind a proxy that breaks what it is
//! told to.
//!
//! `cargo test --test faults -- --nocapture` prints the table of ARCHITECTURE.md.
mod crowd;
mod death;
mod rows;
mod table;
mod world;
