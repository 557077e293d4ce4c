//! Any bytes as a log object, plain and in gzip: both scan modes find the same, and the alerts can
//! be published.

#![no_main]

mod support;

use std::sync::LazyLock;

use alert::{Accounts, render_finding, render_minimal_finding};
use detect::cloudtrail::Body;
use detect::cloudtrail::reader::Options;
use detect::finding::{Context, ScanEvent, scan_body};
use detect::rule::{Detections, LoadedRules, RuleSet};
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use support::scan_modes::{assert_modes_agree, origin};
use support::{check_alert, gzip};

static DETECTIONS: LazyLock<Detections> = LazyLock::new(|| {
    Detections::from(RuleSet::new(LoadedRules::embedded().rules).expect("there are rules"))
});

// Small, so that inputs exceed it.
const OPTIONS: Options = Options::records(1 << 20);

fuzz_target!(|bytes: &[u8]| {
    assert_modes_agree(bytes, OPTIONS, &DETECTIONS);
    let zipped = gzip(bytes);
    let (result, _) = assert_modes_agree(&zipped, OPTIONS, &DETECTIONS);
    if !result.findings.is_empty() {
        check_alerts(zipped);
    }
});

fn check_alerts(stored: Vec<u8>) {
    let body = Body::Whole(stored.into());
    let _ = scan_body(body, OPTIONS, &DETECTIONS, Timestamp::UNIX_EPOCH, &origin, &mut |event| {
        let ScanEvent::Finding(finding) = event else { return };
        check_alert::check(&render_finding(&finding, &Context::default(), &Accounts::default()));
        check_alert::check(&render_minimal_finding(&finding));
    });
}
