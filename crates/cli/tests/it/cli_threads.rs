//! `trailbell scan` on several threads, and what `--stats` tells.

use std::fs;
use std::io::Write;

use crate::cli::{create_group, trailbell};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// 40 objects: one in four has a change, one is damaged, one is not a log file.
fn logs() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for n in 0..40 {
        let quiet = json!({"eventSource": "iam.amazonaws.com", "eventName": "GetGroup", "n": n});
        let last = if n % 4 == 0 { create_group(&format!("g{n}")) } else { quiet.clone() };
        let stored = gzip(&json!({"Records": [quiet, last]}).to_string());
        fs::write(folder.path().join(format!("{n:02}.json.gz")), stored).unwrap();
    }
    let mut damaged = gzip(&json!({"Records": [create_group("damaged")]}).to_string());
    damaged.push(b'x');
    fs::write(folder.path().join("07.json.gz"), damaged).unwrap();
    fs::write(folder.path().join("note.txt"), "x").unwrap();
    folder
}

#[test]
fn any_number_of_threads_prints_the_same() {
    let folder = logs();
    let scan = |threads: &str| {
        trailbell(
            &["scan", "--threads", threads, "--format", "ndjson", folder.path().to_str().unwrap()],
            &[],
        )
    };
    let (exit, out, err) = scan("1");
    let groups: Vec<Value> = out
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["group"]["name"].clone())
        .collect();
    assert_eq!(
        groups,
        ["g0", "g4", "damaged", "g8", "g12", "g16", "g20", "g24", "g28", "g32", "g36"]
    );
    assert_eq!(exit, 2);
    assert!(err.contains("07.json.gz: at byte") && err.contains("note.txt: skipped"), "{err}");
    assert!(
        err.ends_with("11 findings in 21 records of 40 files, 29 only probed; 1 skipped; 1 could not be read\n"),
        "{err}"
    );
    for threads in ["2", "3", "50"] {
        assert_eq!(scan(threads), (exit, out.clone(), err.clone()), "{threads} threads");
    }
}

#[test]
fn nothing_found_says_that_records_were_not_counted() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.json.gz"), gzip(r#"{"Records":[{"eventName":"GetGroup"}]}"#))
        .unwrap();
    let (exit, _, err) = trailbell(&["scan", folder.path().to_str().unwrap()], &[]);
    assert_eq!((exit, err.as_str()), (0, "0 findings in 1 file, 1 only probed\n"));
}

#[test]
fn stats_tell_how_far_files_were_read() {
    let folder = logs();
    let path = folder.path().to_str().unwrap();
    let (_, _, err) = trailbell(&["scan", "--stats", path], &[]);
    assert!(err.contains("29 only probed, 11 split; 21 records split off, 11 parsed"), "{err}");
    assert!(err.contains("probe: on, for ") && err.contains("MB/s"), "{err}");
    let (_, _, err) = trailbell(&["scan", "--stats", "--query", "event.action: X", path], &[]);
    assert!(err.contains("0 only probed, 40 split") && err.contains("probe: off"), "{err}");
}
