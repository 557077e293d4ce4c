//! What several findings mean together: which belong together, whether they meet a correlation's
//! condition, and which episode they are of. Pure: the ledger and the pipeline do the rest.

mod alert_data;
mod condition;
mod folders;
mod incident;
mod mark;
mod member;
mod members;
pub mod testing;
#[cfg(test)]
mod tests;

pub use alert_data::{CorrelationAlertData, MemberFindings};
pub use condition::{Occurrence, find_occurrences};
pub use folders::{FolderToRead, FolderWalk, later_folders};
pub use incident::{Incident, Incidents};
pub use mark::{Link, Mark};
pub use member::{PlacedMark, document, group_by_values, place_marks};
pub use members::{IncidentMembers, incident_members};
