//! Reads the records of a log object, one at a time, in memory that does not grow with the object.
//!
//! [`read`] parses every record. [`read_prefiltered`] parses only those that may hold one of the
//! names that the rules need. Nearly all objects hold none: they cost inflating and a search.

use std::time::{Duration, Instant};

use super::buffer::SlidingBuffer;
use super::error::{BadRecord, ReadError, ReadProblem, RecordProblem};
use super::inflate::{Body, Inflate};
use super::inflate_whole::{Scratch, with_scratch};
use super::lenient;
use super::prefilter::Prefilter;
use super::record::Record;
use super::split::{RawRecord, Splitter};

/// The longest line of line-delimited text, in bytes.
const MAX_LINE: usize = 64 * 1024 * 1024;

/// How to read.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// The limit in inflated bytes of one object.
    pub max_bytes: u64,
    /// The text is line-delimited JSON (`.ndjson`, `.jsonl`): a damaged line does not end reading.
    pub lines: bool,
}

/// What was read, and how long it took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReadStats {
    /// Inflated bytes.
    pub bytes: u64,
    /// Records, good and bad. 0 in [`ScanMode::Prefiltered`], which does not count them.
    pub records: u64,
    /// How many of the records were parsed.
    pub parsed: u64,
    /// How the object was read.
    pub mode: ScanMode,
    /// Times of the steps.
    pub times: ScanTimes,
}

/// How an object was read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ScanMode {
    /// It was split into records.
    #[default]
    Parsed,
    /// The search found that no rule can match any of its records.
    Prefiltered,
}

/// Times of the steps of reading.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ScanTimes {
    /// Inflating a whole object.
    pub inflate: Duration,
    /// Searching it.
    pub prefilter: Duration,
    /// Splitting, parsing and visiting records; and inflating, if that is done piece by piece.
    pub parse: Duration,
}

/// Called with each record and its index, which counts from 0.
pub type Visit<'v> = &'v mut dyn FnMut(usize, Result<Record, BadRecord>);

/// Calls `visit` with every record of `body`, in order. Bad records do not end reading.
///
/// The statistics cover what was read before an error as well. Blocks.
pub fn read(body: Body, options: Options, visit: Visit<'_>) -> (ReadStats, Result<(), ReadError>) {
    read_in_pieces(body, options, None, visit)
}

/// As [`read`], but calls `visit` only with records that may hold a name of `prefilter`, and with
/// bad ones. Damage in the JSON of other records may go unreported, as may damage anywhere in an
/// object that holds none of the names.
pub fn read_prefiltered(
    body: Body,
    options: Options,
    prefilter: &Prefilter,
    visit: Visit<'_>,
) -> (ReadStats, Result<(), ReadError>) {
    let Body::Whole(stored) = body else {
        return read_in_pieces(body, options, Some(prefilter), visit);
    };
    let result =
        with_scratch(|scratch| read_whole(scratch, &stored, options, prefilter, &mut *visit));
    result.unwrap_or_else(|| read_in_pieces(Body::Whole(stored), options, Some(prefilter), visit))
}

/// Inflates an object and returns its size in bytes, at most `max_bytes`.
///
/// # Errors
/// Fails if the object is damaged or larger than `max_bytes`.
pub fn inflated_size(body: Body, max_bytes: u64) -> Result<u64, ReadError> {
    let mut size = 0;
    let mut chunk = vec![0; 64 * 1024];
    let mut inflate =
        Inflate::new(body, max_bytes).map_err(|problem| ReadError { offset: 0, problem })?;
    loop {
        match inflate.read(&mut chunk) {
            Ok(0) => return Ok(size),
            Ok(count) => size += count as u64,
            Err(problem) => return Err(ReadError { offset: size, problem }),
        }
    }
}

/// Returns `None` if the object cannot be inflated in one call.
fn read_whole(
    scratch: &mut Scratch,
    stored: &[u8],
    options: Options,
    prefilter: &Prefilter,
    visit: Visit<'_>,
) -> Option<(ReadStats, Result<(), ReadError>)> {
    let start = Instant::now();
    let size = scratch.inflate(stored, options.max_bytes)?;
    let inflated = Instant::now();
    let text = &scratch.buffer[..size];
    let can_skip = has_well_formed_ends(text) && !prefilter.may_match(text);
    let searched = Instant::now();
    let mut records = Records { stats: ReadStats::default(), prefilter: Some(prefilter), visit };
    records.stats.times.inflate = inflated - start;
    records.stats.times.prefilter = searched - inflated;
    if can_skip {
        records.stats.bytes = size as u64;
        records.stats.mode = ScanMode::Prefiltered;
        return Some((records.stats, Ok(())));
    }
    let text = SlidingBuffer::over(std::mem::take(&mut scratch.buffer), size, 0);
    let (buffer, result) = records.visit_text(text, options.lines);
    scratch.buffer = buffer;
    records.stats.times.parse = searched.elapsed();
    Some((records.stats, result))
}

fn read_in_pieces(
    body: Body,
    options: Options,
    prefilter: Option<&Prefilter>,
    visit: Visit<'_>,
) -> (ReadStats, Result<(), ReadError>) {
    let start = Instant::now();
    let mut records = Records { stats: ReadStats::default(), prefilter, visit };
    let result = match Inflate::new(body, options.max_bytes) {
        Ok(inflate) => {
            let (_, result) = records.visit_text(SlidingBuffer::new(inflate), options.lines);
            result
        }
        Err(problem) => Err(ReadError { offset: 0, problem }),
    };
    records.stats.times.parse = start.elapsed();
    (records.stats, result)
}

