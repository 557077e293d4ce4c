//! Any bytes as a log object, as they are and as what gzip holds: both scan_modes find the same, and an
//! alert can be written of all of it.

#![no_main]

mod support;

use std::sync::LazyLock;

use alert::{Accounts, render, render_minimal};
use detect::cloudtrail::Body;
use detect::cloudtrail::reader::Options;
use detect::finding::{Context, ScanEvent, scan_body};
use detect::rule::{Detections, RuleSet, LoadedRules};
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use support::scan_modes::{agree, origin};
use support::{check_alert, gzip};

static DETECTIONS: LazyLock<Detections> = LazyLock::new(|| {
    Detections::from(RuleSet::new(LoadedRules::embedded().rules).expect("there are rules"))
});

// Small, so that a bomb meets it.
const OPTIONS: Options = Options { max_bytes: 1 << 20, lines: false };

fuzz_target!(|bytes: &[u8]| {
    agree(bytes, OPTIONS, &DETECTIONS);
    let zipped = gzip(bytes);
    let (seen, _) = agree(&zipped, OPTIONS, &DETECTIONS);
    if !seen.findings.is_empty() {
        tell(zipped);
    }
});

fn tell(stored: Vec<u8>) {
    let body = Body::Whole(stored.into());
    let _ = scan_body(body, OPTIONS, &DETECTIONS, Timestamp::UNIX_EPOCH, &origin, &mut |hit| {
        let ScanEvent::Finding(finding) = hit else { return };
        check_alert::check(&render(&finding, &Context::default(), &Accounts::default()));
        check_alert::check(&render_minimal(&finding));
    });
}
