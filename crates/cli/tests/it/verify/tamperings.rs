//! Every kind of tampering: what is expected, and what the program says.

use serde_json::{Value, json};
use support::trail::{SignedTrail, gzip};

use super::world::{HOURS, KEYS, add_hour, end, log_text, trail, verify};

/// A tampering and what is expected of it.
pub struct Row {
    pub name: &'static str,
    pub tamper: fn(&mut SignedTrail),
    /// The exit code.
    pub code: i32,
    /// What is not valid: label, status, a part of the reason.
    pub bad: &'static [(&'static str, &'static str, &'static str)],
    /// Log files that no valid digest covers.
    pub unverified: u64,
}

fn digest(trail: &SignedTrail, hour: usize) -> String {
    trail.digest_key(end(hour))
}

fn log(trail: &SignedTrail, hour: usize, index: usize) -> String {
    trail.logs()[(hour - 1) * 2 + index].clone()
}

fn remove_digests(trail: &mut SignedTrail, hours: impl IntoIterator<Item = usize>) {
    for hour in hours {
        trail.objects.remove(&trail.digest_key(end(hour))).unwrap();
    }
}

/// The content of a digest.
fn content(trail: &SignedTrail, hour: usize) -> Value {
    let bytes = &trail.objects[&digest(trail, hour)].bytes;
    let mut text = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&bytes[..]), &mut text).unwrap();
    serde_json::from_slice(&text).unwrap()
}

/// Replaces the bytes of an object, and leaves its metadata.
fn store(trail: &mut SignedTrail, key: &str, bytes: Vec<u8>) {
    trail.objects.get_mut(key).unwrap().bytes = bytes;
}

fn append(trail: &mut SignedTrail, key: &str, more: &[u8]) {
    trail.objects.get_mut(key).unwrap().bytes.extend_from_slice(more);
}

fn truncate(trail: &mut SignedTrail, key: &str) {
    let bytes = &mut trail.objects.get_mut(key).unwrap().bytes;
    bytes.truncate(bytes.len() - 9);
}

fn set_metadata(trail: &mut SignedTrail, hour: usize, name: &str, value: &str) {
    let key = digest(trail, hour);
    let metadata = &mut trail.objects.get_mut(&key).unwrap().metadata;
    metadata.insert(name.to_owned(), value.to_owned());
}

/// Changes the content of a digest, and leaves its signature.
fn change(trail: &mut SignedTrail, hour: usize, pointer: &str, value: Value) {
    let mut content = content(trail, hour);
    *content.pointer_mut(pointer).unwrap() = value;
    let key = digest(trail, hour);
    store(trail, &key, gzip(content.to_string().as_bytes()));
}

/// A trail whose fourth digest lists this instead of its first log file.
fn listing(trail: &mut SignedTrail, key: &str, hash_of: &str) {
    let mut changed = SignedTrail::new("trail-logs");
    for hour in 0..HOURS {
        if hour != 4 {
            add_hour(&mut changed, hour);
            continue;
        }
        for index in 0..2 {
            let log = log(trail, hour, index);
            changed.objects.insert(log.clone(), trail.objects[&log].clone());
        }
        let entries =
            vec![changed.entry(key, hash_of), changed.entry(&log(trail, 4, 1), &log_text(4, 1))];
        let content = changed.content(end(hour), entries);
        changed.add_digest(&digest(trail, hour), &content);
    }
    trail.objects = changed.objects;
}

const FORGED: &str = "the signature does not match";
const NAMED: &str = "the next digest names it";
const DERIVED: &str = "follows from the hourly cadence";

