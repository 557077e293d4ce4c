//! Queries matched against a typed document and a JSON document, one line for each case.

use jiff::Timestamp;
use kql::{Document, Query};
use serde_json::json;

use crate::document::Typed;

fn now() -> Timestamp {
    "2026-03-18T12:34:56.789Z".parse().expect("a date")
}

/// 2026-03-18 is a Wednesday.
fn typed() -> Typed {
    let resource = |arn: &str, kind: &str| Typed::default().text("arn", arn).text("type", kind);
    Typed::default()
        .text("event.action", "CreateGroup")
        .text("event.type", "group")
        .text("event.type", "creation")
        .text("cloud.account.id", "012345678901")
        .text("message", "Hello  big World\n")
        .text("empty", "")
        .text("word", "true")
        .text("source.address", "203.0.113.9")
        .text("stamp", "2026-03-15T10:20:30Z")
        .number("count", 5.0)
        .number("ratio", -0.5)
        .number("port", 443.0)
        .number("port", 8443.0)
        .bool("read_only", false)
        .ip("source.ip", "192.0.2.10")
        .ip("six.ip", "2001:db8::a")
        .ip("mapped.ip", "::ffff:198.51.100.7")
        .date("@timestamp", "2026-03-15T10:20:30Z")
        .date("precise", "2026-03-15T10:20:30.123456789Z")
        .date("late", "2026-03-15T10:20:59.5Z")
        .date("midnight", "2026-03-16T00:00:00Z")
        .object("resources", resource("one", "user"))
        .object(
            "resources",
            resource("two", "group").object("deep", Typed::default().text("leaf", "bottom")),
        )
        .object("hollow", Typed::default())
}

fn matches(document: &dyn Document, query: &str) -> bool {
    Query::parse(query).unwrap_or_else(|error| panic!("{query}\n{error}")).matches(document, now())
}

macro_rules! cases {
    ($document:ident: $($name:ident: $query:expr => $expected:expr;)*) => {
        $(#[test]
        fn $name() {
            assert_eq!(matches(&$document(), $query), $expected, "{}", $query);
        })*
    };
}

