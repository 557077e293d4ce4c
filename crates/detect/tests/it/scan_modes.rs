//! The two gears of reading, held against each other: searching for needles finds what parsing
//! everything finds. For the tests and the fuzz targets.

use std::io::{Cursor, Read};

use bytes::Bytes;
use detect::cloudtrail::reader::{self, Options, ScanMode};
use detect::cloudtrail::{Body, ReadError, ReadProblem};
use detect::finding::Origin;
use detect::finding::{ScanEvent, match_record, scan_body};
use detect::rule::Detections;
use jiff::Timestamp;

/// What a way of reading gave: rule and record of each finding, the messages of bad records, and
/// the error at the end.
#[derive(Debug)]
pub struct Seen {
    pub findings: Vec<(String, usize)>,
    pub bad: Vec<String>,
    pub end: Result<(), ReadError>,
    pub read: reader::Read,
}

pub fn origin(record: usize) -> Origin {
    Origin::File { path: "x.json.gz".to_owned(), record }
}

fn fast(body: Body, options: Options, detections: &Detections) -> Seen {
    let (mut found, mut bad) = (Vec::new(), Vec::new());
    let (read, end) = scan_body(
        body,
        options,
        detections,
        Timestamp::UNIX_EPOCH,
        &origin,
        &mut |hit| match hit {
            ScanEvent::Finding(finding) => {
                found.push((finding.rule.id.clone(), finding.origin.record()))
            }
            ScanEvent::Bad(record) => bad.push(record.to_string()),
        },
    );
    Seen { findings: found, bad, end, read }
}

fn plain(body: Body, options: Options, detections: &Detections) -> Seen {
    let (mut found, mut bad) = (Vec::new(), Vec::new());
    let (read, end) = reader::read(body, options, &mut |index, record| match record {
        Ok(record) => match_record(
            &record,
            detections,
            Timestamp::UNIX_EPOCH,
            &|| origin(index),
            &mut |finding| {
                found.push((finding.rule.id.clone(), finding.origin.record()));
            },
        ),
        Err(record) => bad.push(record.to_string()),
    });
    Seen { findings: found, bad, end, read }
}

/// Damage to the JSON, and not to what carries it.
fn is_inside(error: &ReadError) -> bool {
    let problem = &error.problem;
    matches!(
        problem,
        ReadProblem::Unexpected { .. } | ReadProblem::NoRecords | ReadProblem::RecordsNotArray
    )
}

fn told(end: &Result<(), ReadError>) -> Option<String> {
    end.as_ref().err().map(ToString::to_string)
}

/// Holds the fast way against the plain one, of an object that is held whole and of one that is
/// streamed.
pub fn agree(stored: &[u8], options: Options, detections: &Detections) -> (Seen, Seen) {
    let whole = || Body::Whole(Bytes::copy_from_slice(stored));
    let stream = || Body::Stream(Box::new(Few(Cursor::new(stored.to_vec()))));
    let ways = [(whole(), whole()), (stream(), stream())];
    let both =
        ways.map(|(one, same)| (fast(one, options, detections), plain(same, options, detections)));
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
                assert_eq!(told(&fast.end), told(&plain.end), "the same end");
                let odd = |bad: &&String| {
                    bad.contains("a record is an object") || bad.contains("larger than")
                };
                assert!(
                    plain.bad.iter().filter(odd).all(|bad| fast.bad.contains(bad)),
                    "{:?}",
                    plain.bad
                );
            }
            ScanMode::Prefiltered => {
                assert!(fast.end.is_ok() && plain.findings.is_empty());
                assert!(
                    plain.end.as_ref().err().is_none_or(is_inside),
                    "{:?} went unnoticed",
                    plain.end
                );
            }
        }
    }
    let [whole, _] = both;
    whole
}

/// Gives a few bytes at a time, so that needles and records lie across the borders of what is in
/// hand.
struct Few<R>(R);

impl<R: Read> Read for Few<R> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let end = into.len().min(7);
        self.0.read(&mut into[..end])
    }
}
