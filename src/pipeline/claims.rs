//! Which findings of a run were met already: two trails, two notifications or one careless object can show the same
//! call twice.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use crate::finding::FindingId;

/// The findings of one run that someone is seeing to.
#[derive(Debug, Default)]
pub(super) struct Claims {
    // A std mutex: nothing awaits under it.
    taken: Mutex<HashSet<FindingId>>,
}

impl Claims {
    /// Whether this finding is the caller's to see to; false where it is being seen to already.
    pub(super) fn claim(&self, id: &FindingId) -> bool {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone())
    }
}
