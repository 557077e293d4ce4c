//! Keys of Elastic's files that change what becomes of findings, or that are only checked.

use super::{load, to_strings, with};
use crate::rule::MissingFields;

#[test]
fn building_blocks_and_fields_to_investigate_are_read() {
    let loaded = load(&with(
        "building_block_type = 'default'\n\
         investigation_fields = {field_names = ['user.name', 'target.entity.id']}\n\
         related_integrations = [{package = 'aws', version = '^4.0.0', integration = 'cloudtrail'}]\n\
         required_fields = [{name = 'event.action', type = 'keyword', ecs = true}]",
    ));
    assert_eq!((to_strings(&loaded.problems), to_strings(&loaded.warnings)), (vec![], vec![]));
    let info = &loaded.rules[0].info;
    assert!(info.building_block);
    assert_eq!(info.investigation_fields, ["user.name", "target.entity.id"]);
    let plain = load(&with(""));
    let info = &plain.rules[0].info;
    assert!(!info.building_block && info.investigation_fields.is_empty());
}

#[test]
fn values_of_the_wrong_type_are_problems() {
    let cases = [
        (
            "building_block_type = 'other'",
            "a.toml:8:23: `building_block_type` must be `default`, found `other`",
        ),
        (
            "investigation_fields = ['user.name']",
            "a.toml:8:25: in `investigation_fields`: expected a list, found string \"user.name\"",
        ),
        (
            "investigation_fields = {field_name = ['user.name']}",
            "a.toml:8:25: in `investigation_fields`: unknown key `field_name`, expected \
             `field_names`",
        ),
        (
            "timestamp_override = 1",
            "a.toml:8:22: in `timestamp_override`: expected a string, found the number `1`",
        ),
        (
            "related_integrations = [{package = 'aws'}]",
            "a.toml:8:25: in `related_integrations`: `version` is missing",
        ),
        (
            "required_fields = ['event.action']",
            "a.toml:8:20: in `required_fields`: expected a table, found string \"event.action\"",
        ),
    ];
    for (line, expected) in cases {
        let loaded = load(&with(line));
        assert_eq!(to_strings(&loaded.problems), [expected], "{line}");
    }
}

#[test]
fn alert_suppression_is_read() {
    let cases = [
        (
            "{group_by = ['user.name'], duration = {value = 90, unit = 'm'}}",
            "not alerted for 90 minutes while user.name is the same",
            MissingFields::Suppress,
        ),
        // That of one run of the rule.
        (
            "{group_by = ['user.name', 'group.name'], missing_fields_strategy = 'doNotSuppress'}",
            "not alerted for 5 minutes while user.name, group.name are the same",
            MissingFields::DoNotSuppress,
        ),
        (
            "{group_by = ['user.name'], duration = {value = 720, unit = 'h'}, \
             missing_fields_strategy = 'suppress'}",
            "not alerted for 720 hours while user.name is the same",
            MissingFields::Suppress,
        ),
    ];
    for (table, text, missing_fields) in cases {
        let loaded = load(&with(&format!("alert_suppression = {table}")));
        assert_eq!((to_strings(&loaded.problems), to_strings(&loaded.warnings)), (vec![], vec![]));
        let suppression = loaded.rules[0].info.alert_suppression.as_ref().unwrap();
        assert_eq!(
            (suppression.describe().as_str(), suppression.missing_fields),
            (text, missing_fields)
        );
    }
    assert_eq!(load(&with("")).rules[0].info.alert_suppression, None);
}

#[test]
fn alert_suppression_that_cannot_be_applied_is_a_problem() {
    let minutes = |value: &str| {
        format!("{{group_by = ['user.name'], duration = {{value = {value}, unit = 'm'}}}}")
    };
    let duration =
        "a.toml:8:1: `value` in `alert_suppression.duration` must be a whole number above 0";
    let fields = "a.toml:8:1: `alert_suppression.group_by` must have 1 to 3 fields";
    let cases = [
        ("{group_by = []}".to_owned(), fields),
        ("{group_by = ['a', 'b', 'c', 'd']}".to_owned(), fields),
        (minutes("0"), duration),
        (minutes("-1"), duration),
        (
            "{group_by = ['user.name'], duration = {value = 1, unit = 'd'}}".to_owned(),
            "a.toml:8:78: in `alert_suppression`: unknown value `d`, expected one of `s`, `m`, \
             `h`",
        ),
        (
            "{group_by = ['user.name'], missing_fields_strategy = 'ignore'}".to_owned(),
            "a.toml:8:74: in `alert_suppression`: unknown value `ignore`, expected `suppress` or \
             `doNotSuppress`",
        ),
        (
            "{duration = {value = 1, unit = 'm'}}".to_owned(),
            "a.toml:8:21: in `alert_suppression`: `group_by` is missing",
        ),
    ];
    for (table, expected) in cases {
        let loaded = load(&with(&format!("alert_suppression = {table}")));
        assert_eq!(to_strings(&loaded.problems), [expected], "{table}");
    }
    let loaded = load(&with("alert_suppression = {group_by = ['user.nam']}"));
    assert_eq!(
        to_strings(&loaded.warnings),
        ["a.toml:8:34: no record has the field `user.nam`; did you mean `user.name`?"]
    );
}
