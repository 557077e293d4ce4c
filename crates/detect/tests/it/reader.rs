//! Reading log objects: every supported format, and every kind of damage.

use std::io::{Cursor, Read, Write};

use bytes::Bytes;
use detect::cloudtrail::content::ContentHash;
use detect::cloudtrail::prefilter::{PlainName, Prefilter};
use detect::cloudtrail::reader::{self, Layout, Options};
use detect::cloudtrail::{Body, ReadProblem};
use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use serde_json::{Value, json};

/// The `n` of each good record or the message of each bad one, and the error at the end.
#[derive(Debug, PartialEq)]
struct Outcome {
    records: Vec<Result<i64, String>>,
    end: Result<(), String>,
}

fn read(body: Body, options: Options) -> Outcome {
    let mut records = Vec::new();
    let (_, end) = reader::read(body, options, &mut |index, record| {
        assert_eq!(index, records.len(), "records come in order");
        records.push(match record {
            Ok(record) => Ok(record.get(&["n"]).and_then(Value::as_i64).unwrap_or(-1)),
            Err(bad) => Err(bad.to_string()),
        });
    });
    Outcome { records, end: end.map_err(|error| error.to_string()) }
}

const OPTIONS: Options = Options::records(1 << 30);
const LINES: Options = Options { layout: Layout::Lines, ..OPTIONS };

fn read_text(text: &str) -> Outcome {
    read_text_with(text, OPTIONS)
}

fn read_text_with(text: &str, options: Options) -> Outcome {
    let whole = read(Body::Whole(Bytes::copy_from_slice(text.as_bytes())), options);
    let bytes = OneByteReader(Cursor::new(text.as_bytes().to_vec()));
    let streamed = read(Body::Stream(Box::new(bytes)), options);
    assert_eq!(whole, streamed, "whole and byte by byte: {text}");
    whole
}

/// Reads one byte at a time, so that pieces end at every position.
struct OneByteReader<R>(R);

impl<R: Read> Read for OneByteReader<R> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let end = into.len().min(1);
        self.0.read(&mut into[..end])
    }
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn read_stored(bytes: Vec<u8>) -> Outcome {
    read(Body::Whole(Bytes::from(bytes)), OPTIONS)
}

macro_rules! formats {
    ($($name:ident: $text:expr => $records:expr;)*) => {$(
        #[test]
        fn $name() {
            let expected = $records.iter().map(|n: &i64| Ok(*n)).collect();
            assert_eq!(read_text($text), Outcome { records: expected, end: Ok(()) }, "{}", $text);
        }
    )*};
}

formats! {
    a_log_object: r#"{"Records":[{"n":1},{"n":2}]}"# => [1, 2];
    no_records_in_it: r#"{"Records":[]}"# => [0i64; 0];
    spread_out: "\n { \"Records\" :\n [ {\"n\" : 1 } ,\n {\"n\":2} ] }\n" => [1, 2];
    other_keys_before_and_after:
        r#"{"a":[{"n":9}],"b":"}]","Records":[{"n":1}],"c":{"Records":[{"n":8}]}}"# => [1];
    records_twice: r#"{"Records":[{"n":1}],"Records":[{"n":2}]}"# => [1, 2];
    a_bare_array: r#"[{"n":1},{"n":2}]"# => [1, 2];
    one_record: r#"{"eventVersion":"1.11","n":1}"# => [1];
    one_record_with_its_name_last: r#"{"n":1,"x":{"y":[1,2,{"z":null}]},"eventName":"X"}"# => [1];
    records_one_after_another:
        "{\"eventName\":\"X\",\"n\":1}\n{\"n\":2,\"eventName\":\"X\"}\n\n{\"n\":3}" => [1, 2, 3];
    log_objects_one_after_another:
        "{\"Records\":[{\"n\":1}]}\n{\"Records\":[{\"n\":2},{\"n\":3}]}\n" => [1, 2, 3];
    spread_out_records_one_after_another:
        "{\n\"eventName\":\"X\",\n\"n\":1\n}\n{\n\"eventName\":\"X\",\n\"n\":2\n}\n" => [1, 2];
    a_byte_order_mark: "\u{feff}{\"Records\":[{\"n\":1}]}" => [1];
    brackets_and_quotes_in_strings:
        r#"{"Records":[{"s":"\"}],{[\\","n":1},{"\\\"":"\\","n":2}]}"# => [1, 2];
    numbers_and_words_inside:
        r#"{"Records":[{"a":-1.5e3,"b":true,"c":null,"d":[],"e":{},"n":1}]}"# => [1];
}

