//! A deployment of the function on this machine, for load and chaos tests: copies of the real
//! program between strict stand-ins for S3, SNS, SQS and the Lambda runtime API.
//!
//! | module | what it is |
//! |---|---|
//! | [`clock`] | the stand-ins' clock, which can be moved forward |
//! | [`http`] | HTTP/1.1 as a server reads and writes it |
//! | [`serve`] | one server on loopback: requests, faults, the journal |
//! | [`faults`] | what happens to requests on a bad day, chosen by rule or by seed |
//! | [`journal`] | everything that happened, in one order |
//! | [`signature`] | the form of a signed request, and which copy signed it |
//! | [`s3`] | buckets, objects, versions, conditional writes, lists |
//! | [`sns`] | one topic |
//! | [`queue`] | SQS with a dead-letter queue, as a model without a server |
//! | [`fleet`] | copies of the function, each a process with a runtime API of its own |
//! | [`settings`] | how a deployment is set up, and what a run of it takes |
//! | [`deployment`] | all of them together: delivers notifications and sweeps until all is quiet |
//! | [`corpus`] | calls, records and log objects |
//! | [`ledger`] | what the function's ledger says about findings |
//! | [`verdict`] | what became of every call that was put |
//! | [`scenario`] | one attack: what is put, what goes wrong, what must hold |
//! | [`scenarios`] | the table of them |
//!
//! A stand-in refuses what the service would refuse, and records it as a breach: a test of the
//! function is to have none.

pub mod clock;
pub mod corpus;
pub mod deployment;
pub mod faults;
pub mod fleet;
pub mod http;
pub mod journal;
pub mod ledger;
pub mod queue;
pub mod s3;
pub mod scenario;
pub mod scenarios;
pub mod serve;
pub mod settings;
pub mod signature;
pub mod sns;
pub mod verdict;
mod xml;
