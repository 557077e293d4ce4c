//! Text to records: where each one begins and ends. Whether a record is JSON inside is for the
//! parser to say, so that one bad record fails alone.
//!
//! Accepted, one after another and in any mixture: `{"Records":[…]}` with keys in any order, a bare
//! array of records, a lone record, and lines of these. Where the text is line-delimited, damage
//! ends with its line.

use super::error::RecordProblem;
use super::inflate::Inflate;
use super::scan::{Key, Scanner};
use super::window::Window;
use super::{BadRecord, ReadError, ReadProblem};

/// A record longer than this is passed over. CloudTrail's limit is 256 KB a record.
const MAX_RECORD: usize = 8 * 1024 * 1024;

/// One record's bytes and place.
pub(super) struct RawRecord<'a> {
    pub(super) index: usize,
    pub(super) offset: u64,
    pub(super) bytes: &'a [u8],
}

/// What comes next.
pub(super) enum Next<'a> {
    Record(RawRecord<'a>),
    Bad(BadRecord),
    End,
}

/// Splits a text into records.
pub(super) struct Splitter {
    scanner: Scanner,
    place: Place,
    /// Records so far, bad ones too.
    count: usize,
    /// Top-level values so far.
    values: usize,
}

/// Where in the text the splitter stands.
#[derive(Clone, Copy)]
enum Place {
    /// Between top-level values.
    Outside,
    /// In an array of records.
    Array { of: ArrayOf, first: bool },
    /// In an object, after its `Records`.
    AfterRecords,
    /// At the end.
    End,
}

#[derive(Clone, Copy)]
enum ArrayOf {
    Records,
    Bare,
}

/// What one step of the splitter found.
enum Step {
    /// A record that begins here; the window has kept it, or else it is too large.
    Record { offset: u64 },
    /// Nothing yet.
    On,
    /// The end of the text.
    End,
}

impl Splitter {
    /// `lines`: the text is known to be line-delimited.
    pub(super) fn new(inflate: Inflate, lines: bool) -> Splitter {
        Splitter::at(Window::new(inflate, MAX_RECORD), lines)
    }

    /// As [`Splitter::new`], of a text that is in hand: the first `end` bytes of `buffer`.
    pub(super) fn over(buffer: Vec<u8>, end: usize, lines: bool) -> Splitter {
        Splitter::at(Window::over(buffer, end, MAX_RECORD), lines)
    }

    /// Gives the buffer back, to be used again.
    pub(super) fn into_buffer(self) -> Vec<u8> {
        self.scanner.window.into_buffer()
    }

    fn at(window: Window, lines: bool) -> Splitter {
        let scanner = Scanner { window, lines, broken_line: false };
        Splitter { scanner, place: Place::Outside, count: 0, values: 0 }
    }

