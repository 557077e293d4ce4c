//! What can be wrong with a log object, or with one record in it. Positions are byte offsets in the
//! inflated text, from 0. No message shows what a record holds.

use std::io;

use thiserror::Error;

/// A log object could not be read to its end. What was read before `offset` stands.
#[derive(Debug, Error)]
#[error("at byte {offset} of the inflated text: {problem}")]
pub struct ReadError {
    /// Where, in bytes of the inflated text.
    pub offset: u64,
    /// What is wrong there.
    pub problem: ReadProblem,
}

/// What is wrong with a log object.
#[derive(Debug, Error)]
pub enum ReadProblem {
    /// The stored bytes could not be read.
    #[error("cannot read the stored bytes: {0}")]
    Io(io::Error),
    /// The gzip stream is truncated, damaged or followed by something else.
    #[error("damaged gzip: {0}")]
    Gzip(io::Error),
    /// More inflated bytes than are accepted.
    #[error("the object inflates to more than the {limit} bytes that are accepted")]
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// Nothing but white space.
    #[error("the object is empty")]
    Empty,
    /// Something that is not JSON, or not where JSON has it.
    #[error("expected {expected}, found {found}")]
    Unexpected {
        /// What JSON, or CloudTrail's format, has there.
        expected: &'static str,
        /// The byte that is there.
        found: Found,
    },
    /// A JSON object that neither has `Records` nor looks like a record.
    #[error("an object without \"Records\", and not a record either")]
    NoRecords,
    /// `Records` holds something else than an array.
    #[error("\"Records\" is not an array")]
    RecordsNotArray,
}

/// The byte at which reading stopped, as people read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// A byte.
    Byte(u8),
    /// Nothing: the text ends.
    End,
}

impl std::fmt::Display for Found {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Found::Byte(byte) if byte.is_ascii_graphic() => write!(f, "`{}`", char::from(*byte)),
            Found::Byte(byte) => write!(f, "byte 0x{byte:02x}"),
            Found::End => f.write_str("the end of the text"),
        }
    }
}

/// One record that cannot be used. Those around it can.
#[derive(Debug, Error)]
#[error("record {index} at byte {offset} of the inflated text: {problem}")]
pub struct BadRecord {
    /// Its index among the records, from 0.
    pub index: usize,
    /// Where it begins, in bytes of the inflated text.
    pub offset: u64,
    /// What is wrong with it.
    pub problem: RecordProblem,
}

impl BadRecord {
    /// Whether it may be a call that is looked for, which nobody can tell.
    pub fn may_hide_a_call(&self) -> bool {
        matches!(self.problem, RecordProblem::NotJson(_) | RecordProblem::TooLarge { .. })
    }
}

/// What is wrong with one record.
#[derive(Debug, Error)]
pub enum RecordProblem {
    /// Not JSON: syntax, invalid UTF-8, nesting past 128.
    #[error("not JSON: {0}")]
    NotJson(serde_json::Error),
    /// JSON, but not an object.
    #[error("a record is an object, this is {0}")]
    NotObject(&'static str),
    /// Larger than any record can be.
    #[error("larger than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// A line of line-delimited JSON that is damaged.
    #[error("{0}")]
    Line(ReadProblem),
}
