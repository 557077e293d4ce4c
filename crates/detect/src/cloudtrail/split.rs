//! Splits text into records without parsing them, so that one bad record fails alone.
//!
//! Accepts a sequence of top-level values, each of which is `{"Records":[…]}` with other keys before
//! or after, an array of records, or a record. If the text is line-delimited, damage ends with its
//! line.

use super::buffer::SlidingBuffer;
use super::error::{BadRecord, ReadError, ReadProblem, RecordProblem};
use super::inflate::Inflate;
use super::scan::{Key, Scanner};

/// The largest record that is kept, in bytes. CloudTrail's limit is 256 KB.
const MAX_RECORD: usize = 8 * 1024 * 1024;

/// The bytes of one record.
pub(super) struct RawRecord<'a> {
    pub(super) index: usize,
    pub(super) offset: u64,
    pub(super) bytes: &'a [u8],
}

/// Splits a text into records.
pub(super) struct Splitter {
    scanner: Scanner,
    position: Position,
    /// The number of records so far, including bad ones.
    records: usize,
    /// Whether there was a top-level value.
    has_values: bool,
}

/// Where in the structure of the text the splitter is.
#[derive(Clone, Copy)]
enum Position {
    BetweenValues,
    InArray { is_records: bool, is_first: bool },
    AfterRecords,
    AtEnd,
}

impl Splitter {
    /// `lines`: the text is line-delimited.
    pub(super) fn new(inflate: Inflate, lines: bool) -> Splitter {
        Splitter::with_buffer(SlidingBuffer::new(inflate, MAX_RECORD), lines)
    }

    /// Splits a text that is in memory: the first `end` bytes of `buffer`.
    pub(super) fn over(buffer: Vec<u8>, end: usize, lines: bool) -> Splitter {
        Splitter::with_buffer(SlidingBuffer::over(buffer, end, MAX_RECORD), lines)
    }

    fn with_buffer(buffer: SlidingBuffer, lines: bool) -> Splitter {
        let scanner = Scanner { buffer, lines };
        Splitter { scanner, position: Position::BetweenValues, records: 0, has_values: false }
    }

    /// Returns the buffer for reuse.
    pub(super) fn into_buffer(self) -> Vec<u8> {
        self.scanner.buffer.into_buffer()
    }

    /// Inflated bytes passed so far.
    pub(super) fn offset(&self) -> u64 {
        self.scanner.buffer.offset()
    }

