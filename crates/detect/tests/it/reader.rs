//! Reading log objects: every shape people keep, and every kind of damage.
use std::io::{Cursor, Read, Write};

use bytes::Bytes;
use detect::cloudtrail::reader::{self, Options};
use detect::cloudtrail::{Body, ReadProblem};
use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use serde_json::{Value, json};

/// What reading gave: the `n` of each good record or the message of each bad one, and the error at
/// the end.
#[derive(Debug, PartialEq)]
struct Seen {
    records: Vec<Result<i64, String>>,
    end: Result<(), String>,
}

fn seen(body: Body, options: Options) -> Seen {
    let mut records = Vec::new();
    let (_, end) = reader::read(body, options, &mut |index, record| {
        assert_eq!(index, records.len(), "records come in order");
        records.push(match record {
            Ok(record) => Ok(record.get(&["n"]).and_then(Value::as_i64).unwrap_or(-1)),
            Err(bad) => Err(bad.to_string()),
        });
    });
    Seen { records, end: end.map_err(|error| error.to_string()) }
}

const OPTIONS: Options = Options { max_bytes: 1 << 30, lines: false };

fn text(text: &str) -> Seen {
    let whole = seen(Body::Whole(Bytes::copy_from_slice(text.as_bytes())), OPTIONS);
    let drops = seen(Body::Stream(Box::new(Drops(Cursor::new(text.as_bytes().to_vec())))), OPTIONS);
    assert_eq!(whole, drops, "byte by byte gives the same: {text}");
    whole
}

/// Gives one byte at a time, so that every border between pieces is met.
struct Drops<R>(R);

