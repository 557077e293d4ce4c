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

pub use alert_data::{CorrelationAlertData, MemberFindings, alert_data, member_findings};
pub use condition::{Occurrence, occurrences};
pub use folders::{Folders, Next, later};
pub use incident::{Incident, Incidents};
pub use mark::{Link, Mark};
pub use member::{Place, document, places, values};
pub use members::{Members, members};
