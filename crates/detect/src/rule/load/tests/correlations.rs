//! Correlations: their problems, and the rules that they name.

use crate::rule::check::check_rule_files;
use crate::rule::{LoadedRules, Severity};

const VALID: &str = r#"[rule]
name = "Two of them"
rule_id = "two"
description = "d"
severity = "high"
risk_score = 73
type = "correlation"

[rule.correlation]
type = "temporal"
rules = [["AWS IAM Group Creation", "AWS IAM Group Update"], "AWS IAM User Addition to Group"]
group_by = ["group.name"]
timespan = "24h"
"#;

const RAISE: &str = r#"
[[rule.correlation.severity_when]]
query = "trailbell.power: admin and user.name: alice"
severity = "critical"
risk_score = 99
"#;

fn read(text: &str) -> LoadedRules {
    LoadedRules::from_texts([("c.toml", text)].into_iter())
}

fn problems(text: &str) -> Vec<String> {
    let load = read(text);
    assert!(load.correlations.is_empty() != load.problems.is_empty(), "{text}");
    load.problems.iter().map(ToString::to_string).collect()
}

/// Resolves correlations and returns the warnings.
fn resolve(texts: &[(&str, &str)], default_rules: bool) -> Result<Vec<String>, String> {
    let mut loaded = match default_rules {
        true => LoadedRules::embedded(),
        false => LoadedRules::default(),
    };
    loaded.add_source(LoadedRules::from_texts(texts.iter().copied()));
    let warnings = loaded.warnings.iter().map(ToString::to_string).collect();
    loaded.into_rule_set().map(|_| warnings).map_err(|error| error.to_string())
}

#[test]
fn a_correlation_is_read_and_its_rules_are_resolved_by_id_or_name() {
    let load = read(&format!("{VALID}{RAISE}"));
    assert_eq!((load.problems.len(), load.warnings.len(), load.rules.len()), (0, 0, 0), "{load:?}");
    assert_eq!(load.correlations[0].condition_in_words(), "all of 2 within 24 hours, in any order");
    let mut loaded = LoadedRules::embedded();
    loaded.add_source(load);
    let set = loaded.into_rule_set().unwrap();
    let correlation = set.correlations().iter().find(|it| it.info.id == "two").unwrap();
    let ids: Vec<&str> = correlation.rule_references().map(|it| it.rule.as_str()).collect();
    let created = "169f3a93-efc7-4df2-94d6-0d9438c310d1";
    let updated = "1e5748de-9527-402d-80c2-9480cf9c0179";
    let added = "333de828-8190-4cf5-8d7c-7575846f6fe0";
    assert_eq!(ids, [created, updated, added], "named by name");
    let embedded = set.correlations().iter().find(|it| it.info.name.contains("staged")).unwrap();
    let created = embedded.rule_references().find(|it| it.rule == created).unwrap();
    assert_eq!(created.name, "AWS IAM Group Creation", "named by id");
    assert_eq!(correlation.stages.len(), 2);
    let raised = correlation.info_at_severity(Severity::Critical);
    assert_eq!((raised.severity, raised.risk_score), (Severity::Critical, 99));
    assert_eq!(correlation.info_at_severity(Severity::High), correlation.info);
}

