//! Keys of Elastic's files that change what becomes of findings, or that are only checked.

use super::{load, to_strings, with};

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
            "a.toml:8:25: in `investigation_fields`: invalid type: string \"user.name\", expected \
             a sequence",
        ),
        (
            "investigation_fields = {field_name = ['user.name']}",
            "a.toml:8:25: in `investigation_fields`: unknown field `field_name`, expected \
             `field_names`",
        ),
        (
            "timestamp_override = 1",
            "a.toml:8:22: in `timestamp_override`: invalid type: integer `1`, expected a string",
        ),
        (
            "related_integrations = [{package = 'aws'}]",
            "a.toml:8:25: in `related_integrations`: missing field `version`",
        ),
        (
            "required_fields = ['event.action']",
            "a.toml:8:20: in `required_fields`: invalid type: string \"event.action\", expected \
             struct RequiredField",
        ),
    ];
    for (line, expected) in cases {
        let loaded = load(&with(line));
        assert_eq!(to_strings(&loaded.problems), [expected], "{line}");
    }
}
