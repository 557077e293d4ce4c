//! What several findings mean together: which belong together, whether they meet a correlation's
//! condition, and which episode they are of. Pure: the ledger and the pipeline do the rest.

mod condition;
mod episode;
mod folders;
mod mark;
mod member;
mod members;
pub mod testing;
#[cfg(test)]
mod tests;
mod told;

pub use condition::{Occurrence, occurrences};
pub use episode::{Episode, Episodes};
pub use folders::{Folders, Next, later};
pub use mark::{Link, Mark};
pub use member::{Place, document, places, values};
pub use members::{Members, members};
pub use told::{Correlated, Known, known, told};