#[test]
fn gzip_in_one_or_several_members() {
    let all = br#"{"Records":[{"n":1},{"n":2}]}"#;
    assert_eq!(read_stored(gzip(all)), Outcome { records: vec![Ok(1), Ok(2)], end: Ok(()) });
    // A member ends in the middle of a record.
    let members = [gzip(&all[..15]), gzip(&all[15..])].concat();
    assert_eq!(read_stored(members), Outcome { records: vec![Ok(1), Ok(2)], end: Ok(()) });
}

fn assert_damaged(outcome: Outcome, records: &[Result<i64, &str>], end: &str) {
    let good: Vec<Result<i64, String>> = records.iter().map(|r| r.map_err(str::to_owned)).collect();
    assert_eq!(outcome.records, good);
    let error = outcome.end.unwrap_err();
    assert!(error.contains(end), "{error:?} should contain {end:?}");
}

/// A log object that does not compress well.
fn many(count: u64) -> String {
    let record =
        |n: u64| json!({"n": n, "id": format!("{:x}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15))});
    json!({"Records": (0..count).map(record).collect::<Vec<_>>()}).to_string()
}

#[test]
fn of_truncated_gzip_all_whole_records_are_read() {
    let mut bytes = gzip(many(1000).as_bytes());
    bytes.truncate(bytes.len() / 2);
    let outcome = read_stored(bytes);
    assert!(
        outcome.records.len() > 400 && outcome.records.iter().all(Result::is_ok),
        "{}",
        outcome.records.len()
    );
    let error = outcome.end.unwrap_err();
    assert!(error.contains("damaged gzip") && error.contains("at byte"), "{error}");
}

#[test]
fn of_damaged_gzip_all_but_the_last_64_kib_before_the_damage_is_read() {
    let text = many(10_000);
    let mut encoder = GzEncoder::new(Vec::new(), Compression::none());
    encoder.write_all(text.as_bytes()).unwrap();
    let mut stored = encoder.finish().unwrap();
    // Blocks without compression have a header of flags, length and inverted length. The third one
    // gets a wrong length.
    let mut header = 10;
    let mut before = 0;
    for _ in 0..2 {
        let length = usize::from(u16::from_le_bytes([stored[header + 1], stored[header + 2]]));
        before += length;
        header += 5 + length;
    }
    stored[header + 1] ^= 1;
    let outcome = read_stored(stored);
    let error = outcome.end.unwrap_err();
    let offset = error.split(' ').nth(2).unwrap().parse::<usize>().unwrap();
    assert!(error.contains("damaged gzip, no text after this byte was read"), "{error}");
    assert!((before.saturating_sub(64 * 1024)..=before).contains(&offset), "{error}");
    let started = text[..offset].matches("{\"n\":").count();
    assert!(started > 0 && outcome.records.len() + 1 >= started, "{started} {error}");
}

#[test]
fn a_wrong_checksum_is_reported_after_all_records() {
    let mut bytes = gzip(br#"{"Records":[{"n":1}]}"#);
    let crc = bytes.len() - 8;
    bytes[crc] ^= 1;
    assert_damaged(read_stored(bytes), &[Ok(1)], "damaged gzip");
}

#[test]
fn trailing_garbage_after_gzip_is_reported() {
    let mut bytes = gzip(br#"{"Records":[{"n":1}]}"#);
    bytes.extend_from_slice(b"garbage");
    assert_damaged(read_stored(bytes), &[Ok(1)], "damaged gzip");
}

#[test]
fn neither_gzip_nor_json_is_reported() {
    let zip = b"PK\x03\x04 a zip file".to_vec();
    assert_damaged(
        read_stored(zip),
        &[],
        "at byte 0 of the inflated text: expected gzip or JSON, found `P`",
    );
    assert_damaged(read_stored(vec![0x00, 0x01]), &[], "found byte 0x00");
    assert_damaged(read_stored(gzip(b"<html>")), &[], "expected gzip or JSON, found `<`");
    assert_damaged(read_text(""), &[], "the object is empty");
    assert_damaged(read_text("  \n "), &[], "the object is empty");
}

#[test]
fn missing_records_are_reported() {
    assert_damaged(read_text(r#"{"records":[{"n":1}]}"#), &[], "has no \"Records\"");
    assert_damaged(read_text("{}"), &[], "has no \"Records\"");
    assert_damaged(
        read_text(r#"{"Records":{"n":1}}"#),
        &[],
        "at byte 11 of the inflated text: \"Records\" is not an array",
    );
    assert_damaged(read_text(r#"{"Records":null}"#), &[], "not an array");
}

#[test]
fn only_a_record_that_is_a_number_is_bad() {
    let bad = "record 1 at byte 20 of the inflated text: not a JSON object";
    let expected = vec![Ok(1), Err(bad.to_owned()), Ok(2)];
    assert_eq!(
        read_text(r#"{"Records":[{"n":1},17,{"n":2}]}"#),
        Outcome { records: expected, end: Ok(()) }
    );
}

/// Asserts that only the second of three records is bad.
fn assert_second_is_bad(outcome: Outcome, why: &str) {
    assert_eq!(
        (outcome.records[0].clone(), outcome.records[2].clone(), outcome.end),
        (Ok(1), Ok(2), Ok(()))
    );
    let bad = outcome.records[1].clone().unwrap_err();
    assert!(
        bad.starts_with("record 1 at byte 20 of the inflated text") && bad.contains(why),
        "{bad}"
    );
}

#[test]
fn only_a_record_that_is_not_json_is_bad() {
    assert_second_is_bad(read_text(r#"{"Records":[{"n":1},{"n":},{"n":2}]}"#), "not JSON");
}

#[test]
fn only_a_record_nested_10_000_deep_is_bad() {
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    assert_second_is_bad(
        read_text(&format!(r#"{{"Records":[{{"n":1}},{{"deep":{deep}}},{{"n":2}}]}}"#)),
        "recursion limit",
    );
}

#[test]
fn only_a_record_with_invalid_utf8_outside_of_strings_is_bad() {
    let bytes = b"{\"Records\":[{\"n\":1},{\"s\":\xff\xfe},{\"n\":2}]}".to_vec();
    assert_second_is_bad(read_stored(gzip(&bytes)), "not JSON");
}

#[test]
fn records_with_invalid_strings_are_read() {
    for text in [&b"\xff\xfe"[..], b"\\ud83d", b"a\tb"] {
        let bytes =
            [b"{\"Records\":[{\"n\":1},{\"n\":2,\"s\":\"", text, b"\"},{\"n\":3}]}"].concat();
        assert_eq!(
            read_stored(bytes),
            Outcome { records: vec![Ok(1), Ok(2), Ok(3)], end: Ok(()) },
            "{text:?}"
        );
    }
}

#[test]
fn only_a_record_that_is_too_large_is_bad() {
    let huge = "x".repeat(9 * 1024 * 1024);
    let all = format!(r#"{{"Records":[{{"n":1}},{{"s":"{huge}"}},{{"n":2}}]}}"#);
    assert_second_is_bad(read_stored(all.into_bytes()), "larger than");
}

#[test]
fn damage_between_records_ends_reading() {
    let comma = "at byte 20 of the inflated text: expected `,` or `]` after a record, found `{`";
    assert_damaged(read_text(r#"{"Records":[{"n":1} {"n":2}]}"#), &[Ok(1)], comma);
    assert_damaged(
        read_text(r#"{"Records":[{"n":1},{"n":2"#),
        &[Ok(1)],
        "found the end of the text",
    );
    assert_damaged(read_text(r#"{"Records":[{"n":1}]"#), &[Ok(1)], "found the end of the text");
    assert_damaged(
        read_text(r#"{"Records":[{"n":1},{"s":"abc"#),
        &[Ok(1)],
        "expected the end of a string",
    );
    let garbage = "expected `{`, `[` or the end of the text, found `g`";
    assert_damaged(read_text(r#"{"Records":[{"n":1}]}garbage"#), &[Ok(1)], garbage);
}

#[test]
fn of_line_delimited_text_only_damaged_lines_are_bad() {
    let line = |n: i64| format!("{{\"eventName\":\"X\",\"n\":{n}}}\n");
    let all = format!("{}{{\"eventName\":\"X\n{}not json\n{}", line(1), line(2), line(3));
    let outcome = read_text_with(&all, LINES);
    let good: Vec<i64> = outcome.records.iter().flatten().copied().collect();
    assert_eq!((good, outcome.records.len(), outcome.end), (vec![1, 2, 3], 5, Ok(())));
    let undelimited = format!("{}not json\n{}", line(1), line(2));
    assert_damaged(read_text(&undelimited), &[Ok(1)], "expected `{`, `[` or the end of the text");
}

#[test]
fn lines_are_numbered_through_and_keep_their_offsets() {
    let all = "\u{feff}{\"Records\":[{\"n\":1}]}\r\n \n{\"n\":2}\n[{\"n\":3},4]\n{\"n\":";
    let outcome = read_text_with(all, LINES);
    assert_eq!(outcome.records[..3], [Ok(1), Ok(2), Ok(3)]);
    let fourth = "record 3 at byte 45 of the inflated text: not a JSON object";
    let fifth =
        "record 4 at byte 53 of the inflated text: expected a value, found the end of the text";
    assert_eq!(outcome.records[3..], [Err(fourth.to_owned()), Err(fifth.to_owned())]);
    assert_eq!(
        read_text_with(" \n\n", LINES).end.unwrap_err(),
        read_text(" \n\n").end.unwrap_err()
    );
}

#[test]
fn line_delimited_text_may_begin_with_a_damaged_line() {
    let all = "{\"eventName\":\n{\"eventName\":\"X\",\"n\":1}\n[1\n";
    let outcome = read_text_with(all, LINES);
    let good: Vec<i64> = outcome.records.iter().flatten().copied().collect();
    assert_eq!((good, outcome.end), (vec![1], Ok(())));
    assert!(outcome.records[0].is_err());
}

#[test]
fn reading_stops_at_the_limit_after_the_records_before_it() {
    let limit = 1024 * 1024;
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(br#"{"Records":[{"n":1},{"s":""#).unwrap();
    let megabyte = vec![b' '; 1024 * 1024];
    for _ in 0..20 {
        encoder.write_all(&megabyte).unwrap();
    }
    let bytes = encoder.finish().unwrap();
    let mut good = 0;
    let options = Options::records(limit);
    let body = Body::Whole(bytes.into());
    let (read, end) =
        reader::read(body, options, &mut |_, record| good += usize::from(record.is_ok()));
    assert_eq!(good, 1);
    assert!(read.bytes <= limit, "{}", read.bytes);
    let problem = end.unwrap_err().problem;
    assert!(matches!(problem, ReadProblem::TooLarge { limit: actual } if actual == limit));
}

/// Any JSON value, a few levels deep.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[\\PC\\n\"\\\\{}\\[\\]]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::hash_map("[a-zA-Z\"\\\\{}]{0,8}", inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_records_are_read_unchanged(
        records in prop::collection::vec(any_json(), 0..8),
        pretty in any::<bool>(),
    ) {
        let object = json!({"before": "Records", "Records": records, "after": [1, {"x": "]}"}]});
        let text = if pretty { format!("{object:#}") } else { object.to_string() };
        let mut back = Vec::new();
        let body = Body::Stream(Box::new(OneByteReader(Cursor::new(text.into_bytes()))));
        let (read, end) = reader::read(body, OPTIONS, &mut |_, record| back.push(record));
        prop_assert!(end.is_ok());
        prop_assert_eq!(read.records as usize, records.len());
        for (record, was) in back.into_iter().zip(&records) {
            match record {
                Ok(record) => prop_assert_eq!(&Value::Object(record.fields().clone()), was),
                Err(bad) => prop_assert!(!was.is_object(), "{}", bad),
            }
        }
    }

    #[test]
    fn arbitrary_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        read_stored(bytes);
    }

    #[test]
    fn mutated_objects_are_read_without_panic(
        at in 0usize..4000,
        byte in any::<u8>(),
        zipped in any::<bool>(),
    ) {
        let mut bytes = many(20).into_bytes();
        if zipped { bytes = gzip(&bytes); }
        let at = at % bytes.len();
        bytes[at] = byte;
        read_stored(bytes);
    }
}

#[test]
fn the_hash_is_that_of_the_text_in_every_way_of_reading() {
    let prefilter = Prefilter::new([PlainName::new("CreateGroup").unwrap()], []);
    let without = json!({"Records": [{"eventName": "ListUsers"}]}).to_string();
    let with = json!({"Records": [{"eventName": "CreateGroup"}, 1]}).to_string() + " \n";
    let hash = |body, prefiltered: bool| {
        let options = Options { hash: true, ..OPTIONS };
        let (stats, _) = match prefiltered {
            true => reader::read_prefiltered(body, options, &prefilter, &mut |_, _| {}),
            false => reader::read(body, options, &mut |_, _| {}),
        };
        stats.hash
    };
    for text in [without, with] {
        let expected = Some(ContentHash::of(text.as_bytes()));
        let (first, second) = text.split_at(9);
        for stored in
            [gzip(text.as_bytes()), [gzip(first.as_bytes()), gzip(second.as_bytes())].concat()]
        {
            for prefiltered in [true, false] {
                let whole = Body::Whole(stored.clone().into());
                let stream = Body::Stream(Box::new(Cursor::new(stored.clone())));
                assert_eq!(hash(whole, prefiltered), expected, "{text}");
                assert_eq!(hash(stream, prefiltered), expected, "{text}");
            }
            let more = [&stored[..], b"x"].concat();
            assert_eq!(hash(Body::Whole(more.into()), false), None, "{text}");
            let cut = stored[..stored.len() - 1].to_vec();
            assert_eq!(hash(Body::Whole(cut.into()), false), None, "{text}");
        }
        assert_eq!(hash(Body::Whole(text.clone().into()), false), None, "not gzip: {text}");
    }
}
