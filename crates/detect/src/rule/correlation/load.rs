//! A correlation rule out of its file: the frame of every rule, and the table `[rule.correlation]`.

use std::sync::Arc;

use jiff::SignedDuration;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Condition, Correlation, RuleReference, SeverityRaise, Stage, is_known_field};
use crate::ecs;
use crate::rule::load::reader::Reader;
use crate::rule::load::{duration, file, query};
use crate::rule::{RuleInfo, RuleOrigin, Severity};

/// In `[rule.correlation]`.
const KEYS: [&str; 7] =
    ["condition", "field", "group_by", "rules", "severity_when", "timespan", "type"];

/// In `[[rule.correlation.severity_when]]`.
const RAISE_KEYS: [&str; 3] = ["query", "risk_score", "severity"];

/// What a rule of type `query` has, and a correlation has not.
const OF_QUERIES: [&str; 6] = ["from", "index", "interval", "language", "max_signals", "query"];

/// More rules than anyone correlates.
const MOST_STAGES: usize = 16;

const KINDS: &str = "`temporal`, `temporal_ordered`, `event_count` or `value_count`";

/// The correlation of a `[rule]` table; none where the reader found a problem.
pub(in crate::rule) fn read<'f>(
    reader: &mut Reader<'f>,
    rule: &DeTable<'f>,
    origin: RuleOrigin,
) -> Option<Correlation> {
    for key in OF_QUERIES {
        if let Some((key, _)) = rule.get_key_value(key) {
            reader.odd(key.span(), format!("`{}` means nothing in a correlation", key.get_ref()));
        }
    }
    let info = file::info(reader, rule);
    let Some((head, _)) = rule.get_key_value("correlation") else {
        reader.missing("correlation");
        return None;
    };
    let table = reader.table(rule, "correlation")?;
    reader.enter("[rule.correlation]", head.span());
    reader.check_keys(table, "[rule.correlation]", &KEYS);
    let timespan = timespan(reader, table);
    let condition = condition(reader, table);
    let stages = stages(reader, table, condition.as_ref());
    let group_by = group_by(reader, table);
    let raises = raises(reader, table, info.as_ref());
    let complete = reader.problems.is_empty();
    let (info, condition, timespan) = (Arc::new(info?), condition?, timespan?);
    complete.then_some(Correlation { info, condition, stages, group_by, timespan, raises, origin })
}

fn timespan<'f>(reader: &mut Reader<'f>, table: &DeTable<'f>) -> Option<SignedDuration> {
    reader.required(table, "timespan")?;
    let read = |text: &str| {
        let time = SignedDuration::try_from(duration::interval(text)?).ok()?;
        (time <= Correlation::MAX_TIMESPAN).then_some(time)
    };
    reader.read(
        table,
        "timespan",
        read,
        "a time such as `10m`, more than nothing and at most `48h`",
    )
}

fn condition<'f>(reader: &mut Reader<'f>, table: &DeTable<'f>) -> Option<Condition> {
    let kind = reader.required(table, "type")?;
    if !matches!(kind, "value_count") {
        not_here(reader, table, "field", kind);
    }
    match kind {
        "temporal" | "temporal_ordered" => {
            not_here(reader, table, "condition", kind);
            Some(if kind == "temporal" { Condition::All } else { Condition::Ordered })
        }
        "event_count" => least(reader, table).map(Condition::Events),
        "value_count" => {
            let field = reader.required(table, "field").map(str::to_owned);
            let known = field.filter(|_| check_field(reader, &table["field"]));
            known.zip(least(reader, table)).map(|(field, least)| Condition::Values(field, least))
        }
        _ => reader.read(table, "type", |_| None, KINDS),
    }
}

fn not_here<'f>(reader: &mut Reader<'f>, table: &DeTable<'f>, key: &str, kind: &str) {
    if let Some((key, _)) = table.get_key_value(key) {
        reader.problem(
            key.span(),
            format!("`{}` means nothing in a correlation of type `{kind}`", key.get_ref()),
        );
    }
}

/// Only "at least" can be decided while events still arrive.
fn least<'f>(reader: &mut Reader<'f>, table: &DeTable<'f>) -> Option<u32> {
    if !table.contains_key("condition") {
        reader.missing("condition");
    }
    let condition = reader.table(table, "condition")?;
    for key in condition.keys().filter(|key| key.get_ref() != "gte") {
        let message = format!(
            "`{}` cannot be used: only `gte` can be decided while events still arrive",
            key.get_ref()
        );
        reader.problem(key.span(), message);
    }
    if !condition.contains_key("gte") {
        reader.problem(table["condition"].span(), "`condition` must have a `gte`".to_owned());
    }
    reader.integer(condition, "gte", 1..=1_000)
}

