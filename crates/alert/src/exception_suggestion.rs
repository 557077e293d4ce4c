//! A suggested exception: it suppresses the same call by the same principal.

use detect::text::wrap;
use jiff::{SignedDuration, Timestamp};

use crate::call::AlertCall;
use crate::principal::field_condition;

/// Days from the call to the last day of the exception, so that it ends within 90.
const VALID_DAYS: i64 = 89;
/// Two columns are left for a mail's indentation.
const MAX_COLUMNS: usize = wrap::COLUMNS - 2;
/// Bytes of all lines. What AWS's own limits allow is about half of it.
const MAX_BYTES: usize = 6 * 1024;

/// The lines of a TOML table for an exception file, or why there are none.
pub(crate) fn exception_lines(call: AlertCall<'_>) -> Result<Vec<String>, &'static str> {
    let principal = call.principal().conditions().into_iter().next();
    let principal = principal.ok_or("the record does not name the principal")?;
    let action = call.action().ok_or("the record does not name the call")?;
    let expires = call.time().and_then(last_day).ok_or("the record has no usable time")?;
    let mut lines = vec![
        "[[exception]]".to_owned(),
        format!("name = \"{}\"", exception_name(call, action)),
        format!("rules = [{}]", basic_string(&call.finding.rule.id)),
        "query = \"\"\"".to_owned(),
    ];
    lines.extend(fold_condition(&principal));
    for field in ["aws.cloudtrail.user_identity.type", "event.provider", "event.action"] {
        if let Some(value) = call.fields.text(field) {
            lines.extend(fold_condition(&format!("and {}", field_condition(field, value))));
        }
    }
    lines.extend([
        "\"\"\"".to_owned(),
        "reason = \"FILL IN: why no alert is needed\"".to_owned(),
        "owner = \"FILL IN: who is responsible\"".to_owned(),
        format!("expires = {expires}"),
    ]);
    let fits = lines.iter().map(String::len).sum::<usize>() <= MAX_BYTES
        && lines.iter().all(|line| line.len() <= MAX_COLUMNS);
    if fits { Ok(lines) } else { Err("it would be too long") }
}

/// `alice-CreateGroup-1a2b3c4d`: unique, since it ends with the finding's id.
fn exception_name(call: AlertCall<'_>, action: &str) -> String {
    let is_plain = |it: char| it.is_ascii_alphanumeric() || "@._".contains(it);
    let plain = |text: &str| -> String {
        text.chars().take(32).map(|it| if is_plain(it) { it } else { '-' }).collect()
    };
    let finding: String = call.finding.id.as_str().chars().take(8).collect();
    format!("{}-{}-{finding}", plain(call.principal().subject_name()), plain(action))
}

/// The date, in UTC. Returns `None` for a time outside of this century.
fn last_day(time: Timestamp) -> Option<String> {
    let last = time.checked_add(SignedDuration::from_hours(VALID_DAYS * 24)).ok()?;
    Some(last.strftime("%Y-%m-%d").to_string()).filter(|day| day.starts_with("20"))
}

fn basic_string(text: &str) -> String {
    let mut quoted = String::new();
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            ' '..='~' => quoted.push(character),
            _ => quoted += &format!("\\U{:08x}", u32::from(character)),
        }
    }
    format!("\"{quoted}\"")
}

/// A condition as lines of a multi-line basic string, in which a backslash at the end of a line
/// removes the line break and the spaces after it, so that a value may continue there. Quotes stay:
/// a condition never has three in a row. Further lines have no indentation, since the mail's
/// commands have one. Source: <https://toml.io/en/v1.0.0#string>
fn fold_condition(condition: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for character in condition.chars() {
        if line.len() + 2 >= MAX_COLUMNS {
            let slash = line.rfind('/').filter(|slash| *slash > MAX_COLUMNS / 3);
            let rest = line.split_off(slash.map_or(line.len(), |slash| slash + 1));
            lines.push(format!("{line}\\"));
            line = rest;
        }
        match character {
            '\\' => line += "\\\\",
            _ => line.push(character),
        }
    }
    lines.push(line);
    lines
}
