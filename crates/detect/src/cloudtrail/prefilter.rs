//! The two gears in which log objects are read when it is known what is looked for. Nearly all
//! objects hold none of it: those cost the inflate and a search in it. Only the others are split,
//! and of them only the records parsed that may be meant.
//!
//! An object that fits a buffer is inflated as a whole and probed: where it is well framed and no
//! needle may stand in it, it is done. Everything else goes through the splitter in one pass,
//! larger objects piece by piece as they come, so that nothing is read twice. Against
//! [`reader::read`], what may go unreported is damage inside the JSON of a record, or of a probed
//! object, that cannot hold a needle.
//!
//! [`reader::read`]: super::reader::read

use std::time::Instant;

use super::literals::Prefilter;
use super::reader::{Options, Read, ScanMode, Visit, in_one_pass, split};
use super::split::Splitter;
use super::whole::{Scratch, with_scratch};
use super::{Body, ReadError};

/// Gives every record of `body` in which a needle may stand to `visit`, with its index from 0, in
/// the order they stand; otherwise as [`super::reader::read`].
pub fn read(
    body: Body,
    options: Options,
    literals: &Prefilter,
    visit: Visit<'_>,
) -> (Read, Result<(), ReadError>) {
    let bytes = match body {
        Body::Whole(bytes) => bytes,
        stream @ Body::Stream(_) => return in_one_pass(stream, options, Some(literals), visit),
    };
    let whole = with_scratch(|scratch| whole(scratch, &bytes, options, literals, &mut *visit));
    whole.unwrap_or_else(|| in_one_pass(Body::Whole(bytes), options, Some(literals), visit))
}

/// None where the object cannot be inflated as a whole.
fn whole(
    scratch: &mut Scratch,
    stored: &[u8],
    options: Options,
    literals: &Prefilter,
    visit: Visit<'_>,
) -> Option<(Read, Result<(), ReadError>)> {
    let start = Instant::now();
    let size = scratch.inflate(stored, options.max_bytes)?;
    let inflated = Instant::now();
    let mut read = Read { bytes: size as u64, mode: ScanMode::Prefiltered, ..Read::default() };
    read.times.inflate = inflated - start;
    let text = &scratch.buffer[..size];
    let quiet = is_framed(text) && !literals.may_stand_in(text);
    let prefiltered = Instant::now();
    read.times.prefilter = prefiltered - inflated;
    if quiet {
        return Some((read, Ok(())));
    }
    read.mode = ScanMode::Parsed;
    let mut splitter = Splitter::over(std::mem::take(&mut scratch.buffer), size, options.lines);
    let result = split(&mut splitter, Some(literals), &mut read, visit);
    scratch.buffer = splitter.into_buffer();
    read.times.full = prefiltered.elapsed();
    Some((read, result))
}

/// Whether a text begins and ends as CloudTrail's do: `{"Records":[`, objects or nothing, `]}`.
fn is_framed(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let is_space = |byte: &u8| b" \t\r\n".contains(byte);
    let start = text.iter().position(|byte| !is_space(byte)).unwrap_or(text.len());
    let end = text.iter().rposition(|byte| !is_space(byte)).map_or(start, |last| last + 1);
    let records = text[start..end].strip_prefix(b"{\"Records\":[");
    records.is_some_and(|records| match records.first() {
        Some(b'{') => records.ends_with(b"}]}"),
        _ => records == b"]}",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_what_cloudtrail_writes() {
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
            assert_eq!(is_framed(text.as_bytes()), expected, "{text}");
        }
    }
}
