//! An exception for what was found, ready to paste: the same caller making the same call does not
//! alert again.

use detect::text::wrap;
use jiff::{SignedDuration, Timestamp};

use super::call::AlertCall;
use super::caller;
use super::identity::Identity;

/// The last day that an exception proposes is so many days after the call, so that it ends within
/// 90.
const DAYS: i64 = 89;

/// Columns of a line: two are kept for a mail's indentation.
const COLUMNS: usize = wrap::COLUMNS - 2;

/// Bytes of all lines. The longest that AWS's own limits allow is about half of it.
const LONGEST: usize = 6 * 1024;

/// The lines of a TOML table for an exception file, or why there are none.
pub(super) fn lines(call: AlertCall<'_>) -> Result<Vec<String>, &'static str> {
    let condition = caller::conditions(call)
        .into_iter()
        .next()
        .ok_or("the record does not name the principal")?;
    let action = call.action().ok_or("the record does not name the call")?;
    let expires = call.time().and_then(last_day).ok_or("the record has no usable time")?;
    let also = |field: &str, value: &str| format!("and {}", caller::condition(field, value));
    let provider =
        call.fields.text("event.provider").map(|provider| also("event.provider", provider));
    let of_type = call.fields.text("aws.cloudtrail.user_identity.type");
    let of_type = of_type.map(|kind| also("aws.cloudtrail.user_identity.type", kind));
    let query = [Some(condition), of_type, provider, Some(also("event.action", action))];
    let mut lines = vec![
        "[[exception]]".to_owned(),
        format!("name = \"{}\"", name(call, action)),
        format!("rules = [{}]", basic_string(&call.finding.rule.id)),
        "query = \"\"\"".to_owned(),
    ];
    lines.extend(query.iter().flatten().flat_map(|part| folded(part)));
    lines.extend([
        "\"\"\"".to_owned(),
        "reason = \"FILL IN: why no alert is needed\"".to_owned(),
        "owner = \"FILL IN: who is responsible\"".to_owned(),
        format!("expires = {expires}"),
    ]);
    let fits = lines.iter().map(String::len).sum::<usize>() <= LONGEST
        && lines.iter().all(|line| line.len() <= COLUMNS);
    if fits { Ok(lines) } else { Err("it would be too long") }
}

/// `alice-CreateGroup-1a2b3c4d`: of the finding, so that no two exceptions are called the same.
fn name(call: AlertCall<'_>, action: &str) -> String {
    let plain = |text: &str| -> String {
        let shown = |character: char| {
            if character.is_ascii_alphanumeric() || "@._".contains(character) {
                character
            } else {
                '-'
            }
        };
        text.chars().take(32).map(shown).collect()
    };
    let finding: String = call.finding.id.as_str().chars().take(8).collect();
    format!("{}-{}-{finding}", plain(Identity::of(call).short()), plain(action))
}

/// The date, in UTC; absent for a time that no trail can have.
fn last_day(time: Timestamp) -> Option<String> {
    let last = time
        .checked_add(SignedDuration::from_hours(DAYS * 24))
        .ok()?
        .strftime("%Y-%m-%d")
        .to_string();
    last.starts_with("20").then_some(last)
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

/// A condition as lines of a multi-line basic string. In such a string a backslash at the end of a
/// line takes the line break and the indentation after it away, so a value may go on there. Quotes
/// stay: a condition never has three in a row. Source: <https://toml.io/en/v1.0.0#string>
fn folded(condition: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for character in condition.chars() {
        if line.len() + 2 >= COLUMNS {
            let keep = line
                .rfind('/')
                .filter(|slash| *slash > COLUMNS / 3)
                .map_or(line.len(), |slash| slash + 1);
            let rest = line.split_off(keep);
            lines.push(format!("{line}\\"));
            line = format!("  {rest}");
        }
        match character {
            '\\' => line += "\\\\",
            _ => line.push(character),
        }
    }
    lines.push(line);
    lines
}
