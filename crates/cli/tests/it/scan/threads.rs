//! `--threads` and `--stats`.

use serde_json::{Value, json};

use super::{gzip, scan};
use crate::program::{TestDir, create_group, documents, log_text};

/// 40 objects: one in four has a change, one is damaged, one is not a log file.
fn logs() -> (TestDir, String) {
    let dir = TestDir::new();
    let group = |name: &str| create_group(name, "alice", "10:00:00");
    for n in 0..40 {
        let quiet = json!({"eventSource": "iam.amazonaws.com", "eventName": "GetGroup", "n": n});
        let last = if n % 4 == 0 { group(&format!("g{n}")) } else { quiet.clone() };
        dir.write(&format!("logs/{n:02}.json.gz"), gzip(&log_text(&[quiet, last])));
    }
    let damaged = [gzip(&log_text(&[group("damaged")])), vec![b'x']].concat();
    dir.write("logs/07.json.gz", damaged);
    dir.write("logs/note.txt", "x");
    let logs = dir.text("logs");
    (dir, logs)
}

#[test]
fn the_output_does_not_depend_on_the_number_of_threads() {
    let (_dir, logs) = logs();
    let scan = |threads: &str| scan(&["--threads", threads, "--format", "ndjson", &logs]);
    let (code, out, err) = scan("1");
    let groups: Vec<Value> =
        documents(&out).iter().map(|finding| finding["group"]["name"].clone()).collect();
    assert_eq!(
        groups,
        ["g0", "g4", "damaged", "g8", "g12", "g16", "g20", "g24", "g28", "g32", "g36"]
    );
    assert_eq!(code, 2);
    assert!(err.contains("07.json.gz: at byte") && err.contains("note.txt: skipped"), "{err}");
    let summary = "11 findings in 21 records of 40 files, 29 ruled out by the prefilter; \
                   1 skipped; 1 could not be read\n";
    assert!(err.ends_with(summary), "{err}");
    for threads in ["2", "3", "50"] {
        assert_eq!(scan(threads), (code, out.clone(), err.clone()), "{threads} threads");
    }
}

#[test]
fn the_records_of_prefiltered_files_are_not_counted() {
    let dir = TestDir::new();
    let log = dir.write("a.json.gz", gzip(r#"{"Records":[{"eventName":"GetGroup"}]}"#));
    let (code, _, err) = scan(&[&log]);
    let summary = "0 findings in 1 file, 1 ruled out by the prefilter\n";
    assert_eq!((code, err.as_str()), (0, summary));
}

#[test]
fn stats_print_how_far_files_were_read() {
    let (_dir, logs) = logs();
    let (_, _, err) = scan(&["--stats", &logs]);
    for part in [
        "29 files ruled out by the prefilter, 11 split into 21 records, 11 of them parsed",
        "prefilter: on, for ",
        "MB/s",
    ] {
        assert!(err.contains(part), "{part} in {err}");
    }
    let (_, _, err) = scan(&["--stats", "--query", "event.action: X", &logs]);
    let counts = "0 files ruled out by the prefilter, 40 split";
    assert!(err.contains(counts) && err.contains("prefilter: off"), "{err}");
}