pub const ROWS: &[Row] = &[
    Row { name: "nothing", tamper: |_| (), code: 0, bad: &[], unverified: 0 },
    // Log files.
    Row {
        name: "a log file is altered",
        tamper: |trail| {
            let key = log(trail, 3, 1);
            store(trail, &key, gzip(log_text(9, 9).as_bytes()));
        },
        code: 1,
        bad: &[("log 3.1", "invalid", "changed: the SHA-256 of its content is")],
        unverified: 0,
    },
    Row {
        name: "a log file is deleted",
        tamper: |trail| _ = trail.objects.remove(&log(trail, 3, 1)),
        code: 1,
        bad: &[("log 3.1", "missing", "a digest lists it")],
        unverified: 0,
    },
    Row {
        name: "a log file is truncated",
        tamper: |trail| {
            let key = log(trail, 3, 1);
            truncate(trail, &key);
        },
        code: 1,
        bad: &[("log 3.1", "invalid", "damaged gzip")],
        unverified: 0,
    },
    Row {
        name: "data follows a log file",
        tamper: |trail| {
            let key = log(trail, 3, 1);
            append(trail, &key, b"more");
        },
        code: 1,
        bad: &[("log 3.1", "invalid", "damaged gzip")],
        unverified: 0,
    },
    Row {
        name: "zeros follow a log file",
        tamper: |trail| {
            let key = log(trail, 3, 1);
            append(trail, &key, &[0; 100]);
        },
        code: 1,
        bad: &[("log 3.1", "invalid", "damaged gzip")],
        unverified: 0,
    },
    Row {
        name: "another gzip member follows a log file",
        tamper: |trail| {
            let key = log(trail, 3, 1);
            append(trail, &key, &gzip(b" "));
        },
        code: 1,
        bad: &[("log 3.1", "invalid", "changed")],
        unverified: 0,
    },
    Row {
        name: "a log file is stored without gzip",
        tamper: |trail| {
            let key = log(trail, 3, 1);
            store(trail, &key, log_text(3, 1).into_bytes());
        },
        code: 1,
        bad: &[("log 3.1", "invalid", "not gzip")],
        unverified: 0,
    },
    Row {
        name: "two log files change places",
        tamper: |trail| {
            let keys = [log(trail, 3, 0), log(trail, 3, 1)];
            let bytes = keys.clone().map(|key| trail.objects[&key].bytes.clone());
            store(trail, &keys[0], bytes[1].clone());
            store(trail, &keys[1], bytes[0].clone());
        },
        code: 1,
        bad: &[("log 3.0", "invalid", "changed"), ("log 3.1", "invalid", "changed")],
        unverified: 0,
    },
    Row {
        name: "a log file is added",
        tamper: |trail| {
            let key = trail.log_key(end(2), 7);
            trail.put(&key, gzip(b"{}"), Default::default());
        },
        code: 0,
        bad: &[],
        unverified: 1,
    },
    // Digests.
    Row {
        name: "a log file is taken out of a digest",
        tamper: |trail| {
            let listed = content(trail, 3)["logFiles"][0].clone();
            change(trail, 3, "/logFiles", json!([listed]));
        },
        code: 1,
        bad: &[("digest 3", "invalid", FORGED)],
        unverified: 2,
    },
    Row {
        name: "a digest is truncated",
        tamper: |trail| {
            let key = digest(trail, 3);
            truncate(trail, &key);
        },
        code: 1,
        bad: &[("digest 3", "invalid", "damaged gzip")],
        unverified: 2,
    },
    Row {
        name: "data follows a digest",
        tamper: |trail| {
            let key = digest(trail, 3);
            append(trail, &key, b"more");
        },
        code: 1,
        bad: &[("digest 3", "invalid", "damaged gzip")],
        unverified: 2,
    },
    Row {
        name: "a digest is not gzip",
        tamper: |trail| {
            let key = digest(trail, 3);
            let text = content(trail, 3).to_string().into_bytes();
            store(trail, &key, text);
        },
        code: 1,
        bad: &[("digest 3", "invalid", "not gzip")],
        unverified: 2,
    },
    Row {
        name: "a digest is not JSON",
        tamper: |trail| {
            let key = digest(trail, 3);
            store(trail, &key, gzip(b"\x1b[2J\xff"));
        },
        code: 1,
        bad: &[("digest 3", "invalid", "not a digest file: expected value")],
        unverified: 2,
    },
    Row {
        name: "a digest is moved in the place of another",
        tamper: |trail| {
            let moved = trail.objects.remove(&digest(trail, 5)).unwrap();
            trail.objects.insert(digest(trail, 3), moved);
        },
        code: 1,
        bad: &[
            ("digest 3", "invalid", "moved: it was written as s3://trail-logs/AWSLogs/"),
            ("digest 5", "missing", NAMED),
        ],
        unverified: 4,
    },
    Row {
        name: "a digest of another bucket",
        tamper: |trail| {
            let mut content = content(trail, 3);
            content["digestS3Bucket"] = json!("other-logs");
            let key = digest(trail, 3);
            trail.put_signed(&key, &content);
        },
        code: 1,
        bad: &[("digest 3", "invalid", "moved: it was written as s3://other-logs/")],
        unverified: 2,
    },
    Row {
        name: "a digest has the signature of another",
        tamper: |trail| {
            let other = trail.objects[&digest(trail, 4)].metadata["signature"].clone();
            set_metadata(trail, 3, "signature", &other);
        },
        code: 1,
        bad: &[("digest 3", "invalid", FORGED)],
        unverified: 2,
    },
    Row {
        name: "a signature is not hexadecimal",
        tamper: |trail| set_metadata(trail, 3, "signature", "forged"),
        code: 1,
        bad: &[("digest 3", "invalid", "the signature is not hexadecimal")],
        unverified: 2,
    },
    Row {
        name: "a signature is empty",
        tamper: |trail| set_metadata(trail, 3, "signature", ""),
        code: 1,
        bad: &[("digest 3", "invalid", "the signature is not hexadecimal")],
        unverified: 2,
    },
    Row {
        name: "a signature of another algorithm",
        tamper: |trail| set_metadata(trail, 3, "signature-algorithm", "none"),
        code: 1,
        bad: &[("digest 3", "invalid", "the signature algorithm is none, not SHA256withRSA")],
        unverified: 2,
    },
    Row {
        name: "metadata without a signature",
        tamper: |trail| {
            let key = digest(trail, 3);
            _ = trail.objects.get_mut(&key).unwrap().metadata.remove("signature");
        },
        code: 1,
        bad: &[("digest 3", "invalid", "no signature in its metadata")],
        unverified: 2,
    },
    Row {
        name: "a copy without metadata",
        tamper: |trail| {
            let key = digest(trail, 3);
            trail.objects.get_mut(&key).unwrap().metadata.clear();
        },
        code: 2,
        bad: &[("digest 3", "unchecked", "the copy has no metadata")],
        unverified: 2,
    },
    Row {
        name: "a digest names an unknown key",
        tamper: |trail| {
            let mut content = content(trail, 3);
            content["digestPublicKeyFingerprint"] = json!("00\u{1b}[2J");
            let key = digest(trail, 3);
            trail.put_signed(&key, &content);
        },
        code: 1,
        bad: &[("digest 3", "invalid", "there is no public key \"00\\u{1b}[2J\" for that time")],
        unverified: 2,
    },
    Row {
        name: "another digest is signed for the same place",
        tamper: |trail| {
            let mut content = content(trail, 3);
            content["logFiles"] = json!([]);
            let key = digest(trail, 3);
            trail.put_signed(&key, &content);
        },
        code: 1,
        bad: &[("digest 3", "invalid", "replaced: the next digest")],
        unverified: 2,
    },
    // Missing digests.
    Row {
        name: "one digest is missing",
        tamper: |trail| remove_digests(trail, [3]),
        code: 1,
        bad: &[("digest 3", "missing", NAMED)],
        unverified: 2,
    },
    Row {
        name: "two digests in a row are missing",
        tamper: |trail| remove_digests(trail, [3, 4]),
        code: 1,
        bad: &[("digest 3", "missing", DERIVED), ("digest 4", "missing", NAMED)],
        unverified: 4,
    },
    Row {
        name: "three digests in a row are missing",
        tamper: |trail| remove_digests(trail, [3, 4, 5]),
        code: 1,
        bad: &[
            ("digest 3", "missing", DERIVED),
            ("digest 4", "missing", DERIVED),
            ("digest 5", "missing", NAMED),
        ],
        unverified: 6,
    },
    Row {
        name: "the first digest is missing",
        tamper: |trail| remove_digests(trail, [0]),
        code: 1,
        bad: &[("digest 0", "missing", NAMED)],
        unverified: 0,
    },
    Row {
        name: "the first three digests are missing",
        tamper: |trail| remove_digests(trail, 0..3),
        code: 1,
        // Nothing shows that there was a digest before the first log file.
        bad: &[("digest 1", "missing", DERIVED), ("digest 2", "missing", NAMED)],
        unverified: 4,
    },
    Row {
        name: "the last digest is missing",
        tamper: |trail| remove_digests(trail, [7]),
        code: 1,
        bad: &[("digest 7", "missing", DERIVED)],
        unverified: 2,
    },
    Row {
        name: "the last three digests are missing",
        tamper: |trail| remove_digests(trail, 5..8),
        code: 1,
        bad: &[
            ("digest 5", "missing", DERIVED),
            ("digest 6", "missing", DERIVED),
            ("digest 7", "missing", DERIVED),
        ],
        unverified: 6,
    },
    Row {
        name: "all digests but the first are missing",
        tamper: |trail| remove_digests(trail, 1..8),
        code: 1,
        bad: &[
            ("digest 1", "missing", DERIVED),
            ("digest 2", "missing", DERIVED),
            ("digest 3", "missing", DERIVED),
            ("digest 4", "missing", DERIVED),
            ("digest 5", "missing", DERIVED),
            ("digest 6", "missing", DERIVED),
            ("digest 7", "missing", DERIVED),
        ],
        unverified: 14,
    },
    Row {
        name: "all digests are missing",
        tamper: |trail| remove_digests(trail, 0..8),
        code: 2,
        bad: &[],
        unverified: 14,
    },
    Row {
        name: "everything of an hour is missing",
        tamper: |trail| {
            for key in [log(trail, 3, 0), log(trail, 3, 1), digest(trail, 3)] {
                trail.objects.remove(&key);
            }
        },
        code: 1,
        bad: &[("digest 3", "missing", NAMED)],
        unverified: 0,
    },
    Row {
        name: "one digest is forged, and the one before is missing",
        tamper: |trail| {
            remove_digests(trail, [3]);
            change(trail, 4, "/previousDigestS3Object", json!("AWSLogs/elsewhere"));
        },
        code: 1,
        bad: &[("digest 3", "missing", DERIVED), ("digest 4", "invalid", FORGED)],
        unverified: 4,
    },
    // What a digest may list.
    Row {
        name: "a digest lists a log file of another account",
        tamper: |trail| {
            let other = log(trail, 4, 0).replace("111122223333", "444455556666");
            listing(trail, &other, "");
        },
        code: 1,
        bad: &[(
            "AWSLogs/444455556666/CloudTrail/us-east-1/2026/03/12/\
             444455556666_CloudTrail_us-east-1_20260312T0422Z_aBcDeFgHiJ000000.json.gz",
            "invalid",
            "not the name of a log file of account 111122223333",
        )],
        unverified: 1,
    },
    Row {
        name: "a digest lists a path out of the bucket",
        tamper: |trail| {
            let path = "../../111122223333_CloudTrail_us-east-1_20260312T0422Z_x.json.gz";
            listing(trail, path, "");
        },
        code: 1,
        bad: &[(
            "../../111122223333_CloudTrail_us-east-1_20260312T0422Z_x.json.gz",
            "invalid",
            "not the name of a log file of account 111122223333",
        )],
        unverified: 1,
    },
    Row {
        name: "an object named like a digest in the far future",
        tamper: |trail| {
            let key = trail.digest_key("9999-12-30T00:00:00Z".parse().unwrap());
            trail.put(&key, b"junk".to_vec(), Default::default());
        },
        code: 0,
        bad: &[],
        unverified: 0,
    },
];

