//! Any bytes as a digest file, plain and inside gzip, and any list of digests as a chain: what is
//! missing lies between two of them, and every text is safe to print.

#![no_main]

use std::collections::BTreeMap;
use std::io::Write;

use detect::cloudtrail::content::{ContentHash, inflate_content};
use detect::cloudtrail::{Body, DigestName};
use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::SignedDuration;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use trailbell::integrity::IntegrityProblem;
use trailbell::integrity::chain::{Link, Surroundings, examine_chain, remove_replaced};
use trailbell::integrity::digest::DigestFile;

fuzz_target!(|data: &[u8]| {
    let _any = inflate_content(Body::Whole(data.to_vec().into()), 1 << 20);
    let content = inflate_content(Body::Whole(gzip(data).into()), 1 << 20);
    assert_eq!(content.ok().as_deref(), Some(data).filter(|data| data.len() <= 1 << 20));
    match DigestFile::from_json(data) {
        Ok(file) => assert!(file.string_to_sign().contains(&ContentHash::of(data).to_string())),
        Err(why) => {
            let text = IntegrityProblem::NotDigest(why).to_string();
            assert!(!text.contains(char::is_control), "{text:?}");
        }
    }
    if let Ok(digests) = serde_json::from_slice::<Vec<Value>>(data) {
        examine(&digests);
    }
});

fn examine(digests: &[Value]) {
    let file = |digest: &Value| DigestFile::from_json(digest.to_string().as_bytes()).ok();
    let link = |file| Link { file, signature: "ab".to_owned() };
    let mut links: Vec<Link> = digests.iter().filter_map(file).map(link).collect();
    links.sort_by_key(|link| link.file.end);
    let (Some(first), Some(last)) = (links.first(), links.last()) else { return };
    // Every hour in between is looked at.
    let (start, end) = (first.file.end, last.file.end);
    if end.duration_since(start) > SignedDuration::from_hours(24 * 365) {
        return;
    }
    let key = first.file.key.clone();
    let Some(name) = DigestName::from_key(&key) else { return };
    remove_replaced(&mut links, name.is_backfill);
    let present: BTreeMap<_, _> =
        links.iter().map(|link| (link.file.end, link.file.key.clone())).collect();
    let report = examine_chain(
        &links,
        &Surroundings {
            present: &present,
            key_at: &|end| name.key_at("AWSLogs/111122223333/", end),
            is_due: &|_| false,
            had_log_files: &|_| false,
            is_backfill: name.is_backfill,
        },
    );
    for (time, missing) in &report.missing {
        assert!(*time < end, "{missing:?}");
        assert!(!present.contains_key(time), "{missing:?} is there");
    }
    assert!(report.gaps.iter().all(|gap| gap.from < gap.until), "{:?}", report.gaps);
}

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(data).expect("a vector takes all");
    encoder.finish().expect("a vector takes all")
}
