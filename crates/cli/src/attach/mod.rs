//! Adds a notification to a bucket's configuration: what must change, whether S3 allows it, and
//! what else is needed. Only [`write()`] makes requests.

mod needs;
mod plan;
mod routes;
mod write;

use trailbell::store::Target;

pub use needs::{Need, needs};
pub use plan::{Obstacle, Plan, plan, plan_removal};
pub use routes::{Coverage, coverage};
pub use write::{WriteError, difference, write};

/// What is to be announced, and to whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// The bucket's name.
    pub bucket: String,
    /// The prefix of the keys (not encoded). Empty for all.
    pub prefix: String,
    /// Who is notified.
    pub destination: Destination,
    /// The account that owns the bucket, if it is known.
    pub owner: Option<String>,
}

/// Who is notified of new objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// EventBridge, and whatever rules it has.
    EventBridge,
    /// A queue or a topic.
    Target(Target),
}
