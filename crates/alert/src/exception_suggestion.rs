//! A suggested exception: it suppresses the same call by the same principal on the same group, user
//! or policy.

use detect::finding::{GroupAction, canary};
use detect::rule::Severity;
use detect::rule::exception::PLACEHOLDER;
use detect::text::wrap;
use jiff::{SignedDuration, Timestamp};

use crate::call::AlertCall;
use crate::principal::field_condition;

/// Days from the alert to the last day of the exception, so that it ends within 90.
const VALID_DAYS: i64 = 89;
/// Two columns are left for a mail's indentation.
const MAX_COLUMNS: usize = wrap::COLUMNS - 2;
/// Lines of the whole table.
const MAX_LINES: usize = 10;

/// Lines that are not the query.
const OTHER_LINES: usize = 6;

const OPENING: &str = "query = \"\"\"";
const QUOTES: &str = "\"\"\"";

const TOO_LONG: &str = "it would be too long";

/// The lines of a TOML table for an exception file, or why there are none. At most ten, so that
/// the person who pastes it reads it. It expires within 90 days of `alerted_at`, or of the call if that is
/// not known.
pub(crate) fn exception_lines(
    call: AlertCall<'_>,
    alerted_at: Option<Timestamp>,
) -> Result<Vec<String>, &'static str> {
    refuse(call)?;
    let action = call.action().ok_or("the record does not name the call")?;
    let expires = alerted_at.or(call.time()).and_then(last_day);
    let expires = expires.ok_or("the record has no usable time")?;
    let target = target_conditions(call)?;
    let principals = call.principal().conditions();
    if principals.is_empty() {
        return Err("the record does not name the principal");
    }
    // The first condition is the plainest, the others are shorter.
    let query = principals.into_iter().find_map(|principal| {
        let conditions = [vec![principal], target.clone()].concat();
        query_lines(&conditions, MAX_LINES - OTHER_LINES)
    });
    let mut lines = vec![
        "[[exception]]".to_owned(),
        format!("name = \"{}\"", exception_name(call, action)),
        format!("rules = [{}]", basic_string(&call.finding.rule.id)),
    ];
    lines.extend(query.ok_or(TOO_LONG)?);
    lines.extend([
        format!("reason = \"{PLACEHOLDER}: why no alert is needed\""),
        format!("owner = \"{PLACEHOLDER}: who is responsible\""),
        format!("expires = {expires}"),
    ]);
    let fits = lines.iter().all(|line| line.len() <= MAX_COLUMNS);
    if fits { Ok(lines) } else { Err(TOO_LONG) }
}