#[test]
fn every_tampering_is_reported_by_name() {
    let original = trail();
    let until = end(HOURS - 1).to_string();
    let args = ["--public-keys", KEYS, "--until", &until];
    let mut wrong = Vec::new();
    for row in ROWS {
        let mut tampered = original.clone();
        (row.tamper)(&mut tampered);
        let said = verify(&tampered, &original, &args);
        let matches = |(label, status, reason): &(&str, &str, &str)| {
            said.bad.get(*label).is_some_and(|(got, why)| got == status && why.contains(reason))
        };
        let unverified = said.summary["unverified"].as_u64();
        let is_as_expected = said.code == row.code
            && said.bad.len() == row.bad.len()
            && row.bad.iter().all(matches)
            && unverified == Some(row.unverified);
        if !is_as_expected {
            let expected = (row.code, row.bad, row.unverified);
            wrong.push(format!("{}\n  expected {expected:?}\n  got {said:#?}", row.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn a_restarted_chain_is_a_gap() {
    let mut trail = SignedTrail::new("trail-logs");
    (0..3).for_each(|hour| add_hour(&mut trail, hour));
    trail.restart();
    (5..8).for_each(|hour| add_hour(&mut trail, hour));
    let said = verify(&trail, &trail, &["--public-keys", KEYS]);
    assert_eq!((said.code, said.valid, said.bad.len()), (0, 16, 0), "{said:?}");
    let gaps = &said.summary["chains"][0]["gaps"];
    let expected = [("from", "2026-03-12T03:17:05Z"), ("until", "2026-03-12T05:17:05Z")];
    for (name, time) in expected {
        assert_eq!(gaps[0][name], time, "{gaps}");
    }
    assert!(gaps[0]["reason"].as_str().unwrap().starts_with("a new chain of digests begins"));
}