impl<R: Read> Read for Drops<R> {
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

fn stored(bytes: Vec<u8>) -> Seen {
    seen(Body::Whole(Bytes::from(bytes)), OPTIONS)
}

macro_rules! shapes {
    ($($name:ident: $text:expr => $records:expr;)*) => {$(
        #[test]
        fn $name() {
            let expected: Vec<Result<i64, String>> = $records.iter().map(|n: &i64| Ok(*n)).collect();
            assert_eq!(text($text), Seen { records: expected, end: Ok(()) }, "{}", $text);
        }
    )*};
}

shapes! {
    a_log_object: r#"{"Records":[{"n":1},{"n":2}]}"# => [1, 2];
    no_records_in_it: r#"{"Records":[]}"# => [0i64; 0];
    spread_out: "\n { \"Records\" :\n [ {\"n\" : 1 } ,\n {\"n\":2} ] }\n" => [1, 2];
    other_keys_before_and_after: r#"{"a":[{"n":9}],"b":"}]","Records":[{"n":1}],"c":{"Records":[{"n":8}]}}"# => [1];
    records_twice: r#"{"Records":[{"n":1}],"Records":[{"n":2}]}"# => [1, 2];
    a_bare_array: r#"[{"n":1},{"n":2}]"# => [1, 2];
    one_record: r#"{"eventVersion":"1.11","n":1}"# => [1];
    one_record_with_its_name_last: r#"{"n":1,"x":{"y":[1,2,{"z":null}]},"eventName":"X"}"# => [1];
    lines: "{\"eventName\":\"X\",\"n\":1}\n{\"n\":2,\"eventName\":\"X\"}\n\n{\"eventName\":\"X\",\"n\":3}" => [1, 2, 3];
    lines_of_log_objects: "{\"Records\":[{\"n\":1}]}\n{\"Records\":[{\"n\":2},{\"n\":3}]}\n" => [1, 2, 3];
    spread_out_records_one_after_another:
        "{\n\"eventName\":\"X\",\n\"n\":1\n}\n{\n\"eventName\":\"X\",\n\"n\":2\n}\n" => [1, 2];
    a_byte_order_mark: "\u{feff}{\"Records\":[{\"n\":1}]}" => [1];
    brackets_and_quotes_in_strings: r#"{"Records":[{"s":"\"}],{[\\","n":1},{"\\\"":"\\","n":2}]}"# => [1, 2];
    numbers_and_words_inside: r#"{"Records":[{"a":-1.5e3,"b":true,"c":null,"d":[],"e":{},"n":1}]}"# => [1];
}

#[test]
fn gzip_in_one_or_several_members() {
    let all = br#"{"Records":[{"n":1},{"n":2}]}"#;
    assert_eq!(stored(gzip(all)), Seen { records: vec![Ok(1), Ok(2)], end: Ok(()) });
    // A member ends in the middle of a record.
    let members = [gzip(&all[..15]), gzip(&all[15..])].concat();
    assert_eq!(stored(members), Seen { records: vec![Ok(1), Ok(2)], end: Ok(()) });
}

fn damaged(seen: Seen, records: &[Result<i64, &str>], end: &str) {
    let good: Vec<Result<i64, String>> = records.iter().map(|r| r.map_err(str::to_owned)).collect();
    assert_eq!(seen.records, good);
    let error = seen.end.unwrap_err();
    assert!(error.contains(end), "{error:?} should tell {end:?}");
}

/// Records that do not compress to nothing.
fn many(count: u64) -> String {
    let record =
        |n: u64| json!({"n": n, "id": format!("{:x}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15))});
    json!({"Records": (0..count).map(record).collect::<Vec<_>>()}).to_string()
}

#[test]
fn truncated_gzip_gives_what_came_before() {
    let mut bytes = gzip(many(1000).as_bytes());
    bytes.truncate(bytes.len() / 2);
    let seen = stored(bytes);
    assert!(
        seen.records.len() > 400 && seen.records.iter().all(Result::is_ok),
        "{}",
        seen.records.len()
    );
    let error = seen.end.unwrap_err();
    assert!(error.contains("damaged gzip") && error.contains("at byte"), "{error}");
}

#[test]
fn a_damaged_middle_of_a_small_object_gives_what_came_before() {
    let mut bytes = gzip(many(1000).as_bytes());
    let middle = bytes.len() / 2;
    bytes[middle..middle + 20].fill(0xff);
    let seen = stored(bytes);
    let good = seen.records.iter().filter(|record| record.is_ok()).count();
    assert!(good > 400, "{good}");
    assert!(seen.end.is_err());
}

#[test]
fn a_wrong_checksum_is_told_after_all_records() {
    let mut bytes = gzip(br#"{"Records":[{"n":1}]}"#);
    let crc = bytes.len() - 8;
    bytes[crc] ^= 1;
    damaged(stored(bytes), &[Ok(1)], "damaged gzip");
}

#[test]
fn trailing_garbage_after_gzip_is_told() {
    let mut bytes = gzip(br#"{"Records":[{"n":1}]}"#);
    bytes.extend_from_slice(b"garbage");
    damaged(stored(bytes), &[Ok(1)], "damaged gzip");
}

#[test]
fn not_gzip_and_not_json() {
    let zip = b"PK\x03\x04 a zip file".to_vec();
    damaged(stored(zip), &[], "at byte 0 of the inflated text: expected gzip or JSON, found `P`");
    damaged(stored(vec![0x00, 0x01]), &[], "found byte 0x00");
    damaged(stored(gzip(b"<html>")), &[], "expected gzip or JSON, found `<`");
    damaged(text(""), &[], "the object is empty");
    damaged(text("  \n "), &[], "the object is empty");
}

#[test]
fn records_missing_or_not_an_array() {
    damaged(text(r#"{"records":[{"n":1}]}"#), &[], "without \"Records\"");
    damaged(text("{}"), &[], "without \"Records\"");
    damaged(
        text(r#"{"Records":{"n":1}}"#),
        &[],
        "at byte 11 of the inflated text: \"Records\" is not an array",
    );
    damaged(text(r#"{"Records":null}"#), &[], "not an array");
}

#[test]
fn a_record_that_is_a_number_fails_alone() {
    let bad = "record 1 at byte 20 of the inflated text: a record is an object, this is a number";
    let expected = vec![Ok(1), Err(bad.to_owned()), Ok(2)];
    assert_eq!(
        text(r#"{"Records":[{"n":1},17,{"n":2}]}"#),
        Seen { records: expected, end: Ok(()) }
    );
}

/// The second of three records is bad and says why; its neighbours are whole.
fn second_fails_alone(seen: Seen, why: &str) {
    assert_eq!(
        (seen.records[0].clone(), seen.records[2].clone(), seen.end),
        (Ok(1), Ok(2), Ok(()))
    );
    let bad = seen.records[1].clone().unwrap_err();
    assert!(
        bad.starts_with("record 1 at byte 20 of the inflated text") && bad.contains(why),
        "{bad}"
    );
}

#[test]
fn a_record_that_is_not_json_fails_alone() {
    second_fails_alone(text(r#"{"Records":[{"n":1},{"n":},{"n":2}]}"#), "not JSON");
}

#[test]
fn nesting_10_000_deep_fails_alone() {
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    second_fails_alone(
        text(&format!(r#"{{"Records":[{{"n":1}},{{"deep":{deep}}},{{"n":2}}]}}"#)),
        "recursion limit",
    );
}

#[test]
fn invalid_utf8_fails_alone() {
    let bytes = b"{\"Records\":[{\"n\":1},{\"s\":\xff\xfe},{\"n\":2}]}".to_vec();
    second_fails_alone(stored(gzip(&bytes)), "not JSON");
}

#[test]
fn what_a_caller_wrote_into_a_string_does_not_keep_a_record_from_being_read() {
    for text in [&b"\xff\xfe"[..], b"\\ud83d", b"a\tb"] {
        let bytes =
            [b"{\"Records\":[{\"n\":1},{\"n\":2,\"s\":\"", text, b"\"},{\"n\":3}]}"].concat();
        assert_eq!(
            stored(bytes),
            Seen { records: vec![Ok(1), Ok(2), Ok(3)], end: Ok(()) },
            "{text:?}"
        );
    }
}

#[test]
fn a_record_larger_than_any_can_be_fails_alone() {
    let huge = "x".repeat(9 * 1024 * 1024);
    let all = format!(r#"{{"Records":[{{"n":1}},{{"s":"{huge}"}},{{"n":2}}]}}"#);
    second_fails_alone(stored(all.into_bytes()), "larger than");
}

#[test]
fn damage_between_records_ends_the_object_after_those_before() {
    let comma = "at byte 20 of the inflated text: expected `,` or `]` after a record, found `{`";
    damaged(text(r#"{"Records":[{"n":1} {"n":2}]}"#), &[Ok(1)], comma);
    damaged(text(r#"{"Records":[{"n":1},{"n":2"#), &[Ok(1)], "found the end of the text");
    damaged(text(r#"{"Records":[{"n":1}]"#), &[Ok(1)], "found the end of the text");
    damaged(text(r#"{"Records":[{"n":1},{"s":"abc"#), &[Ok(1)], "expected the end of a string");
    let garbage = "expected `{`, `[` or the end of the text, found `g`";
    damaged(text(r#"{"Records":[{"n":1}]}garbage"#), &[Ok(1)], garbage);
}

#[test]
fn a_damaged_line_fails_alone() {
    let line = |n: i64| format!("{{\"eventName\":\"X\",\"n\":{n}}}\n");
    let all = format!("{}{{\"eventName\":\"X\n{}not json\n{}", line(1), line(2), line(3));
    let seen = text(&all);
    let good: Vec<i64> = seen.records.iter().flatten().copied().collect();
    assert_eq!((good, seen.records.len(), seen.end), (vec![1, 2, 3], 5, Ok(())));
}

#[test]
fn lines_known_as_such_may_begin_with_a_damaged_one() {
    let all = "{\"eventName\":\n{\"eventName\":\"X\",\"n\":1}\n[1\n";
    let seen = seen(Body::Whole(Bytes::from(all)), Options { lines: true, ..OPTIONS });
    let good: Vec<i64> = seen.records.iter().flatten().copied().collect();
    assert_eq!((good, seen.end), (vec![1], Ok(())));
    assert!(seen.records[0].is_err());
}

#[test]
fn a_bomb_stops_at_the_limit_and_findings_before_it_stand() {
    let limit = 10 * 1024 * 1024;
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(br#"{"Records":[{"n":1},{"s":""#).unwrap();
    let megabyte = vec![b' '; 1024 * 1024];
    for _ in 0..300 {
        encoder.write_all(&megabyte).unwrap();
    }
    let bytes = encoder.finish().unwrap();
    let mut good = 0;
    let options = Options { max_bytes: limit, lines: false };
    let body = Body::Whole(bytes.into());
    let (read, end) =
        reader::read(body, options, &mut |_, record| good += usize::from(record.is_ok()));
    assert_eq!(good, 1);
    assert!(read.bytes <= limit, "{}", read.bytes);
    assert!(
        matches!(end.unwrap_err().problem, ReadProblem::TooLarge { limit: told } if told == limit)
    );
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
    fn any_records_come_back_as_they_were(records in prop::collection::vec(any_json(), 0..8), pretty in any::<bool>()) {
        let wrapper = json!({"before": "Records", "Records": records, "after": [1, {"x": "]}"}]});
        let text = if pretty { serde_json::to_string_pretty(&wrapper) } else { serde_json::to_string(&wrapper) }.unwrap();
        let mut back = Vec::new();
        let body = Body::Stream(Box::new(Drops(Cursor::new(text.into_bytes()))));
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
    fn arbitrary_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        stored(bytes);
    }

    #[test]
    fn mutated_objects_are_read_or_refused(at in 0usize..4000, byte in any::<u8>(), zipped in any::<bool>()) {
        let mut bytes = many(20).into_bytes();
        if zipped { bytes = gzip(&bytes); }
        let at = at % bytes.len();
        bytes[at] = byte;
        stored(bytes);
    }
}
