//! Helpers shared by the targets.

#![allow(dead_code, reason = "each target uses some of it")]

pub mod check_alert;
#[path = "../../../crates/detect/tests/it/scan_modes.rs"]
pub mod scan_modes;

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

pub fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text).and_then(|()| encoder.finish()).expect("writing to memory cannot fail")
}
