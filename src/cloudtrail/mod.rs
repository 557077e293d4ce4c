//! CloudTrail's log objects: how they are named, how records are read out of them, and what a record is.

mod record;

pub use record::Record;
pub(crate) use record::instant;