#[test]
fn problems_are_reported_with_their_place() {
    let count = VALID.replace("temporal", "event_count");
    let with = |text: &str, from: &str, to: &str| text.replace(from, to);
    let cases = [
        (
            with(VALID, "24h", "0m"),
            "c.toml:13:12: `timespan` must be a time such as `10m`, at most `48h`, found `0m`",
        ),
        (
            with(VALID, "24h", "49h"),
            "c.toml:13:12: `timespan` must be a time such as `10m`, at most `48h`, found `49h`",
        ),
        (
            with(VALID, "timespan = \"24h\"\n", ""),
            "c.toml:9:7: `timespan` is missing in [rule.correlation]",
        ),
        (
            with(VALID, "\"temporal\"", "\"tempora\""),
            "c.toml:10:8: `type` must be `temporal`, `temporal_ordered`, `event_count` or \
             `value_count`, found `tempora`",
        ),
        (
            with(VALID, "group.name", "group.nam"),
            "c.toml:12:13: no record has the field `group.nam`; did you mean `group.name`?",
        ),
        (
            with(VALID, "[\"group.name\"]", "\"group.name\""),
            "c.toml:12:12: in `group_by`: expected a list, found string \"group.name\"",
        ),
        (
            with(VALID, ", \"AWS IAM User Addition to Group\"", ""),
            "c.toml:11:9: `rules` must have 2 to 16 elements here",
        ),
        (
            with(VALID, "AWS IAM User Addition to Group", "AWS IAM Group Creation"),
            "c.toml:11:62: rule `AWS IAM Group Creation` is named twice",
        ),
        (
            with(VALID, "\"AWS IAM User Addition to Group\"", "[]"),
            "c.toml:11:62: `rules` must be a list of rules, by id or name, or of lists of \
             alternatives, found array",
        ),
        (
            format!("{VALID}condition = {{ gte = 3 }}\n"),
            "c.toml:14:1: `condition` has no meaning in a correlation of type `temporal`",
        ),
        (
            format!("{VALID}field = \"user.name\"\n"),
            "c.toml:14:1: `field` has no meaning in a correlation of type `temporal`",
        ),
        (count.clone(), "c.toml:9:7: `condition` is missing in [rule.correlation]"),
        (
            format!("{count}condition = {{ gte = 0 }}\n"),
            "c.toml:14:21: `gte` must be a whole number from 1 to 1000",
        ),
        (
            format!("{count}condition = {{ lt = 3 }}\n"),
            "c.toml:14:15: in `condition`: unknown key `lt`, expected `gte`",
        ),
        (
            with(&count, "event_count", "value_count"),
            "c.toml:9:7: `field` is missing in [rule.correlation]",
        ),
        (
            format!(
                "{}field = \"user.nme\"\ncondition = {{ gte = 3 }}\n",
                with(&count, "event_count", "value_count")
            ),
            "c.toml:14:9: no record has the field `user.nme`; did you mean `user.name`?",
        ),
        (
            format!("{VALID}{}", with(RAISE, "admin and", "admin an")),
            "c.toml:16:45: in `query`: expected",
        ),
        (
            format!("{VALID}{}", with(RAISE, "critical", "high")),
            "c.toml:17:12: `severity` must be above that of the rule",
        ),
        (
            format!("{VALID}{RAISE}{RAISE}"),
            "c.toml:22:12: `severity` must differ from that of every other `severity_when`",
        ),
        (
            format!("{VALID}{}", with(RAISE, "risk_score = 99\n", "")),
            "`risk_score` is missing in [[rule.correlation.severity_when]]",
        ),
        (
            format!("{VALID}{}", with(RAISE, "admin and", "everything and")),
            "c.toml:16:10: `trailbell.power` is `unknown`, `limited`, `escalates` or `admin`",
        ),
        (
            format!("{VALID}query = \"trailbell.slf: true\"\n"),
            "c.toml:14:10: no record has the field `trailbell.slf`",
        ),
        (
            with(VALID, "[rule.correlation]", "severity_mapping = []\n[rule.correlation]"),
            "c.toml:9:1: `severity_mapping` has no effect on a correlation; use \
             [[rule.correlation.severity_when]]",
        ),
        (
            with(&format!("{VALID}{RAISE}"), "correlation.severity_when", "severity_when"),
            "`severity_when` has no effect on a correlation; use [[rule.correlation.severity_when]]",
        ),
        (
            with(VALID, "[rule.correlation]", "[rule.correlations]"),
            "c.toml:1:2: `correlation` is missing in [rule]",
        ),
    ];
    let mut missed = Vec::new();
    for (text, expected) in cases {
        let problems = problems(&text);
        if !problems.iter().any(|it| it.contains(expected)) {
            missed.push(format!("{expected}\n{}", problems.join("\n")));
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n\n"));
}

#[test]
fn keys_without_meaning_are_warnings() {
    let load = read(
        &VALID
            .replace("timespan", "tmespan = 1\ntimespan")
            .replace("type = \"corr", "interval = \"5m\"\ntype = \"corr"),
    );
    let warnings: Vec<String> = load.warnings.iter().map(ToString::to_string).collect();
    assert!(
        warnings
            .iter()
            .any(|warning| warning == "c.toml:7:1: `interval` has no meaning in a correlation"),
        "{warnings:?}"
    );
    assert!(warnings.iter().any(|it| {
        it.contains("unknown key `tmespan` in [rule.correlation]; did you mean `timespan`?")
    }));
}

#[test]
fn a_reference_to_an_unknown_rule_is_an_error() {
    let unknown = VALID.replace("AWS IAM User Addition to Group", "no such rule");
    let error = resolve(&[("c.toml", &unknown)], true).unwrap_err();
    assert!(
        error.contains("c.toml:11:62: there is no rule with the id or name `no such rule`"),
        "{error}"
    );
    let own_rule = "[rule]\nname = 'r'\nrule_id = 'r'\ndescription = 'd'\ntype = 'query'\n\
                    severity = 'low'\nrisk_score = 1\n\
                          query = 'event.action: X'\n";
    let error = resolve(&[("c.toml", VALID), ("r.toml", own_rule)], false).unwrap_err();
    assert!(
        error.contains("id or name `AWS IAM Group Creation`"),
        "the embedded rules are off: {error}"
    );
    let of_correlation = VALID
        .replace("AWS IAM User Addition to Group", "IAM group staged for privilege escalation");
    let error = resolve(&[("c.toml", &of_correlation)], true).unwrap_err();
    assert!(
        error
            .contains("c.toml:11:62: `IAM group staged for privilege escalation` is a correlation"),
        "{error}"
    );
}

#[test]
fn replacing_a_correlated_rule_is_a_warning() {
    let replacing = |query: &str| {
        format!(
            "[rule]\nname = 'Mine'\nrule_id = '333de828-8190-4cf5-8d7c-7575846f6fe0'\n\
             description = 'd'\ntype = 'query'\nseverity = 'low'\nrisk_score = 1\n\
             query = '{query}'\n"
        )
    };
    let mine = replacing(
        "event.provider: iam.amazonaws.com and event.action: AddUserToGroup and user.name: alice",
    );
    let warnings = resolve(&[("mine.toml", &mine)], true).unwrap();
    assert_eq!(warnings.len(), 3, "all correlations name it: {warnings:?}");
    assert!(
        warnings[0].starts_with("mine.toml: replaces a rule of the correlation `"),
        "{warnings:?}"
    );
    let error = resolve(&[("mine.toml", &mine), ("c.toml", VALID)], true).unwrap_err();
    assert!(
        error.contains("id or name `AWS IAM User Addition to Group`"),
        "its name is gone: {error}"
    );

    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("mine.toml"), &mine).unwrap();
    std::fs::write(
        folder.path().join("c.toml"),
        VALID.replace("\"AWS IAM User Addition to Group\"", "\"none\""),
    )
    .unwrap();
    let checked = check_rule_files(&[folder.path().to_owned()]);
    assert!(
        checked[0].problems[0].message.contains("no rule with the id or name `none`"),
        "{checked:?}"
    );
    assert_eq!(checked[1].warnings.len(), 3, "{checked:?}");
}

#[test]
fn rules_and_correlations_share_their_ids() {
    let same = VALID.replace("\"two\"", "\"333de828-8190-4cf5-8d7c-7575846f6fe0\"");
    let error = resolve(&[("c.toml", &same)], true).unwrap_err();
    assert!(
        error.contains("id or name") || error.contains("is a correlation"),
        "it replaced a member: {error}"
    );
    let load = LoadedRules::from_texts([("a.toml", VALID), ("b.toml", VALID)].into_iter());
    assert_eq!(load.problems[0].to_string(), "b.toml: rule_id `two` is also used by a.toml");
}

#[test]
fn what_covers_a_correlation_groups_alike_and_is_not_covered_itself() {
    let covered = |by: &str| format!("{VALID}covered_by = [\"{by}\"]\n");
    let cover = VALID.replace("\"two\"", "\"wide\"").replace("Two of them", "Wide");
    let set = |covered: &str, cover: &str| {
        let mut loaded = LoadedRules::embedded();
        let texts = [("c.toml", covered), ("w.toml", cover)];
        loaded.add_source(LoadedRules::from_texts(texts.into_iter()));
        loaded.into_rule_set().map_err(|error| error.to_string())
    };
    let rules = set(&covered("Wide"), &cover).unwrap();
    let ids: Vec<&str> = rules.correlations().iter().map(|it| it.info.id.as_str()).collect();
    let place = |id| ids.iter().position(|other| *other == id);
    assert!(place("wide") < place("two"), "it is evaluated first: {ids:?}");
    let two = rules.correlations().iter().find(|it| it.info.id == "two").unwrap();
    assert_eq!(two.covered_by[0].rule, "wide", "named by name");
    for (covered, cover, expected) in [
        (covered("none"), cover.clone(), "c.toml:14:15: there is no correlation `none`"),
        (
            covered("wide"),
            cover.replace("group.name", "user.name"),
            "c.toml:14:15: `wide` cannot cover it: it has another `group_by`",
        ),
        (
            covered("wide"),
            format!("{cover}covered_by = \"two\"\n"),
            "c.toml:14:15: `wide` cannot cover it: it is covered itself",
        ),
        (covered("wide").replace("[\"wide\"]", "[7]"), cover, "`covered_by` must be a list of"),
    ] {
        let error = set(&covered, &cover).unwrap_err();
        assert!(error.contains(expected), "{expected}: {error}");
    }
}