/// Fails if the finding is not one to be used to.
fn refuse(call: AlertCall<'_>) -> Result<(), &'static str> {
    let finding = call.finding;
    if canary::is_canary(finding) {
        return Err("no exception matches a test");
    }
    if finding.conflict.is_some() {
        return Err("one of two records is forged");
    }
    if call.principal().identity_type() == "Root" {
        return Err("calls by the root user should always be noticed");
    }
    if finding.severity() > Severity::Medium {
        return Err("the severity is above medium");
    }
    if finding.privileged {
        return Err("the group is privileged by its name");
    }
    Ok(())
}

/// What the call is made on, and the call, as conditions in KQL. Names of groups match in any case.
fn target_conditions(call: AlertCall<'_>) -> Result<Vec<String>, &'static str> {
    let action = call.group_action();
    let mut conditions = Vec::new();
    if action.is_some() {
        let group = call.fields.text("group.name").ok_or("the record does not name the group")?;
        conditions.push(field_condition("group.name", group));
    }
    let fields = target_fields(action);
    let condition = |field: &&str| Some(field_condition(field, call.fields.text(field)?));
    let targets: Vec<String> = fields.iter().filter_map(condition).collect();
    if targets.is_empty() && !fields.is_empty() {
        return Err("the record does not say what the call was about");
    }
    conditions.extend(targets);
    conditions.push(word_condition("event.action", call.action().unwrap_or_default()));
    Ok(conditions)
}

/// The fields that say what a call on a group is about.
fn target_fields(action: Option<GroupAction>) -> &'static [&'static str] {
    match action {
        // A rule of one's own can be of any service.
        None => &["event.provider"],
        Some(GroupAction::Create | GroupAction::Delete) => &[],
        Some(GroupAction::Update) => &[
            "aws.cloudtrail.flattened.request_parameters.newGroupName",
            "aws.cloudtrail.flattened.request_parameters.newPath",
        ],
        Some(GroupAction::AddUser | GroupAction::RemoveUser) => &["user.target.name"],
        Some(GroupAction::AttachPolicy | GroupAction::DetachPolicy) => {
            &["aws.cloudtrail.flattened.request_parameters.policyArn"]
        }
        // A policy of the same name can allow anything.
        Some(GroupAction::PutPolicy) => {
            &["aws.cloudtrail.flattened.request_parameters.policyDocument"]
        }
        Some(GroupAction::DeletePolicy) => {
            &["aws.cloudtrail.flattened.request_parameters.policyName"]
        }
    }
}

/// A condition on a value that is a plain word, and needs no quotes.
fn word_condition(field: &str, value: &str) -> String {
    let is_word = value.len() > 3 && value.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if is_word { format!("{field}: {value}") } else { field_condition(field, value) }
}

/// The query as a multi-line basic string, in the plainest form that has at most `max` lines.
fn query_lines(conditions: &[String], max: usize) -> Option<Vec<String>> {
    let packed = |first_line: &str, last_line: &str| {
        let mut lines = pack(conditions, first_line.len(), last_line.len());
        lines[0].insert_str(0, first_line);
        lines.last_mut()?.push_str(last_line);
        Some(lines)
    };
    let on_lines_of_their_own = || {
        let lines = packed("", "")?;
        Some([vec![OPENING.to_owned()], lines, vec![QUOTES.to_owned()]].concat())
    };
    let opening_alone = || Some([vec![OPENING.to_owned()], packed("", QUOTES)?].concat());
    let one_text = || {
        let text = conditions.join(" and ");
        let mut lines = fold(&text, OPENING.len(), QUOTES.len());
        lines[0].insert_str(0, OPENING);
        lines.last_mut()?.push_str(QUOTES);
        Some(lines)
    };
    let fits = |lines: &Vec<String>| lines.len() <= max;
    on_lines_of_their_own()
        .filter(fits)
        .or_else(|| opening_alone().filter(fits))
        .or_else(|| packed(OPENING, QUOTES).filter(fits))
        .or_else(|| one_text().filter(fits))
}

/// As many conditions on a line as there is room for. `before` and `after` are columns of the first
/// and of the last line that are needed for something else. At least one line.
fn pack(conditions: &[String], before: usize, after: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for (nth, condition) in conditions.iter().enumerate() {
        let condition = if nth == 0 { condition.clone() } else { format!("and {condition}") };
        let escaped = condition.replace('\\', r"\\");
        let used = if lines.len() > 1 { 0 } else { before };
        match lines.last_mut() {
            Some(line) if used + line.len() + 1 + escaped.len() + after <= MAX_COLUMNS => {
                line.push(' ');
                line.push_str(&escaped);
            }
            _ => lines.extend(fold(&condition, if nth == 0 { before } else { 0 }, after)),
        }
    }
    lines
}

/// A text as lines of a multi-line basic string, in which a backslash at the end of a line removes
/// the line break and the spaces after it, so that a value may continue there. Quotes stay: a
/// condition never has three in a row. Further lines have no indentation, since the mail's commands
/// have one. At least one line. Source: <https://toml.io/en/v1.0.0#string>
fn fold(text: &str, before: usize, after: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for character in text.chars() {
        let used = if lines.is_empty() { before } else { 0 };
        // A space at the start of a line would be removed.
        if character != ' ' && used + line.len() + 3 + after > MAX_COLUMNS {
            lines.push(format!("{line}\\"));
            line.clear();
        }
        match character {
            '\\' => line += r"\\",
            _ => line.push(character),
        }
    }
    lines.push(line);
    lines
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