fn stages<'f>(
    reader: &mut Reader<'f>,
    table: &DeTable<'f>,
    condition: Option<&Condition>,
) -> Vec<Stage> {
    let Some(value) = table.get("rules") else {
        reader.missing("rules");
        return Vec::new();
    };
    let Some(items) = value.get_ref().as_array() else {
        reader.wrong("rules", value, "a list of rules, by id or name");
        return Vec::new();
    };
    let stages: Vec<Stage> = items.iter().map(|item| stage(reader, item)).collect();
    let temporal = matches!(condition, Some(Condition::All | Condition::Ordered));
    let least = if temporal { 2 } else { 1 };
    if !(least..=MOST_STAGES).contains(&stages.len()) {
        reader.problem(
            value.span(),
            format!("`rules` must have {least} to {MOST_STAGES} elements here"),
        );
    }
    check_twice(reader, items);
    if temporal {
        stages
    } else {
        vec![Stage(stages.into_iter().flat_map(|stage| stage.0).collect())]
    }
}

/// One rule, or a list of alternatives.
fn stage(reader: &mut Reader<'_>, item: &Spanned<DeValue<'_>>) -> Stage {
    let references = names(item).map(|item| reference(reader, item)).collect::<Vec<_>>();
    if references.is_empty() {
        reader.wrong("rules", item, "a list of rules, by id or name, or of lists of alternatives");
    }
    Stage(references.into_iter().flatten().collect())
}

fn names<'v, 'f>(item: &'v Spanned<DeValue<'f>>) -> impl Iterator<Item = &'v Spanned<DeValue<'f>>> {
    item.get_ref().as_array().map_or(std::slice::from_ref(item), |items| &items[..]).iter()
}

fn reference(reader: &mut Reader<'_>, item: &Spanned<DeValue<'_>>) -> Option<RuleReference> {
    let Some(text) = item.get_ref().as_str().filter(|text| !text.trim().is_empty()) else {
        reader.wrong("rules", item, "a list of rules, by id or name, or of lists of alternatives");
        return None;
    };
    let position = reader.position(item.span());
    Some(RuleReference { rule: text.to_owned(), name: text.to_owned(), position })
}

/// One event must not make two stages by itself.
fn check_twice(reader: &mut Reader<'_>, items: &[Spanned<DeValue<'_>>]) {
    let all: Vec<&Spanned<DeValue<'_>>> = items.iter().flat_map(names).collect();
    for (at, item) in all.iter().enumerate() {
        if let Some(name) = item.get_ref().as_str()
            && all[..at].iter().any(|earlier| earlier.get_ref().as_str() == Some(name))
        {
            reader.problem(item.span(), format!("rule `{}` is named twice", name.escape_debug()));
        }
    }
}

fn group_by<'f>(reader: &mut Reader<'f>, table: &DeTable<'f>) -> Vec<String> {
    let fields = reader.strings(table, "group_by");
    let items = table.get("group_by").and_then(|value| value.get_ref().as_array());
    for item in items.into_iter().flat_map(|items| items.iter()) {
        check_field(reader, item);
    }
    fields
}

/// Whether records have the field; told where not.
fn check_field(reader: &mut Reader<'_>, value: &Spanned<DeValue<'_>>) -> bool {
    let Some(field) = value.get_ref().as_str().filter(|field| !is_known_field(field)) else {
        return true;
    };
    let hint = ecs::did_you_mean(field)
        .map(|meant| format!("; did you mean `{meant}`?"))
        .unwrap_or_default();
    reader
        .problem(value.span(), format!("no record has the field `{}`{hint}", field.escape_debug()));
    false
}

fn raises<'f>(
    reader: &mut Reader<'f>,
    table: &DeTable<'f>,
    info: Option<&RuleInfo>,
) -> Vec<SeverityRaise> {
    let Some(value) = table.get("severity_when") else { return Vec::new() };
    let Some(items) = value.get_ref().as_array() else {
        reader.wrong(
            "severity_when",
            value,
            "a list of tables, [[rule.correlation.severity_when]]",
        );
        return Vec::new();
    };
    let mut raises: Vec<SeverityRaise> = Vec::new();
    for item in items.iter() {
        let Some(table) = item.get_ref().as_table() else {
            reader.wrong(
                "severity_when",
                item,
                "a list of tables, [[rule.correlation.severity_when]]",
            );
            continue;
        };
        reader.enter("[[rule.correlation.severity_when]]", item.span());
        reader.check_keys(table, "[[rule.correlation.severity_when]]", &RAISE_KEYS);
        let Some(raise) = raise(reader, table) else { continue };
        let above = |severity: Severity| raise.severity > severity;
        if !info.is_none_or(|info| above(info.severity))
            || raises.iter().any(|it| it.severity == raise.severity)
        {
            let message = "`severity` must be above that of the rule, and each may be reached in one way only";
            reader.problem(table["severity"].span(), message.to_owned());
        }
        raises.push(raise);
    }
    raises
}

fn raise<'f>(reader: &mut Reader<'f>, table: &DeTable<'f>) -> Option<SeverityRaise> {
    let query = query::read_for(reader, table, &is_known_field);
    let severity = file::severity(reader, table);
    let risk_score = file::risk_score(reader, table);
    Some(SeverityRaise { query: query?, severity: severity?, risk_score: risk_score? })
}
