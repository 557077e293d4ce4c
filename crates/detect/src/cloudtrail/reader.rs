//! Reads the records of a log object, one at a time, in memory that does not grow with the object.
//!
//! [`read`] parses every record. [`read_prefiltered`] parses only those that may hold one of the
//! names that the rules need. Nearly all objects hold none: they cost inflating and a search.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::buffer::SlidingBuffer;
use super::content::{ContentHash, TextHash};
use super::error::{BadRecord, ReadError, ReadProblem, RecordProblem};
use super::inflate::{Body, Inflate};
use super::inflate_whole::{Scratch, with_scratch};
use super::lenient::parse_json;
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
    /// Where in the text the records are.
    pub layout: Layout,
    /// Whether the text is hashed as it is read. See [`ReadStats::hash`].
    pub hash: bool,
}

/// Where in a text the records are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// As in CloudTrail's log objects: `{"Records":[…]}`, an array of records, or records.
    Records,
    /// Line-delimited JSON (`.ndjson`, `.jsonl`): a damaged line does not end reading.
    Lines,
    /// As a CloudWatch Logs subscription sends them: each record is the text of a log event.
    LogEvents,
}

impl Options {
    /// Reads a log object of at most so many inflated bytes.
    pub const fn records(max_bytes: u64) -> Options {
        Options { max_bytes, layout: Layout::Records, hash: false }
    }
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
    /// The hash of the text, if it was asked for, and if the object is gzip and was read to its
    /// end.
    pub hash: Option<ContentHash>,
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
    read_in_pieces(body, options, Search::Nothing, visit)
}

/// As [`read`], and looks for the names of `prefilter` in bad records.
pub fn read_all(
    body: Body,
    options: Options,
    prefilter: &Prefilter,
    visit: Visit<'_>,
) -> (ReadStats, Result<(), ReadError>) {
    read_in_pieces(body, options, Search::BadRecords(prefilter), visit)
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
    let search = Search::AllRecords(prefilter);
    match body {
        // The names in a log event are written as they are in a string.
        Body::Whole(stored) if options.layout != Layout::LogEvents => {
            let result = with_scratch(|scratch| {
                read_whole(scratch, &stored, options, prefilter, &mut *visit)
            });
            result.unwrap_or_else(|| read_in_pieces(Body::Whole(stored), options, search, visit))
        }
        body => read_in_pieces(body, options, search, visit),
    }
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
    let search = Search::AllRecords(prefilter);
    let mut records = Records { stats: ReadStats::default(), search, visit };
    records.stats.times.inflate = inflated - start;
    records.stats.times.prefilter = searched - inflated;
    records.stats.hash = options.hash.then(|| ContentHash::of(text));
    if can_skip {
        records.stats.bytes = size as u64;
        records.stats.mode = ScanMode::Prefiltered;
        return Some((records.stats, Ok(())));
    }
    let text = SlidingBuffer::over(std::mem::take(&mut scratch.buffer), size, 0);
    let (buffer, result) = records.visit_text(text, options.layout);
    scratch.take_back(buffer);
    records.stats.times.parse = searched.elapsed();
    Some((records.stats, result))
}

fn read_in_pieces(
    body: Body,
    options: Options,
    search: Search<'_>,
    visit: Visit<'_>,
) -> (ReadStats, Result<(), ReadError>) {
    let start = Instant::now();
    let mut records = Records { stats: ReadStats::default(), search, visit };
    let hash = options.hash.then(TextHash::default);
    let result = match Inflate::new(body, options.max_bytes) {
        Ok(inflate) => {
            let text = SlidingBuffer::new(inflate.hashed_by(hash.clone()));
            let (_, result) = records.visit_text(text, options.layout);
            records.stats.hash = hash.and_then(|hash| hash.finish());
            result
        }
        Err(problem) => Err(ReadError { offset: 0, problem }),
    };
    records.stats.times.parse = start.elapsed();
    (records.stats, result)
}