    /// The next record, or why it cannot be used. Returns `None` at the end.
    ///
    /// # Errors
    /// Fails if the rest of the text cannot be split.
    pub(super) fn next(&mut self) -> Result<Option<Result<RawRecord<'_>, BadRecord>>, ReadError> {
        while !matches!(self.position, Position::AtEnd) {
            match self.step() {
                Ok(None) => {}
                Ok(Some(offset)) => return Ok(Some(self.record(offset))),
                Err(ReadError { offset, problem }) if self.is_confined_to_line(&problem) => {
                    self.skip_line()?;
                    let index = self.count_record();
                    let problem = RecordProblem::Line(problem);
                    return Ok(Some(Err(BadRecord { index, offset, problem })));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// The record that was just passed.
    fn record(&mut self, offset: u64) -> Result<RawRecord<'_>, BadRecord> {
        let index = self.count_record();
        let problem = RecordProblem::TooLarge { limit: MAX_RECORD };
        match self.scanner.buffer.kept() {
            Some(bytes) => Ok(RawRecord { index, offset, bytes }),
            None => Err(BadRecord { index, offset, problem }),
        }
    }

    /// Returns the index of the record.
    fn count_record(&mut self) -> usize {
        self.records += 1;
        self.records - 1
    }

    /// Passes one part of the text. Returns the offset of the record, if the part is one.
    fn step(&mut self) -> Result<Option<u64>, ReadError> {
        match self.position {
            Position::BetweenValues => self.top_level_value(),
            Position::InArray { is_records, is_first } => self.element(is_records, is_first),
            Position::AfterRecords => self.after_records(),
            Position::AtEnd => Ok(None),
        }
    }

    /// Moves on to a position at which no record has been passed.
    fn go_to(&mut self, position: Position) -> Result<Option<u64>, ReadError> {
        self.position = position;
        Ok(None)
    }

    fn top_level_value(&mut self) -> Result<Option<u64>, ReadError> {
        self.scanner.buffer.stop_keeping();
        self.byte_order_mark()?;
        self.scanner.space_between_values()?;
        match self.scanner.buffer.peek()? {
            Some(b'[') => {
                self.has_values = true;
                self.scanner.buffer.advance(1);
                self.go_to(Position::InArray { is_records: false, is_first: true })
            }
            Some(b'{') => self.object(),
            None if self.has_values => self.go_to(Position::AtEnd),
            None => Err(self.scanner.buffer.error(ReadProblem::Empty)),
            Some(_) if self.has_values => {
                Err(self.scanner.buffer.unexpected("`{`, `[` or the end of the text"))
            }
            Some(_) => Err(self.scanner.buffer.unexpected("gzip or JSON")),
        }
    }

    fn byte_order_mark(&mut self) -> Result<(), ReadError> {
        if self.offset() == 0 && self.scanner.buffer.peek()? == Some(0xef) {
            for byte in *b"\xef\xbb\xbf" {
                self.scanner.expect(byte, "gzip or JSON")?;
            }
        }
        Ok(())
    }

    /// Passes a top-level object: up to its `Records`, or to its end if it is a record.
    fn object(&mut self) -> Result<Option<u64>, ReadError> {
        let offset = self.offset();
        self.has_values = true;
        self.scanner.buffer.start_keeping();
        self.scanner.buffer.advance(1);
        // An object after records is one of them, whatever its keys.
        let mut is_record = self.records > 0;
        loop {
            match self.scanner.key()? {
                Some(Key::Records) => return self.records_array(),
                Some(key) => is_record |= key == Key::OfRecord,
                None if is_record => {
                    self.position = Position::BetweenValues;
                    return Ok(Some(offset));
                }
                None => return Err(ReadError { offset, problem: ReadProblem::NoRecords }),
            }
            self.scanner.value()?;
            self.scanner.comma()?;
        }
    }

    /// Passes the opening bracket of `Records`.
    fn records_array(&mut self) -> Result<Option<u64>, ReadError> {
        self.scanner.buffer.stop_keeping();
        if self.scanner.buffer.peek()? != Some(b'[') {
            return Err(self.scanner.buffer.error(ReadProblem::RecordsNotArray));
        }
        self.scanner.buffer.advance(1);
        self.go_to(Position::InArray { is_records: true, is_first: true })
    }

    /// Passes the next element of an array of records, or the end of the array.
    fn element(&mut self, is_records: bool, is_first: bool) -> Result<Option<u64>, ReadError> {
        self.scanner.buffer.stop_keeping();
        self.scanner.space()?;
        if self.scanner.buffer.peek()? == Some(b']') {
            self.scanner.buffer.advance(1);
            let after = if is_records { Position::AfterRecords } else { Position::BetweenValues };
            return self.go_to(after);
        }
        if !is_first {
            self.scanner.expect(b',', "`,` or `]` after a record")?;
            self.scanner.space()?;
        }
        self.position = Position::InArray { is_records, is_first: false };
        let offset = self.offset();
        self.scanner.buffer.start_keeping();
        self.scanner.value()?;
        Ok(Some(offset))
    }

    /// Passes one key and value after `Records`, or the end of the object. `Records` may be
    /// repeated.
    fn after_records(&mut self) -> Result<Option<u64>, ReadError> {
        self.scanner.comma()?;
        match self.scanner.key()? {
            None => self.go_to(Position::BetweenValues),
            Some(Key::Records) => self.records_array(),
            Some(_) => self.scanner.value().map(|()| None),
        }
    }

    fn skip_line(&mut self) -> Result<(), ReadError> {
        self.has_values = true;
        self.position = Position::BetweenValues;
        self.scanner.buffer.stop_keeping();
        self.scanner.rest_of_line()
    }

    /// Returns true for damage to the text of a line; gzip and I/O errors affect the whole object.
    fn is_confined_to_line(&self, problem: &ReadProblem) -> bool {
        use ReadProblem::{NoRecords, RecordsNotArray, Unexpected};
        self.scanner.lines && matches!(problem, Unexpected { .. } | NoRecords | RecordsNotArray)
    }
}