/// Visits records, and counts them.
struct Records<'r> {
    stats: ReadStats,
    prefilter: Option<&'r Prefilter>,
    visit: Visit<'r>,
}

impl Records<'_> {
    /// Returns the buffer of the text for reuse.
    fn visit_text(
        &mut self,
        mut text: SlidingBuffer,
        lines: bool,
    ) -> (Vec<u8>, Result<(), ReadError>) {
        if lines {
            let result = self.visit_lines(&mut text);
            self.stats.bytes = text.offset();
            return (text.into_buffer(), result);
        }
        let mut splitter = Splitter::new(text, 0);
        let result = self.visit_records(&mut splitter);
        self.stats.bytes = splitter.offset();
        (splitter.into_buffer(), result)
    }

    fn visit_records(&mut self, splitter: &mut Splitter) -> Result<(), ReadError> {
        while let Some(record) = splitter.next()? {
            match record {
                Ok(raw) if self.can_skip(&raw) => {}
                Ok(raw) => {
                    self.stats.parsed += 1;
                    (self.visit)(raw.index, parse(&raw));
                }
                Err(bad) => (self.visit)(bad.index, Err(bad)),
            }
            self.stats.records += 1;
        }
        Ok(())
    }

    /// Splits each line on its own, so that damage ends with its line.
    fn visit_lines(&mut self, text: &mut SlidingBuffer) -> Result<(), ReadError> {
        let mut is_empty = true;
        let mut buffer = Vec::new();
        text.set_max_kept(MAX_LINE);
        while text.peek()?.is_some() {
            let offset = text.offset();
            text.start_keeping();
            text.skip_until(|byte| byte == b'\n')?;
            buffer.clear();
            match text.kept() {
                Some(line) => buffer.extend_from_slice(line),
                None => self.visit_bad(offset, RecordProblem::TooLarge { limit: MAX_LINE }),
            }
            text.advance(1);
            let length = buffer.len();
            let line = SlidingBuffer::over(buffer, length, offset);
            let mut splitter = Splitter::new(line, self.stats.records as usize);
            match self.visit_records(&mut splitter) {
                Ok(()) => is_empty = false,
                Err(ReadError { problem: ReadProblem::Empty, .. }) => {}
                Err(error) => self.visit_bad(error.offset, RecordProblem::Line(error.problem)),
            }
            buffer = splitter.into_buffer();
        }
        let is_empty = is_empty && self.stats.records == 0;
        if is_empty { Err(text.error(ReadProblem::Empty)) } else { Ok(()) }
    }

    fn visit_bad(&mut self, offset: u64, problem: RecordProblem) {
        let index = self.stats.records as usize;
        (self.visit)(index, Err(BadRecord { index, offset, problem }));
        self.stats.records += 1;
    }

    /// Returns true for an object that no rule can match. What is not an object is reported.
    fn can_skip(&self, raw: &RawRecord<'_>) -> bool {
        let is_object = raw.bytes.starts_with(b"{");
        is_object && self.prefilter.is_some_and(|prefilter| !prefilter.may_match(raw.bytes))
    }
}

fn parse(raw: &RawRecord<'_>) -> Result<Record, BadRecord> {
    let bad = |problem| BadRecord { index: raw.index, offset: raw.offset, problem };
    let parse_repaired =
        |error| serde_json::from_str(&lenient::repair(raw.bytes)).map_err(|_| error);
    let value = serde_json::from_slice(raw.bytes).or_else(parse_repaired);
    let value = value.map_err(|error| bad(RecordProblem::NotJson(error)))?;
    Record::from_value(value).map_err(|_| bad(RecordProblem::NotObject))
}

/// Returns true if the text begins and ends as CloudTrail writes it: `{"Records":[`, objects or
/// nothing, `]}`.
fn has_well_formed_ends(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let is_space = |byte: &u8| b" \t\r\n".contains(byte);
    let start = text.iter().position(|byte| !is_space(byte)).unwrap_or(text.len());
    let end = text.iter().rposition(|byte| !is_space(byte)).map_or(start, |last| last + 1);
    match text[start..end].strip_prefix(b"{\"Records\":[") {
        Some(records) if records.starts_with(b"{") => records.ends_with(b"}]}"),
        Some(records) => records == b"]}",
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn well_formed_ends_are_those_that_cloudtrail_writes() {
        let cases = [
            (r#"{"Records":[{}]}"#, true),
            (r#"{"Records":[]}"#, true),
            ("\u{feff} \r\n\t{\"Records\":[{\"a\":[]}]}\n ", true),
            (r#" {"Records":[{"a":1},{}]}"#, true),
            (r#"{"Records":[{}"#, false),
            (r#"{"Records":[{}]"#, false),
            (r#"{"Records":[1]}"#, false),
            (r#"{"Records":["}]}"#, false),
            (r#"{"Records":[]]}"#, false),
            (r#"{"Records":[] }"#, false),
            (r#"{"Records": [{}]}"#, false),
            (r#"{"records":[{}]}"#, false),
            (r#"[{}]}"#, false),
            ("", false),
            (" ", false),
        ];
        for (text, expected) in cases {
            assert_eq!(has_well_formed_ends(text.as_bytes()), expected, "{text}");
        }
    }
}
