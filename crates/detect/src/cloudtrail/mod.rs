//! CloudTrail's log objects: how they are named, how records are read out of them, and what a
//! record is.

mod body;
mod error;
mod inflate;
pub mod key;
mod lenient;
pub mod literals;
mod nesting;
pub mod prefilter;
pub mod reader;
mod record;
pub mod region;
mod scan;
mod split;
mod trail;
mod whole;
mod window;

pub use body::Body;
pub use error::{BadRecord, ReadError, ReadProblem};
pub use record::Record;
pub(crate) use record::instant;
pub use trail::Trail;
