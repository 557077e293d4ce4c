//! What several findings mean together: which of them belong together, whether they meet a
//! correlation's condition, and which incident they are part of. Pure: storage is up to the ledger.

mod alert_data;
mod condition;
mod folders;
mod in_memory;
mod incident;
mod mark;
mod placement;
mod repeats;
mod sequence;
#[cfg(test)]
mod sequence_tests;
pub mod testing;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod threshold_tests;
mod values;

pub use alert_data::{CorrelationAlertData, MemberFindings};
pub use condition::{Occurrence, find_occurrences, times_reached};
pub use folders::{FolderToRead, FolderWalk, later_folders};
pub use in_memory::correlate_findings;
pub use incident::{Incident, Incidents};
pub use mark::{Link, Mark};
pub(crate) use placement::join_hashes;
pub use placement::{PlacedMark, group_by_values, place_marks};
pub use repeats::without_repeats;
pub use sequence::{FoundSequence, find_sequences};
pub(crate) use values::{combinations_of, field_value, values_of};
