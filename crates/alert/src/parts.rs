//! What the mail and the document both tell, made once for the two.

use detect::finding::Context;

use super::call::AlertCall;
use super::commands::{self, Step};
use super::story::Story;
use super::{exception, sentence};

/// The parts of an alert.
pub(super) struct Parts<'a> {
    /// What happened.
    pub(super) sentence: String,
    /// What happened to the group besides.
    pub(super) story: Story<'a>,
    /// What to look at.
    pub(super) check: Vec<Step>,
    /// What stops the caller and takes the change back.
    pub(super) undo: Vec<Step>,
    /// What gets the raw record.
    pub(super) raw_record: Vec<Step>,
    /// The lines of an exception to paste, or why there is none.
    pub(super) exception: Result<Vec<String>, &'static str>,
}

impl<'a> Parts<'a> {
    pub(super) fn new(call: AlertCall<'_>, context: &'a Context) -> Parts<'a> {
        Parts {
            sentence: sentence::write(call),
            story: Story::of(call, context),
            check: commands::check(call),
            undo: commands::undo(call),
            raw_record: commands::raw_record(call),
            exception: exception::lines(call),
        }
    }
}
