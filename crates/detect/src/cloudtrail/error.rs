//! What can be wrong with a log object, or with one record in it. Positions are byte offsets in the
//! inflated text, from 0. No message shows the content of a record.

use std::io;

use thiserror::Error;

/// A log object could not be read to its end. The records before `offset` were read.
#[derive(Debug, Error)]
#[error("at byte {offset} of the inflated text: {problem}")]
pub struct ReadError {
    /// Offset in bytes of the inflated text.
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
    /// The gzip stream is truncated, damaged or followed by other data. Of a truncated stream, the
    /// text up to its end was read. Of a damaged one, up to 64 KiB before the damage were not,
    /// because the decoder discards them.
    #[error("damaged gzip, no text after this byte was read: {0}")]
    Gzip(io::Error),
    /// The stored bytes do not begin as gzip, but must.
    #[error("not gzip")]
    NotGzip,
    /// The text is longer than the limit.
    #[error("the object inflates to more than the {limit} bytes that are accepted")]
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// Only white space.
    #[error("the object is empty")]
    Empty,
    /// The text is not JSON, or not in CloudTrail's format.
    #[error("expected {expected}, found {}", display_byte(*found))]
    Unexpected {
        /// What JSON or CloudTrail's format has there.
        expected: &'static str,
        /// The byte that is there. `None` at the end of the text.
        found: Option<u8>,
    },
    /// A JSON object that neither has `Records` nor looks like a record.
    #[error("the object has no \"Records\" and is not a record")]
    NoRecords,
    /// `Records` is not an array.
    #[error("\"Records\" is not an array")]
    RecordsNotArray,
    /// Not what a CloudWatch Logs subscription sends: an object with an array `logEvents`.
    #[error("there is no array \"logEvents\"")]
    NoLogEvents,
}

fn display_byte(byte: Option<u8>) -> String {
    match byte {
        Some(byte) if byte.is_ascii_graphic() => format!("`{}`", char::from(byte)),
        Some(byte) => format!("byte 0x{byte:02x}"),
        None => "the end of the text".to_owned(),
    }
}

/// One record that cannot be used. The records around it can.
#[derive(Debug, Error)]
#[error("record {index} at byte {offset} of the inflated text: {problem}")]
pub struct BadRecord {
    /// Its index among the records, from 0.
    pub index: usize,
    /// Where it begins, in bytes of the inflated text.
    pub offset: u64,
    /// What is wrong with it.
    pub problem: RecordProblem,
    /// It may be of a call that a rule looks for: it holds one of the names that were searched for,
    /// or is too large to be searched.
    pub may_hide_a_call: bool,
}

/// What is wrong with one record.
#[derive(Debug, Error)]
pub enum RecordProblem {
    /// Not JSON: syntax, invalid UTF-8, or nested deeper than 128.
    #[error("not JSON: {0}")]
    NotJson(serde_json::Error),
    /// JSON, but not an object.
    #[error("not a JSON object")]
    NotObject,
    /// A log event without a message.
    #[error("the log event has no message")]
    NoMessage,
    /// Larger than any record of CloudTrail.
    #[error("larger than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// A damaged line of line-delimited JSON.
    #[error("{0}")]
    Line(ReadProblem),
}
