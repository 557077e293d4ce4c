//! CloudTrail's log objects: how they are named, and how records are read out of them.
//!
//! | module | what it does |
//! |---|---|
//! | [`key`] | what the key of an object says about its content |
//! | [`reader`] | reads the records of an object, all of them or those that a rule can match |
//! | [`prefilter`] | searches text for the names and user agents that the rules need |
//! | [`content`] | inflates an object and hashes its text |
//!
//! A stored object ([`Body`]) is inflated, split into records and parsed. Each step works on a
//! part of the text, so that the memory in use does not depend on the size of the object.

mod agents;
mod buffer;
pub mod content;
mod digest_name;
mod error;
mod inflate;
mod inflate_whole;
pub mod key;
mod lenient;
mod nesting;
pub mod prefilter;
pub mod reader;
mod record;
mod scan;
mod split;

pub use digest_name::DigestName;
pub use error::{BadRecord, ReadError, ReadProblem};
pub use inflate::Body;
pub use key::{S3Prefix, Trail};
pub use lenient::parse_json;
pub use record::Record;
pub(crate) use record::parse_time;
