//! Splits text into records without parsing them, so that one bad record fails alone.
//!
//! Accepts a sequence of top-level values, each of which is `{"Records":[…]}` with other keys
//! before or after, an array of records, or a record. Or, of a CloudWatch Logs subscription, the
//! elements of `{"logEvents":[…]}`, each of which contains a record as a string.

use super::buffer::{MAX_RECORD, SlidingBuffer};
use super::error::{BadRecord, ReadError, ReadProblem, RecordProblem};
use super::scan::Key;

/// The bytes of one record.
pub(super) struct RawRecord<'a> {
    pub(super) index: usize,
    pub(super) offset: u64,
    pub(super) bytes: &'a [u8],
}

impl RawRecord<'_> {
    /// The record as one that cannot be used.
    pub(super) fn bad(&self, problem: RecordProblem, may_hide_a_call: bool) -> BadRecord {
        BadRecord { index: self.index, offset: self.offset, problem, may_hide_a_call }
    }
}

/// Splits a text into records.
pub(super) struct Splitter {
    text: SlidingBuffer,
    /// The key of the array of records.
    array_key: Key,
    position: StructurePosition,
    /// The number of records so far, including bad ones.
    records: usize,
    /// Whether there was a top-level value.
    has_values: bool,
}

/// Where in the structure of the text the splitter is.
#[derive(Clone, Copy)]
enum StructurePosition {
    BetweenValues,
    InArray { is_records: bool, is_first: bool },
    AfterRecords,
    AtEnd,
}

impl Splitter {
    /// `records`: the number of records before this text.
    pub(super) fn new(text: SlidingBuffer, records: usize) -> Splitter {
        let position = StructurePosition::BetweenValues;
        Splitter { text, array_key: Key::Records, position, records, has_values: false }
    }

    /// Splits what a CloudWatch Logs subscription sends into log events.
    pub(super) fn of_log_events(text: SlidingBuffer) -> Splitter {
        Splitter { array_key: Key::LogEvents, ..Splitter::new(text, 0) }
    }

    /// Returns the buffer for reuse.
    pub(super) fn into_buffer(self) -> Vec<u8> {
        self.text.into_buffer()
    }

    /// Inflated bytes passed so far.
    pub(super) fn offset(&self) -> u64 {
        self.text.offset()
    }

    /// The next record, or why it cannot be used. Returns `None` at the end.
    ///
    /// # Errors
    /// Fails if the rest of the text cannot be split.
    pub(super) fn next(&mut self) -> Result<Option<Result<RawRecord<'_>, BadRecord>>, ReadError> {
        while !matches!(self.position, StructurePosition::AtEnd) {
            if let Some(offset) = self.step()? {
                return Ok(Some(self.record(offset)));
            }
        }
        Ok(None)
    }

    /// The record that was just passed.
    fn record(&mut self, offset: u64) -> Result<RawRecord<'_>, BadRecord> {
        let index = self.records;
        self.records += 1;
        let problem = RecordProblem::TooLarge { limit: MAX_RECORD };
        match self.text.kept() {
            Some(bytes) => Ok(RawRecord { index, offset, bytes }),
            None => Err(BadRecord { index, offset, problem, may_hide_a_call: true }),
        }
    }

    /// Passes one part of the text. Returns the offset of the record, if the part is one.
    fn step(&mut self) -> Result<Option<u64>, ReadError> {
        match self.position {
            StructurePosition::BetweenValues => self.top_level_value(),
            StructurePosition::InArray { is_records, is_first } => {
                self.element(is_records, is_first)
            }
            StructurePosition::AfterRecords => self.after_records(),
            StructurePosition::AtEnd => Ok(None),
        }
    }

    /// Moves on to a position at which no record has been passed.
    fn go_to(&mut self, position: StructurePosition) -> Result<Option<u64>, ReadError> {
        self.position = position;
        Ok(None)
    }

    fn top_level_value(&mut self) -> Result<Option<u64>, ReadError> {
        self.text.stop_keeping();
        if self.offset() == 0 && self.text.peek()? == Some(0xef) {
            for byte in *b"\xef\xbb\xbf" {
                self.text.skip_byte(byte, "gzip or JSON")?;
            }
        }
        self.text.skip_space()?;
        match self.text.peek()? {
            Some(b'[') if self.array_key == Key::Records => {
                self.has_values = true;
                self.array(false)
            }
            Some(b'{') => {
                self.has_values = true;
                self.object()
            }
            None if self.has_values => self.go_to(StructurePosition::AtEnd),
            None => Err(self.text.error(ReadProblem::Empty)),
            Some(_) if self.has_values => {
                Err(self.text.unexpected("`{`, `[` or the end of the text"))
            }
            Some(_) => Err(self.text.unexpected("gzip or JSON")),
        }
    }

    /// Passes a top-level object: up to its `Records`, or to its end if it is a record.
    fn object(&mut self) -> Result<Option<u64>, ReadError> {
        let offset = self.offset();
        self.text.start_keeping();
        self.text.advance(1);
        // An object after records is one of them, whatever its keys.
        let mut is_record = self.records > 0;
        loop {
            match self.text.skip_key()? {
                Some(key) if key == self.array_key => return self.array(true),
                Some(key) => is_record |= key == Key::OfRecord,
                None if self.array_key == Key::LogEvents => {
                    return Err(ReadError { offset, problem: ReadProblem::NoLogEvents });
                }
                None if is_record => {
                    self.position = StructurePosition::BetweenValues;
                    return Ok(Some(offset));
                }
                None => return Err(ReadError { offset, problem: ReadProblem::NoRecords }),
            }
            self.text.skip_value()?;
            self.text.skip_comma()?;
        }
    }

    /// Passes the opening bracket of an array of records.
    fn array(&mut self, is_records: bool) -> Result<Option<u64>, ReadError> {
        self.text.stop_keeping();
        if self.text.peek()? != Some(b'[') {
            return Err(self.text.error(match self.array_key {
                Key::LogEvents => ReadProblem::NoLogEvents,
                _ => ReadProblem::RecordsNotArray,
            }));
        }
        self.text.advance(1);
        self.go_to(StructurePosition::InArray { is_records, is_first: true })
    }

    /// Passes the next element of an array of records, or the end of the array.
    fn element(&mut self, is_records: bool, is_first: bool) -> Result<Option<u64>, ReadError> {
        self.text.stop_keeping();
        self.text.skip_space()?;
        if self.text.peek()? == Some(b']') {
            self.text.advance(1);
            let after = if is_records {
                StructurePosition::AfterRecords
            } else {
                StructurePosition::BetweenValues
            };
            return self.go_to(after);
        }
        if !is_first {
            self.text.skip_byte(b',', "`,` or `]` after a record")?;
            self.text.skip_space()?;
        }
        self.position = StructurePosition::InArray { is_records, is_first: false };
        let offset = self.offset();
        self.text.start_keeping();
        self.text.skip_value()?;
        Ok(Some(offset))
    }

    /// Passes one key and value after `Records`, or the end of the object. `Records` may be
    /// repeated.
    fn after_records(&mut self) -> Result<Option<u64>, ReadError> {
        self.text.skip_comma()?;
        match self.text.skip_key()? {
            None => self.go_to(StructurePosition::BetweenValues),
            Some(key) if key == self.array_key => self.array(true),
            Some(_) => self.text.skip_value().map(|()| None),
        }
    }
}