cases! { typed:
    everything: "" => true;
    not_everything: "not *" => false;
    keyword: "event.action: CreateGroup" => true;
    keyword_quoted: r#"event.action: "CreateGroup""# => true;
    keyword_is_case_sensitive: "event.action: creategroup" => false;
    keyword_is_the_whole: "event.action: Create" => false;
    keyword_with_spaces: r"message: Hello  big World\n" => true;
    keyword_with_other_spaces: r"message: Hello big World\n" => false;
    keyword_empty: r#"empty: """# => true;
    keyword_star_is_plain_when_quoted: r#"event.action: "Create*""# => false;
    leading_zero_stays: "cloud.account.id: 012345678901" => true;
    leading_zero_is_not_dropped: "cloud.account.id: 12345678901" => false;
    text_that_says_true: "word: true" => true;

    array_first: "event.type: group" => true;
    array_second: "event.type: creation" => true;
    array_both_in_and: "event.type: (group and creation)" => true;
    array_none: "event.type: (change or deletion)" => false;
    array_not: "event.type: (not change)" => true;
    array_not_is_of_all_elements: "event.type: (not group)" => false;
    array_and_not: "event.type: (group and not creation)" => false;

    absent: "nothing: x" => false;
    not_absent: "not nothing: x" => true;
    absent_list_not: "nothing: (not x)" => true;
    absent_range: "nothing > 0" => false;
    absent_exists: "nothing: *" => false;
    prefix_of_a_name_is_no_field: "event: CreateGroup" => false;

    exists: "event.action: *" => true;
    exists_empty_text: "empty: *" => true;
    exists_false: "read_only: *" => true;
    exists_object: "resources: *" => true;
    exists_hollow_object: "hollow: *" => false;
    exists_inside_objects: "resources.deep.leaf: *" => true;
    exists_by_name_wildcard: "ev*.ty*: *" => true;
    exists_by_other_name_wildcard: "evt*: *" => false;

    wildcard_prefix: "event.action: Create*" => true;
    wildcard_suffix: "event.action: *Group" => true;
    wildcard_contains: "event.action: *ateG*" => true;
    wildcard_pieces: "event.action: C*t*G*p" => true;
    wildcard_pieces_in_order: "event.action: C*G*t*p" => false;
    wildcard_is_the_whole: "event.action: *reate" => false;
    wildcard_takes_nothing: "event.action: CreateGroup*" => true;
    wildcard_ends_do_not_overlap: "event.action: CreateGr*Group" => false;
    wildcard_is_case_sensitive: "event.action: create*" => false;
    wildcard_over_lines: "message: Hello*World*" => true;
    wildcard_of_words: "message: *  big W*" => true;
    wildcard_on_number: "count: 5*" => false;
    wildcard_on_bool: "read_only: f*" => false;
    wildcard_on_date: "@timestamp: 2026*" => false;
    wildcard_on_address: "source.ip: 192.0.*" => true;
    wildcard_on_other_address: "source.ip: 192.1.*" => false;

    field_prefix: "event.*: creation" => true;
    field_prefix_needs_its_dot: "event.action.*: CreateGroup" => false;
    field_wildcard_over_dots: "*leaf: bottom" => true;
    field_wildcard_wrong_value: "event.*: deletion" => false;
    field_wildcard_range: "co* > 4" => true;

    free_text: "CreateGroup" => true;
    free_text_any_array_element: "creation" => true;
    free_text_number: "8443" => true;
    free_text_bool: "false" => true;
    free_text_address: "192.0.2.10" => true;
    free_text_in_objects: "bottom" => true;
    free_text_is_exact: "Create" => false;
    free_text_wildcard: "*ateGr*" => true;
    free_text_phrase: r#""no such thing""# => false;
    any_field: "*: CreateGroup" => true;

    number: "count: 5" => true;
    number_quoted: r#"count: "5""# => true;
    number_other_notation: "count: 5.0" => true;
    number_exponent: "count: 0.5e1" => true;
    number_negative: "ratio: -.5" => true;
    number_wrong: "count: 6" => false;
    number_against_text: "count: five" => false;
    number_nan: "count: nan" => false;
    number_array: "port: (443 and 8443)" => true;
    number_below: "count < 5" => false;
    number_at_most: "count <= 5" => true;
    number_above: "count > 4.9" => true;
    number_at_least: "count >= 5.1" => false;
    number_not_as_text: "count < 10" => true;
    number_below_infinity: "count < inf" => false;
    range_may_meet_different_elements: "port < 500 and port > 8000" => true;

    bool_false: "read_only: false" => true;
    bool_true: "read_only: true" => false;
    bool_quoted: r#"read_only: "false""# => true;
    bool_case: "read_only: False" => false;
    bool_number: "read_only: 0" => false;
    bool_range: "read_only < true" => false;

    ip: "source.ip: 192.0.2.10" => true;
    ip_other: "source.ip: 192.0.2.11" => false;
    ip_block: "source.ip: 192.0.2.0/24" => true;
    ip_block_with_host_bits: "source.ip: 192.0.2.77/24" => true;
    ip_block_of_one: "source.ip: 192.0.2.10/32" => true;
    ip_block_other: "source.ip: 198.51.100.0/24" => false;
    ip_block_of_all: "source.ip: 0.0.0.0/0" => true;
    ip_block_quoted: r#"source.ip: ("10.0.0.0/8" or "192.0.2.0/24")"# => true;
    ip_block_too_long: "source.ip: 192.0.2.0/33" => false;
    ip_v6: r#"six.ip: "2001:db8:0:0::a""# => true;
    ip_v6_block: r#"six.ip: "2001:db8::/32""# => true;
    ip_v6_block_other: r#"six.ip: "2001:db9::/32""# => false;
    ip_v6_escaped: r"six.ip: 2001\:db8\:\:a" => true;
    ip_v4_is_in_no_v6_block: r#"source.ip: "2001:db8::/32""# => false;
    ip_mapped: "mapped.ip: 198.51.100.7" => true;
    ip_mapped_block: "mapped.ip: 198.51.100.0/24" => true;
    ip_mapped_literal: r#"source.ip: "::ffff:192.0.2.10""# => true;
    ip_mapped_literal_block: r#"source.ip: "::ffff:192.0.2.0/120""# => true;
    ip_mapped_literal_block_other: r#"source.ip: "::ffff:192.0.2.64/122""# => false;
    ip_mapped_literal_block_edge: r#"source.ip: "::ffff:192.0.2.0/124""# => true;
    ip_mapped_literal_block_below: r#"source.ip: "::ffff:192.0.2.0/125""# => false;
    ip_range: "source.ip >= 192.0.2.9 and source.ip < 192.0.2.11" => true;
    ip_range_not_as_text: "source.ip > 192.0.2.9" => true;
    ip_range_v4_before_v6: r#"source.ip < "2001:db8::""# => true;
    ip_range_of_block: "source.ip > 10.0.0.0/8" => false;
    ip_against_text: "source.ip: localhost" => false;
    text_in_block: "source.address: 203.0.113.0/24" => true;
    text_not_in_block: "source.address: 203.0.114.0/24" => false;
    text_is_not_compared_as_address: r#"source.address: "::ffff:203.0.113.9""# => false;

    date_same: r#"@timestamp: "2026-03-15T10:20:30Z""# => true;
    date_same_elsewhere: r#"@timestamp: "2026-03-15T12:50:30+02:30""# => true;
    date_same_elsewhere_short: r#"@timestamp: "2026-03-15T05:20:30-05""# => true;
    date_same_elsewhere_plain: r#"@timestamp: "2026-03-15T12:50:30+0230""# => true;
    date_without_zone: r#"@timestamp: "2026-03-15T10:20:30""# => true;
    date_minute: r#"@timestamp: "2026-03-15T10:20""# => true;
    date_minute_to_its_end: r#"precise <= "2026-03-15T10:20""# => true;
    date_minute_is_not_the_next: r#"@timestamp: "2026-03-15T10:19""# => false;
    date_minute_above: r#"late > "2026-03-15T10:20""# => false;
    date_hour_above: "late > 2026-03-15T09" => true;
    date_hour: "@timestamp: 2026-03-15T10" => true;
    date_hour_zulu: "@timestamp: 2026-03-15T10Z" => true;
    date_other_hour: "@timestamp: 2026-03-15T11" => false;
    date_day: "@timestamp: 2026-03-15" => true;
    date_other_day: "@timestamp: 2026-03-14" => false;
    date_month_is_its_first_day: "@timestamp: 2026-03" => false;
    date_year_is_its_first_day: "@timestamp: 2026" => false;
    date_epoch_millis: "@timestamp: 1773570030000" => true;
    date_other_epoch_millis: "@timestamp: 1773570030001" => false;
    date_second_holds_its_fractions: r#"precise: "2026-03-15T10:20:30Z""# => true;
    date_millisecond: r#"precise: "2026-03-15T10:20:30.123456789Z""# => true;
    date_fraction_is_exact: r#"precise: "2026-03-15T10:20:30.123Z""# => false;
    date_comma: r#"precise: "2026-03-15T10:20:30,123456789Z""# => true;
    date_epoch_millis_hold_their_nanoseconds: "precise: 1773570030123" => true;
    date_bad_day: "@timestamp > 2026-02-30" => false;
    date_bad_month: "@timestamp > 2026-00-01" => false;
    date_one_digit: "@timestamp > 2026-3-1" => false;
    date_time_after_month: "@timestamp > 2026-03T10" => false;
    date_nonsense: "@timestamp > yesterday" => false;

    date_above_day_is_after_it: "@timestamp > 2026-03-15" => false;
    date_above_day_before: "@timestamp > 2026-03-14" => true;
    date_at_least_day_is_from_its_start: "@timestamp >= 2026-03-15" => true;
    date_below_day_is_before_it: "@timestamp < 2026-03-15" => false;
    date_at_most_day_is_to_its_end: "@timestamp <= 2026-03-15" => true;
    date_at_most_day_before: "@timestamp <= 2026-03-14" => false;
    date_at_most_month_is_its_first_day: "@timestamp <= 2026-03" => false;
    date_above_month_is_after_its_first_day: "@timestamp > 2026-03" => true;
    date_at_least_year: "@timestamp >= 2026" => true;
    date_below_year: "@timestamp < 2027" => true;

    now_itself: "@timestamp <= now" => true;
    now_above: "@timestamp > now" => false;
    now_minus_three_days: "@timestamp >= now-3d" => false;
    now_minus_four_days: "@timestamp >= now-4d" => true;
    now_minus_hours: "@timestamp > now-74h" => false;
    now_minus_hours_capital: "@timestamp > now-75H" => true;
    now_minus_minutes: "@timestamp > now-4460m" => true;
    now_minus_seconds: "@timestamp > now-260000s" => false;
    now_steps: "@timestamp > now-1w+3d+12h" => true;
    now_day: "@timestamp > now-3d/d" => false;
    now_day_at_least: "@timestamp >= now-3d/d" => true;
    now_day_at_most: "@timestamp <= now-3d/d" => true;
    now_day_below: "@timestamp < now-3d/d" => false;
    now_day_is_a_day: "@timestamp: now-3d/d" => true;
    now_this_week: "@timestamp >= now/w" => false;
    now_last_week: "@timestamp: now-1w/w" => true;
    now_this_month: "@timestamp: now/M" => true;
    now_this_year: "@timestamp: now/y" => true;
    now_this_hour: "@timestamp: now/h" => false;
    now_round_then_add: "@timestamp >= now/M+14d" => true;
    now_round_then_add_more: "@timestamp >= now/M+15d" => false;
    now_bad_unit: "@timestamp > now-1x" => false;
    now_bad_rounding: "@timestamp > now/2d" => false;
    now_cut_off: "@timestamp > now-" => false;
    now_too_much: "@timestamp > now-99999999999999999999d" => false;
    now_saturates: "@timestamp > now-9999y" => true;
    anchor_month_end: "@timestamp > 2026-01-31||+1M" => true;
    anchor_round_up: "@timestamp > 2026-02-10||+1M/M" => false;
    anchor_round_down: "@timestamp >= 2026-02-10||+1M/M" => true;
    anchor_round_up_stops_before_midnight: "midnight <= 2026-03-15||/d" => false;
    anchor_round_up_above: "midnight > 2026-03-15||/d" => true;
    anchor_day: "@timestamp >= 2026-03-14||+1d" => true;
    anchor_time: r#"@timestamp: "2026-03-15T10:20:59||/m""# => true;
    anchor_second: r#"precise: "2026-03-15T10:20:30.9||/s""# => true;

    text_range: "event.action >= CreateGroup and event.action < D" => true;
    text_range_is_by_bytes: "event.action > a" => false;
    text_range_of_digits: "cloud.account.id < 1" => true;
    text_range_as_dates: "stamp >= 2026-03-15 and stamp <= 2026-03-15" => true;
    text_range_with_zone: r#"stamp < "2026-03-15T10:21:00+00:30""# => false;
    text_range_with_now: "stamp < now-3d and stamp > now-4d" => true;
    text_that_is_a_date_is_equal_as_text: "stamp: 2026-03-15" => false;

    nested_one_object: "resources: { arn: one and type: user }" => true;
    nested_across_objects: "resources: { arn: one and type: group }" => false;
    flat_across_objects: "resources.arn: one and resources.type: group" => true;
    nested_not: "resources: { not arn: one }" => true;
    nested_none: "not resources: { arn: three }" => true;
    nested_in_nested: "resources: { arn: two and deep: { leaf: bottom } }" => true;
    nested_path: "resources.deep: { leaf: bottom }" => true;
    nested_free_text: "resources: { bottom }" => true;
    nested_exists: "resources: { deep: * and type: group }" => true;
    nested_anything: "resources: { * }" => true;
    nested_absent: "nothing: { * }" => false;
    nested_does_not_see_outside: "resources: { event.action: CreateGroup }" => false;
    nested_on_a_leaf: "count: { * }" => false;

    like_a_detection_rule: "event.action:CreateGroup and cloud.account.id:012345678901 \
        and not read_only:true" => true;
    or_of_and: "event.action:X and read_only:false or event.type:group" => true;
    and_of_or: "event.action:X and (read_only:false or event.type:group)" => false;
}

