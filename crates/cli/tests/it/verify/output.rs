//! Ranges, filters, and what people read.

use serde_json::json;
use support::trail::SignedTrail;

use super::world::{KEYS, add_hour, end, trail, verify, verify_path};
use crate::program::{TestDir, is_hostile, trailbell};
use crate::snapshot::assert_page;

#[test]
fn a_range_goes_by_the_ends_of_digests_and_includes_both() {
    let trail = trail();
    for (since, until, digests, logs) in [
        (end(2).to_string(), end(4).to_string(), 3, 6),
        ("2026-03-12T03:17:06Z".to_owned(), "2026-03-12T05:17:04Z".to_owned(), 1, 2),
        ("2026-03-12".to_owned(), "2026-03-12T01:17:05Z".to_owned(), 1, 0),
    ] {
        let args = ["--public-keys", KEYS, "--since", &since, "--until", &until];
        let said = verify(&trail, &trail, &args);
        assert_eq!(said.code, 0, "{since} {until}: {said:?}");
        let summary = &said.summary;
        let counts = (&summary["digests"]["valid"], &summary["logs"]["valid"]);
        assert_eq!(counts, (&json!(digests), &json!(logs)), "{since} {until}");
        assert_eq!(summary["unverified"], 0, "{since} {until}");
    }
}

#[test]
fn digests_outside_the_range_show_what_is_missing_at_its_ends() {
    let original = trail();
    let mut tampered = original.clone();
    for hour in [3, 4, 5] {
        tampered.objects.remove(&original.digest_key(end(hour)));
    }
    let (since, until) = (end(3).to_string(), end(5).to_string());
    let args = ["--public-keys", KEYS, "--since", &since, "--until", &until];
    let said = verify(&tampered, &original, &args);
    let missing: Vec<_> = said.bad.keys().map(String::as_str).collect();
    assert_eq!(missing, ["digest 3", "digest 4", "digest 5"], "{said:?}");
    assert_eq!((said.code, &said.summary["unverified"]), (1, &json!(6)));
}

#[test]
fn in_a_folder_without_until_the_log_files_show_what_is_due() {
    let original = trail();
    let verify_without = |hours: std::ops::Range<usize>| {
        let mut tampered = original.clone();
        hours.for_each(|hour| _ = tampered.objects.remove(&original.digest_key(end(hour))));
        let said = verify(&tampered, &original, &["--public-keys", KEYS]);
        (said.code, said.bad.into_keys().collect::<Vec<_>>())
    };
    // The last log file is of 07:47: a copy of that time need not have the digest of 06:17.
    assert_eq!(verify_without(5..8), (0, vec![]));
    assert_eq!(verify_without(3..8), (1, vec!["digest 3".to_owned(), "digest 4".to_owned()]));
}

#[test]
fn a_trail_that_ended_is_not_missing_where_another_goes_on() {
    let mut old = SignedTrail::new("trail-logs");
    (0..3).for_each(|hour| add_hour(&mut old, hour));
    let mut new = trail();
    new.name = "new".to_owned();
    let mut both = SignedTrail::new("trail-logs");
    both.name = "new".to_owned();
    (0..8).for_each(|hour| add_hour(&mut both, hour));
    both.objects.extend(old.objects);
    let until = end(7).to_string();
    let said = verify(&both, &new, &["--public-keys", KEYS, "--until", &until]);
    assert_eq!((said.code, said.bad.len()), (0, 0), "{said:?}");
    assert_eq!(said.summary["digests"]["valid"], 11);
    // Each log file is checked once, though two digests list it.
    assert_eq!(said.summary["logs"]["valid"], 14);
    let only = ["--public-keys", KEYS, "--until", &until, "--trail", "trail"];
    let said = verify(&both, &new, &only);
    assert_eq!((&said.summary["digests"]["valid"], said.code), (&json!(3), 0), "{said:?}");
}

#[test]
fn accounts_and_regions_can_be_chosen() {
    let mut all = trail();
    for (account, region) in [("444455556666", "us-east-1"), ("111122223333", "eu-west-1")] {
        let mut other = SignedTrail::new("trail-logs");
        other.account = account.to_owned();
        other.region = region.to_owned();
        (0..2).for_each(|hour| add_hour(&mut other, hour));
        all.objects.extend(other.objects);
    }
    for (args, digests) in [
        (&[][..], 12),
        (&["--account", "444455556666"], 2),
        (&["--region", "eu-west-1"], 2),
        (&["--region", "eu-west-1", "--region", "us-east-1"], 12),
        (&["--account", "111122223333", "--region", "us-east-1"], 8),
    ] {
        let said = verify(&all, &all, &[&["--public-keys", KEYS], args].concat());
        assert_eq!(said.summary["digests"]["valid"], digests, "{args:?}: {said:?}");
    }
    let said = verify(&all, &all, &["--public-keys", KEYS, "--account", "999988887777"]);
    assert_eq!(said.code, 2);
    assert!(said.err.contains("no digests in that time: nothing could be checked"), "{said:?}");
}

