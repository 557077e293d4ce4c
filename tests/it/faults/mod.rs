//! Every fault that S3 and SNS, and the network between, are known for: through the real clients
//! and the pipeline as the programs assemble it, with moto behind a proxy that breaks what it is
//! asked to.
//!
//! The table of docs/faults.md is written from it.
mod crowd;
mod death;
mod rows;
mod table;
mod world;