    /// The next record. After an error the text cannot be followed any further.
    pub(super) fn next(&mut self) -> Result<Next<'_>, ReadError> {
        loop {
            match self.step() {
                Ok(Step::Record { offset }) => return Ok(self.record(offset)),
                Ok(Step::End) => return Ok(Next::End),
                Ok(Step::On) => {}
                Err(error) if self.scanner.lines && ends_with_its_line(&error.problem) => {
                    self.skip_line()?;
                    return Ok(self.bad(error.offset, RecordProblem::Line(error.problem)));
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Inflated bytes passed so far.
    pub(super) fn offset(&self) -> u64 {
        self.scanner.window.offset()
    }

    fn record(&mut self, offset: u64) -> Next<'_> {
        if self.scanner.window.kept().is_none() {
            return self.bad(offset, RecordProblem::TooLarge { limit: MAX_RECORD });
        }
        let index = self.counted();
        Next::Record(RawRecord {
            index,
            offset,
            bytes: self.scanner.window.kept().unwrap_or_default(),
        })
    }

    fn bad(&mut self, offset: u64, problem: RecordProblem) -> Next<'static> {
        Next::Bad(BadRecord { index: self.counted(), offset, problem })
    }

    fn counted(&mut self) -> usize {
        self.count += 1;
        self.count - 1
    }

    fn step(&mut self) -> Result<Step, ReadError> {
        match self.place {
            Place::Outside => self.outside(),
            Place::Array { of, first } => self.element(of, first),
            Place::AfterRecords => self.after_records(),
            Place::End => Ok(Step::End),
        }
    }

    /// Goes on to another place in the text.
    fn go(&mut self, place: Place) -> Step {
        self.place = place;
        Step::On
    }

    fn outside(&mut self) -> Result<Step, ReadError> {
        self.scanner.window.release();
        self.byte_order_mark()?;
        let broke = self.scanner.space_outside()?;
        // After a value that stands alone on its line, the others are taken to be lines as well.
        self.scanner.lines |= broke && self.values > 0 && !self.scanner.broken_line;
        self.scanner.broken_line = false;
        match self.scanner.window.peek()? {
            Some(b'[') => {
                self.values += 1;
                self.scanner.window.advance(1);
                Ok(self.go(Place::Array { of: ArrayOf::Bare, first: true }))
            }
            Some(b'{') => self.object(),
            None if self.values == 0 => Err(self.scanner.error(ReadProblem::Empty)),
            None => Ok(self.go(Place::End)),
            Some(_) if self.values == 0 => Err(self.scanner.window.unexpected("gzip or JSON")),
            Some(_) => Err(self.scanner.window.unexpected("`{`, `[` or the end of the text")),
        }
    }

    fn byte_order_mark(&mut self) -> Result<(), ReadError> {
        if self.offset() == 0 && self.scanner.window.peek()? == Some(0xef) {
            for byte in *b"\xef\xbb\xbf" {
                self.scanner.expect(byte, "gzip or JSON")?;
            }
        }
        Ok(())
    }

    /// A top-level object, up to its `Records`, or to its end where it is itself a record.
    fn object(&mut self) -> Result<Step, ReadError> {
        let offset = self.offset();
        self.values += 1;
        self.scanner.window.keep();
        self.scanner.window.advance(1);
        let mut is_record = self.count > 0;
        loop {
            match self.scanner.key()? {
                Some(Key::Records) => return self.records(),
                Some(key) => is_record |= key == Key::OfRecord,
                None if is_record => {
                    self.place = Place::Outside;
                    return Ok(Step::Record { offset });
                }
                None => return Err(ReadError { offset, problem: ReadProblem::NoRecords }),
            }
            self.scanner.value()?;
            self.scanner.comma()?;
        }
    }

    /// The array of `Records`: its opening bracket.
    fn records(&mut self) -> Result<Step, ReadError> {
        self.scanner.window.release();
        if self.scanner.window.peek()? != Some(b'[') {
            return Err(self.scanner.error(ReadProblem::RecordsNotArray));
        }
        self.scanner.window.advance(1);
        Ok(self.go(Place::Array { of: ArrayOf::Records, first: true }))
    }

    /// The next element of an array of records, or its end.
    fn element(&mut self, of: ArrayOf, first: bool) -> Result<Step, ReadError> {
        self.scanner.window.release();
        self.scanner.space()?;
        if self.scanner.window.peek()? == Some(b']') {
            self.scanner.window.advance(1);
            return Ok(self.go(match of {
                ArrayOf::Records => Place::AfterRecords,
                ArrayOf::Bare => Place::Outside,
            }));
        }
        if !first {
            self.scanner.expect(b',', "`,` or `]` after a record")?;
            self.scanner.space()?;
        }
        self.place = Place::Array { of, first: false };
        let offset = self.offset();
        self.scanner.window.keep();
        self.scanner.value()?;
        Ok(Step::Record { offset })
    }

    /// The rest of an object whose `Records` were read. `Records` can come twice.
    fn after_records(&mut self) -> Result<Step, ReadError> {
        self.scanner.comma()?;
        match self.scanner.key()? {
            None => Ok(self.go(Place::Outside)),
            Some(Key::Records) => self.records(),
            Some(_) => self.scanner.value().map(|()| Step::On),
        }
    }

    fn skip_line(&mut self) -> Result<(), ReadError> {
        self.values += 1;
        self.place = Place::Outside;
        self.scanner.window.release();
        self.scanner.rest_of_line()
    }
}

/// Damage to the text ends with its line; damage to what carries the text does not.
fn ends_with_its_line(problem: &ReadProblem) -> bool {
    matches!(
        problem,
        ReadProblem::Unexpected { .. } | ReadProblem::NoRecords | ReadProblem::RecordsNotArray
    )
}
