//! Reading objects in memory, measured inside this process.

use std::hint::black_box;
use std::io::Read;

use bytes::Bytes;
use detect::cloudtrail::content::ContentHash;
use detect::cloudtrail::reader::{self, Options};
use detect::cloudtrail::{Body, Record};
use detect::finding::{Origin, match_record, scan_body};
use detect::rule::{Detections, LoadedRules, Rule, RuleSet};
use flate2::bufread::MultiGzDecoder;
use jiff::Timestamp;
use kql::Query;
use libdeflater::Decompressor;

use crate::corpus::{self, Plan};
use crate::measure::Task;
use crate::public_rules;

const OPTIONS: Options = Options::records(u64::MAX);

/// Objects and rules.
pub struct Workload {
    /// Stored objects.
    pub objects: Vec<Bytes>,
    /// The same, each with a group change.
    all_hit: Vec<Bytes>,
    /// Inflated objects.
    texts: Vec<Vec<u8>>,
    rules: Detections,
    more_rules: Detections,
    public_rules: Detections,
}

impl Workload {
    pub fn new(plan: Plan) -> Workload {
        let objects = |plan| corpus::objects(plan).into_iter().map(Bytes::from).collect::<Vec<_>>();
        let all_hit = objects(Plan { hit_percent: 100, ..plan });
        let objects = objects(plan);
        let texts = objects.iter().map(|object| inflate(object)).collect();
        let [own, more] = [0, 100].map(rules);
        let public_rules = public_rules::detections();
        Workload { objects, all_hit, texts, rules: own, more_rules: more, public_rules }
    }

    pub fn inflated_bytes(&self) -> usize {
        self.texts.iter().map(Vec::len).sum()
    }

    pub fn gzip_ratio(&self) -> f64 {
        self.inflated_bytes() as f64 / self.objects.iter().map(Bytes::len).sum::<usize>() as f64
    }

    pub fn tasks(&self) -> Vec<Task<'_>> {
        let mut decompressor = Decompressor::new();
        let mut buffer = vec![0; self.texts.iter().map(Vec::len).max().unwrap_or(0)];
        let prefilter = self.rules.rule_set.prefilter().expect("the rules name calls");
        vec![
            Task::new("bare inflate", move |index| {
                let inflated = decompressor.gzip_decompress(&self.objects[index], &mut buffer);
                black_box(inflated.expect("the corpus is intact"));
            }),
            Task::new("prefilter: search alone", |index| {
                black_box(prefilter.may_match(&self.texts[index]));
            }),
            Task::new("scan", |index| scan(&self.objects[index], &self.rules)),
            Task::new("scan and hash, as for a digest", |index| {
                scan_with(&self.objects[index], Options { hash: true, ..OPTIONS }, &self.rules);
            }),
            Task::new("hash alone", |index| {
                black_box(ContentHash::of(&self.texts[index]));
            }),
            Task::new("scan, 100 more rules", |index| {
                scan(&self.objects[index], &self.more_rules);
            }),
            Task::new("scan, with Elastic's rules for AWS", |index| {
                scan(&self.objects[index], &self.public_rules);
            }),
            Task::new("scan, a finding in every object", |index| {
                scan(&self.all_hit[index], &self.rules);
            }),
            Task::new("bare inflate, streamed (flate2)", |index| {
                inflate_stream(&self.objects[index]);
            }),
            Task::new("inflate and parse all records", |index| {
                drop(parse_all(&self.objects[index]));
            }),
            Task::new("inflate, parse and match all records", |index| {
                self.match_all(&self.objects[index]);
            }),
        ]
    }

    fn match_all(&self, object: &Bytes) {
        for record in parse_all(object) {
            match_record(&record, &self.rules, Timestamp::UNIX_EPOCH, &origin, &mut |finding| {
                drop(black_box(finding))
            });
        }
    }
}

fn origin() -> Origin {
    Origin::File { path: String::new(), record: 0 }
}

fn scan(object: &Bytes, rules: &Detections) {
    scan_with(object, OPTIONS, rules);
}

fn scan_with(object: &Bytes, options: Options, rules: &Detections) {
    let body = Body::Whole(object.clone());
    let now = Timestamp::UNIX_EPOCH;
    let (_, end) =
        scan_body(body, options, rules, now, &|_| origin(), &mut |event| drop(black_box(event)));
    end.expect("the corpus is intact");
}

fn parse_all(object: &Bytes) -> Vec<Record> {
    let mut records = Vec::new();
    let body = Body::Whole(object.clone());
    let (_, end) = reader::read(body, OPTIONS, &mut |_, record| records.extend(record.ok()));
    end.expect("the corpus is intact");
    records
}

fn inflate(object: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    MultiGzDecoder::new(object).read_to_end(&mut text).expect("the corpus is intact");
    text
}

fn inflate_stream(object: &[u8]) {
    let mut piece = vec![0; 64 * 1024];
    let mut decoder = MultiGzDecoder::new(object);
    while decoder.read(&mut piece).expect("the corpus is intact") > 0 {}
}

/// The built-in rules, and `more` rules whose calls are not in the corpus.
fn rules(more: usize) -> Detections {
    let mut rules = LoadedRules::embedded().rules;
    let first = rules.first().expect("there are built-in rules").clone();
    rules.extend((0..more).map(|n| similar_rule(&first, n)));
    RuleSet::new(rules).expect("there are built-in rules").into()
}

fn similar_rule(rule: &Rule, n: usize) -> Rule {
    let mut info = (*rule.info).clone();
    info.id = format!("rule-{n}");
    let query = format!(
        "event.provider: service{n}.amazonaws.com and event.action: (DeleteThing{n} or PutThing{n})"
    );
    Rule {
        info: info.into(),
        query: Query::parse(&query).expect("the query is valid").into(),
        ..rule.clone()
    }
}
