//! Compares the two ways of reading: with the prefilter, and parsing every record. For tests and
//! fuzz targets.

use std::io::{Cursor, Read};

use bytes::Bytes;
use detect::cloudtrail::reader::{self, Options, ScanMode};
use detect::cloudtrail::{Body, ReadError, ReadProblem};
use detect::finding::Origin;
use detect::finding::{ScanEvent, match_record, scan_body};
use detect::rule::Detections;
use jiff::Timestamp;

/// Rule and record of each finding, the messages of bad records, and the error at the end.
#[derive(Debug)]
pub struct ScanResult {
    pub findings: Vec<(String, usize)>,
    pub bad: Vec<String>,
    pub end: Result<(), ReadError>,
    pub read: reader::ReadStats,
}

pub fn origin(record: usize) -> Origin {
    Origin::File { path: "x.json.gz".to_owned(), record }
}

fn scan_prefiltered(body: Body, options: Options, detections: &Detections) -> ScanResult {
    let (mut found, mut bad) = (Vec::new(), Vec::new());
    let (read, end) =
        scan_body(body, options, detections, Timestamp::UNIX_EPOCH, &origin, &mut |event| {
            match event {
                ScanEvent::Finding(finding) => {
                    found.push((finding.rule.id.clone(), finding.origin.record()))
                }
                ScanEvent::Bad(record) => bad.push(record.to_string()),
                ScanEvent::Change(_) => {}
            }
        });
    ScanResult { findings: found, bad, end, read }
}

fn scan_parsed(body: Body, options: Options, detections: &Detections) -> ScanResult {
    let (mut found, mut bad) = (Vec::new(), Vec::new());
    let (read, end) = reader::read(body, options, &mut |index, record| match record {
        Ok(record) => {
            let origin = || origin(index);
            match_record(&record, detections, Timestamp::UNIX_EPOCH, &origin, &mut |finding| {
                found.push((finding.rule.id.clone(), finding.origin.record()));
            });
        }
        Err(record) => bad.push(record.to_string()),
    });
    ScanResult { findings: found, bad, end, read }
}

/// Returns true for damage to the JSON, not to gzip or I/O.
fn is_json_error(error: &ReadError) -> bool {
    let problem = &error.problem;
    matches!(
        problem,
        ReadProblem::Unexpected { .. } | ReadProblem::NoRecords | ReadProblem::RecordsNotArray
    )
}

fn end_message(end: &Result<(), ReadError>) -> Option<String> {
    end.as_ref().err().map(ToString::to_string)
}

/// Asserts that both ways find the same, for an object in memory and a streamed one. Returns the
/// results with the prefilter and without, for the object in memory.
pub fn assert_modes_agree(
    stored: &[u8],
    options: Options,
    detections: &Detections,
) -> (ScanResult, ScanResult) {
    let whole = || Body::Whole(Bytes::copy_from_slice(stored));
    let stream = || Body::Stream(Box::new(FewBytesReader(Cursor::new(stored.to_vec()))));
    let ways = [(whole(), whole()), (stream(), stream())];
    let both = ways.map(|(one, same)| {
        (scan_prefiltered(one, options, detections), scan_parsed(same, options, detections))
    });
    for (fast, plain) in &both {
        assert_eq!(fast.findings, plain.findings, "the same findings");
        assert!(
            fast.bad.iter().all(|bad| plain.bad.contains(bad)),
            "{:?} are among {:?}",
            fast.bad,
            plain.bad
        );
        match fast.read.mode {
            ScanMode::Parsed => {
                assert_eq!(end_message(&fast.end), end_message(&plain.end), "the same end");
                let is_reported = |bad: &&String| {
                    bad.contains("not a JSON object") || bad.contains("larger than")
                };
                assert!(
                    plain.bad.iter().filter(is_reported).all(|bad| fast.bad.contains(bad)),
                    "{:?}",
                    plain.bad
                );
            }
            ScanMode::Prefiltered => {
                assert!(fast.end.is_ok() && plain.findings.is_empty());
                assert!(
                    plain.end.as_ref().err().is_none_or(is_json_error),
                    "{:?} went unnoticed",
                    plain.end
                );
            }
        }
    }
    let [whole, _] = both;
    whole
}

/// Reads a few bytes at a time, so that names and records lie across the ends of pieces.
struct FewBytesReader<R>(R);

impl<R: Read> Read for FewBytesReader<R> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let end = into.len().min(7);
        self.0.read(&mut into[..end])
    }
}