#[test]
fn a_copy_may_have_another_name_and_be_a_part() {
    let trail = trail();
    let dir = TestDir::new();
    trail.write_to(&dir.path("somewhere/copy"));
    let region = "AWSLogs/111122223333/CloudTrail-Digest/us-east-1";
    for (path, digests) in [
        ("somewhere".to_owned(), 8),
        ("somewhere/copy".to_owned(), 8),
        ("somewhere/copy/AWSLogs".to_owned(), 8),
        ("somewhere/copy/AWSLogs/111122223333".to_owned(), 8),
        (format!("somewhere/copy/{region}"), 8),
        (format!("somewhere/copy/{region}/2026/03/12"), 8),
        ("somewhere/copy/AWSLogs/111122223333/CloudTrail/us-east-1/2026/03/12".to_owned(), 8),
    ] {
        // All but the range of the day, which ends when the trail goes on.
        let until = end(7).to_string();
        let args = ["--public-keys", KEYS, "--until", &until];
        let said = verify_path(&dir.path(&path), &trail, &args, &[]);
        assert_eq!((said.code, said.valid), (0, digests + 14), "{path}: {said:?}");
    }
    let files = dir.snapshot("somewhere").len();
    assert_eq!(files, 8 * 2 + 14, "a copy is read, and nothing is written beside it");
}

#[test]
fn without_keys_nothing_is_valid() {
    let trail = trail();
    let dir = TestDir::new();
    trail.write_to(&dir.path("trail-logs"));
    let vars = [
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("AWS_CONFIG_FILE", "/dev/null"),
        ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
        ("AWS_ACCESS_KEY_ID", ""),
    ];
    let said = verify_path(&dir.path("trail-logs"), &trail, &[], &vars);
    assert_eq!((said.code, said.valid, said.bad.len()), (2, 0, 8), "{said:?}");
    let (status, reason) = &said.bad["digest 0"];
    assert_eq!(status, "unchecked");
    let expected = "the signature cannot be verified: CloudTrail's public keys of us-east-1 cannot \
                    be listed: no AWS credentials were found";
    assert!(reason.starts_with(expected), "{reason}");
    assert_eq!(said.summary["unverified"], 14);
}

#[test]
fn a_mistyped_argument_says_what_is_expected() {
    let dir = TestDir::new();
    let keys = dir.write("keys.json", "{}");
    let empty = dir.write("empty.json", r#"{"PublicKeyList": []}"#);
    let store = "events/store/example-trail-logs";
    for (args, expected) in [
        (&["missing"][..], "cannot read missing: No such file"),
        (&["src"], "src: there is no folder AWSLogs in it, nor above it"),
        (&["s3://logs"], "s3://logs: a time range is needed: add --since, or name a day"),
        (&["s3://logs/AWSLogs/x.json.gz"], "name an account, a region or a day"),
        (
            &[store, "--public-keys", "none.json"],
            "cannot use the public keys in none.json: No such file",
        ),
        (
            &[store, "--public-keys", &keys],
            "expected the output of `aws cloudtrail list-public-keys`",
        ),
        (&[store, "--public-keys", &empty], "there are no keys in it"),
    ] {
        let (code, out, err) = trailbell(&[&["verify"], args].concat(), &[]);
        assert_eq!((code, out.as_str()), (2, ""), "{args:?}: {err}");
        assert!(err.contains(expected), "{args:?}: {err}");
    }
}

#[test]
fn the_table_and_the_lines_are_for_people() {
    let original = trail();
    let mut tampered = original.clone();
    for hour in [3, 4] {
        tampered.objects.remove(&original.digest_key(end(hour)));
    }
    let log = original.logs()[11].clone();
    tampered.put(&log, b"\x1f\x8bno".to_vec(), Default::default());
    let dir = TestDir::new();
    tampered.write_to(&dir.path("trail-logs"));
    let hostile = "AWSLogs/111122223333/CloudTrail-Digest/us-east-1/2026/03/12/111122223333_\
                   CloudTrail-Digest_us-east-1_\u{1b}[2J\u{202e}_us-east-1_20260312T050000Z.json.gz";
    dir.write(&format!("trail-logs/{hostile}"), "x");
    let path = dir.text("trail-logs");
    let (code, out, err) =
        trailbell(&["verify", &path, "--public-keys", KEYS], &[("COLUMNS", "140")]);
    assert_eq!(code, 1, "{err}");
    assert!(!is_hostile(&out) && !is_hostile(&err), "{out}{err}");
    assert_page("verify-tampered", &format!("{out}\n{err}"), &[(&path, "trail-logs")]);
}
