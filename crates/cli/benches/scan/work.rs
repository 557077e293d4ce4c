//! What is measured inside this process, on objects in memory.

use std::hint::black_box;

use bytes::Bytes;
use detect::cloudtrail::reader::{self, Options};
use detect::cloudtrail::{Body, Record};
use detect::finding::Origin;
use detect::finding::{match_record, scan_body};
use detect::rule::{Detections, LoadedRules, Rule, RuleSet};
use jiff::Timestamp;
use kql::Query;
use libdeflater::Decompressor;

use crate::corpus::{self, Plan};
use crate::measure::Task;

const OPTIONS: Options = Options { max_bytes: u64::MAX, lines: false };

/// Objects and rules.
pub struct Work {
    /// Stored objects.
    pub objects: Vec<Bytes>,
    /// The same, each with a hit.
    all_hit: Vec<Bytes>,
    texts: Vec<Vec<u8>>,
    rules: Detections,
    hundred: Detections,
}

impl Work {
    pub fn new(plan: Plan) -> Work {
        let stored = |plan| corpus::objects(plan).into_iter().map(Bytes::from).collect::<Vec<_>>();
        let objects = stored(plan);
        let texts = objects.iter().map(|object| inflated(object)).collect();
        let all_hit = stored(Plan { hit_percent: 100, ..plan });
        Work { objects, all_hit, texts, rules: rules(0), hundred: rules(100) }
    }

    /// Inflated bytes.
    pub fn bytes(&self) -> usize {
        self.texts.iter().map(Vec::len).sum()
    }

    pub fn gzip_ratio(&self) -> f64 {
        self.bytes() as f64 / self.objects.iter().map(Bytes::len).sum::<usize>() as f64
    }

    pub fn tasks(&self) -> Vec<Task<'_>> {
        let mut decompressor = Decompressor::new();
        let mut buffer = vec![0; self.texts.iter().map(Vec::len).max().unwrap_or(0)];
        let prefilter = self.rules.rule_set.prefilter().expect("the rules have needles");
        vec![
            task("bare inflate", move |at| {
                black_box(
                    decompressor
                        .gzip_decompress(&self.objects[at], &mut buffer)
                        .expect("the corpus is whole"),
                );
            }),
            task("probe: the search alone", |at| {
                black_box(prefilter.may_match(&self.texts[at]));
            }),
            task("scan", |at| scan(&self.objects[at], &self.rules)),
            task("scan, 100 rules more", |at| scan(&self.objects[at], &self.hundred)),
            task("scan, a hit in each object", |at| scan(&self.all_hit[at], &self.rules)),
            task("bare inflate, piece by piece (flate2)", |at| stream(&self.objects[at])),
            task("inflate and parse everything (plain way)", |at| drop(parsed(&self.objects[at]))),
            task("the same, and match it", |at| self.match_all(&self.objects[at])),
        ]
    }

    fn match_all(&self, object: &Bytes) {
        for record in parsed(object) {
            match_record(&record, &self.rules, Timestamp::UNIX_EPOCH, &nowhere, &mut |finding| {
                drop(black_box(finding))
            });
        }
    }
}

fn task<'a>(name: &'static str, run: impl FnMut(usize) + 'a) -> Task<'a> {
    Task { name, run: Box::new(run) }
}

fn stream(object: &[u8]) {
    let mut piece = vec![0; 64 * 1024];
    let mut decoder = flate2::bufread::MultiGzDecoder::new(object);
    while std::io::Read::read(&mut decoder, &mut piece).expect("the corpus is whole") > 0 {}
}

fn nowhere() -> Origin {
    Origin::File { path: String::new(), record: 0 }
}

fn scan(object: &Bytes, rules: &Detections) {
    let body = Body::Whole(object.clone());
    let (_, end) =
        scan_body(body, OPTIONS, rules, Timestamp::UNIX_EPOCH, &|_| nowhere(), &mut |hit| {
            drop(black_box(hit))
        });
    end.expect("the corpus is whole");
}

fn parsed(object: &Bytes) -> Vec<Record> {
    let mut all = Vec::new();
    let (_, end) = reader::read(Body::Whole(object.clone()), OPTIONS, &mut |_, record| {
        all.extend(record.ok())
    });
    end.expect("the corpus is whole");
    all
}

fn inflated(object: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    let mut decoder = flate2::bufread::MultiGzDecoder::new(object);
    std::io::Read::read_to_end(&mut decoder, &mut text).expect("the corpus is whole");
    text
}

/// The rules that come with the program, and so many more whose calls do not occur in the corpus.
fn rules(more: usize) -> Detections {
    let mut rules = LoadedRules::embedded().rules;
    let first = rules.first().expect("rules come with the program").clone();
    rules.extend((0..more).map(|n| made(&first, n)));
    RuleSet::new(rules).expect("rules come with the program").into()
}

fn made(like: &Rule, n: usize) -> Rule {
    let mut info = (*like.info).clone();
    info.id = format!("made-{n}");
    let query = format!(
        "event.provider: service{n}.amazonaws.com and event.action: (DeleteThing{n} or PutThing{n})"
    );
    Rule { info: info.into(), query: Query::parse(&query).expect("a query"), ..like.clone() }
}