fn plain() -> serde_json::Value {
    json!({
        "event": { "action": "CreateGroup", "type": ["group", ["creation"]], "outcome": null },
        "source.ip": "192.0.2.10",
        "user": { "name.full": "alice", "name": { "short": "al" } },
        "resources": [ { "arn": "one", "tags": [ { "k": "a", "v": 1 }, { "k": "b", "v": 2 } ] },
        { "arn": "two" } ],
        "at": "2026-03-15T10:20:30Z",
        "big": 9007199254740993_u64,
        "on": true,
        "hollow": {},
        "nothing": [],
    })
}

cases! { plain:
    json_nested_key: "event.action: CreateGroup" => true;
    json_array_in_array: "event.type: creation" => true;
    json_null: "event.outcome: *" => false;
    json_dotted_key: "source.ip: 192.0.2.10" => true;
    json_block: "source.ip: 192.0.2.0/24" => true;
    json_dotted_key_inside: "user.name.full: alice" => true;
    json_nested_key_beside_dotted: "user.name.short: al" => true;
    json_array_of_objects: "resources.tags.k: b" => true;
    json_nested_same_object: "resources.tags: { k: a and v: 1 }" => true;
    json_nested_other_object: "resources.tags: { k: a and v: 2 }" => false;
    json_nested_in_nested: "resources: { arn: one and tags: { k: b } }" => true;
    json_date_range: "at > now-4d and at < 2026-03-16" => true;
    json_date_is_text: "at: 2026-03-15" => false;
    json_number: "big > 9007199254740991" => true;
    json_bool: "on: true" => true;
    json_object_exists: "user.name: *" => true;
    json_hollow: "hollow: * or nothing: *" => false;
    json_leaf_names: "*.tags.v: 2 and user.name.f*: alice" => true;
    json_free_text: "al and creation" => true;
    json_object_is_no_value: "user: alice" => false;
}

#[test]
fn each_node_can_be_matched_alone() {
    let query = Query::parse(
        "event.action: CreateGroup and (read_only: true or count > 3) and not empty: *",
    )
    .expect("ok");
    let results: Vec<_> = query
        .expr()
        .children()
        .iter()
        .map(|expr| (expr.to_string(), expr.matches(&typed(), now())))
        .collect();
    let expected = [
        ("event.action: CreateGroup", true),
        ("read_only: true or count > 3", true),
        ("not empty: *", false),
    ];
    assert_eq!(results, expected.map(|(text, result)| (text.to_owned(), result)));
    assert!(!query.matches(&typed(), now()));
}

#[test]
fn wildcards_take_linear_time() {
    // Backtracking would not end.
    let document = Typed::default().text("a", &"a".repeat(50_000));
    assert!(!matches(&document, &format!("a: {}b", "a*".repeat(1_000))));
    assert!(matches(&document, &format!("a: {}", "a*".repeat(1_000))));
}