/// Which records are searched for the names that the rules need.
#[derive(Clone, Copy)]
enum Search<'p> {
    Nothing,
    /// Those that cannot be used.
    BadRecords(&'p Prefilter),
    /// All: only those that may hold a name are parsed.
    AllRecords(&'p Prefilter),
}

impl Search<'_> {
    /// Returns true for an object that no rule can match.
    fn can_skip(self, text: &[u8]) -> bool {
        match self {
            Search::AllRecords(prefilter) => text.starts_with(b"{") && !prefilter.may_match(text),
            Search::Nothing | Search::BadRecords(_) => false,
        }
    }

    /// Returns true if a record that cannot be used holds a name.
    fn finds_name(self, text: &[u8]) -> bool {
        match self {
            Search::AllRecords(prefilter) | Search::BadRecords(prefilter) => {
                prefilter.may_match(text)
            }
            Search::Nothing => false,
        }
    }
}

/// Visits records, and counts them.
struct Records<'r> {
    stats: ReadStats,
    search: Search<'r>,
    visit: Visit<'r>,
}

impl Records<'_> {
    /// Returns the buffer of the text for reuse.
    fn visit_text(
        &mut self,
        mut text: SlidingBuffer,
        layout: Layout,
    ) -> (Vec<u8>, Result<(), ReadError>) {
        let (splitter, result) = match layout {
            Layout::Lines => {
                let result = self.visit_lines(&mut text);
                self.stats.bytes = text.offset();
                return (text.into_buffer(), result);
            }
            Layout::Records => {
                let mut splitter = Splitter::new(text, 0);
                let result = self.visit_records(&mut splitter);
                (splitter, result)
            }
            Layout::LogEvents => {
                let mut splitter = Splitter::of_log_events(text);
                let result = self.visit_log_events(&mut splitter);
                (splitter, result)
            }
        };
        self.stats.bytes = splitter.offset();
        (splitter.into_buffer(), result)
    }

    fn visit_records(&mut self, splitter: &mut Splitter) -> Result<(), ReadError> {
        while let Some(record) = splitter.next()? {
            match record {
                Ok(raw) => self.visit_record(&raw, raw.bytes),
                Err(bad) => (self.visit)(bad.index, Err(bad)),
            }
            self.stats.records += 1;
        }
        Ok(())
    }

    fn visit_log_events(&mut self, splitter: &mut Splitter) -> Result<(), ReadError> {
        while let Some(event) = splitter.next()? {
            match event.and_then(|raw| Ok((self.message(&raw)?, raw))) {
                Ok((message, raw)) => self.visit_record(&raw, message.as_bytes()),
                Err(bad) => (self.visit)(bad.index, Err(bad)),
            }
            self.stats.records += 1;
        }
        Ok(())
    }

    /// The text in a log event.
    fn message(&self, event: &RawRecord<'_>) -> Result<String, BadRecord> {
        // Nobody can say what the text in one that is not JSON would be.
        let fields = parse_json(event.bytes)
            .map_err(|error| event.bad(RecordProblem::NotJson(error), true))?;
        match fields {
            Value::Object(mut fields) => match fields.remove("message") {
                Some(Value::String(message)) => Some(message),
                _ => None,
            },
            _ => None,
        }
        .ok_or_else(|| event.bad(RecordProblem::NoMessage, self.search.finds_name(event.bytes)))
    }

    /// Visits the record with this text, which is `raw` or in it.
    fn visit_record(&mut self, raw: &RawRecord<'_>, text: &[u8]) {
        if !self.search.can_skip(text) {
            self.stats.parsed += 1;
            let record =
                parse(text).map_err(|problem| raw.bad(problem, self.search.finds_name(text)));
            (self.visit)(raw.index, record);
        }
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
        let bad = BadRecord { index, offset, problem, may_hide_a_call: false };
        (self.visit)(index, Err(bad));
        self.stats.records += 1;
    }
}

fn parse(text: &[u8]) -> Result<Record, RecordProblem> {
    let value = parse_json(text).map_err(RecordProblem::NotJson)?;
    Record::from_value(value).map_err(|_| RecordProblem::NotObject)
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
