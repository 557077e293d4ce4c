//! The mail: the order of its sections, written once.
//!
//! Only headings start at the left edge; everything else is indented, so that no name can pass for
//! a heading.

use detect::finding::{Context, Origin};
use detect::text::{clean, wrap};

use super::call::AlertCall;
use super::commands::{How, Step};
use super::parts::Parts;
use super::{facts, guide, story};

/// Bytes of a section, so that no part of a mail takes the room of another. The longest guides are
/// 8 KB.
const LONGEST_SECTION: usize = 8 * 1024;

/// Characters of a value that are shown.
const LONGEST_VALUE: usize = 1_024;

/// The mail, ending with a line break.
pub(super) fn write(call: AlertCall<'_>, context: &Context, parts: &Parts<'_>) -> String {
    let rule = &call.finding.rule;
    let mut mail = lines_of(wrap::hanging("  ", &parts.sentence));
    mail.extend(story::first(context).map(|first| format!("\n  {first}\n")));
    for (heading, lines) in [
        ("LAST 48 HOURS", story::lines(call, context, &parts.story)),
        ("FACTS", facts::lines(call)),
        ("POLICY DOCUMENT", facts::policy(call)),
        ("WHAT TO CHECK", steps(&parts.check)),
        ("UNDO", steps(&parts.undo)),
        ("ABOUT THIS RULE", guide::lines(&rule.description)),
        ("INVESTIGATION GUIDE", rule.note.as_deref().map(guide::lines).unwrap_or_default()),
        ("FALSE POSITIVES", list(&rule.false_positives)),
        ("REFERENCES", list(&rule.references)),
        ("RAW RECORD", identifiers(call, &parts.raw_record)),
        ("SUGGESTED EXCEPTION", exception(&parts.exception)),
    ] {
        mail += &section(heading, lines);
    }
    mail
}

/// A mail of an introduction and sections.
pub(super) fn sections<const N: usize>(
    introduction: &str,
    sections: [(&str, Vec<String>); N],
) -> String {
    let introduction = lines_of(wrap::hanging("  ", introduction));
    sections
        .into_iter()
        .fold(introduction, |mail, (heading, lines)| mail + &section(heading, lines))
}

/// A section under its heading; nothing where it has no line.
fn section(heading: &str, lines: Vec<String>) -> String {
    if lines.is_empty() { String::new() } else { format!("\n{heading}\n{}", lines_of(lines)) }
}

/// The lines, each with its line break, as far as a section goes.
fn lines_of(lines: Vec<String>) -> String {
    let mut room = LONGEST_SECTION;
    let fitting = lines.iter().take_while(|line| {
        let fits = line.len() < room;
        room = room.saturating_sub(line.len() + 1);
        fits
    });
    let kept: Vec<String> = fitting.map(|line| format!("{line}\n")).collect();
    let mut text = kept.concat();
    if let cut @ 1.. = lines.len() - kept.len() {
        text += &format!("  … ({cut} lines cut)\n");
    }
    text
}

pub(super) fn steps(steps: &[Step]) -> Vec<String> {
    steps.iter().flat_map(step).collect()
}

fn step(step: &Step) -> Vec<String> {
    let mut lines = wrap::hanging("  - ", &step.purpose);
    match &step.how {
        How::Told => {}
        How::Open(url) => lines.extend(link(url)),
        How::Run(command) => match command.lines() {
            Ok(command) => lines.extend(command),
            Err(reason) => lines.extend(wrap::hanging("    ", &format!("(No command: {reason}.)"))),
        },
    }
    lines
}

/// A link is never cut, since it would be none. One that is too wide leads to the page above, and
/// says what to look for there; the whole one is in the document for machines.
fn link(url: &str) -> Vec<String> {
    let whole = format!("    {url}");
    match url.rsplit_once('/') {
        Some((page, name)) if wrap::width(&whole) > wrap::COLUMNS => {
            let mut lines = wrap::hanging("    ", &format!("then open {name}"));
            lines.insert(0, format!("    {page}"));
            lines
        }
        _ => vec![whole],
    }
}

pub(super) fn list(items: &[String]) -> Vec<String> {
    items.iter().flat_map(|item| guide::lines(&format!("- {}", item.trim()))).collect()
}

/// What finds the record again.
fn identifiers(call: AlertCall<'_>, raw_record: &[Step]) -> Vec<String> {
    let finding = call.finding;
    let (place, where_it_is) = match &finding.origin {
        Origin::Object { bucket, key, .. } => ("Object", format!("s3://{bucket}/{key}")),
        Origin::File { path, .. } => ("File", path.clone()),
        Origin::Inline { envelope, .. } => ("Inline", envelope.clone()),
    };
    let rows = [
        ("Event id", call.fields.text("event.id").unwrap_or("not recorded")),
        ("Request id", call.fields.text("aws.cloudtrail.request_id").unwrap_or("not recorded")),
        (place, &where_it_is),
        ("Record", &format!("number {}, counted from 0", finding.origin.record())),
        ("Rule id", &finding.rule.id),
        ("Finding id", finding.id.as_str()),
    ];
    let row = |(label, value): (&str, &str)| {
        wrap::hanging(&format!("  {label:<14}  "), &clean::text(value, LONGEST_VALUE))
    };
    rows.into_iter().flat_map(row).chain(steps(raw_record)).collect()
}

fn exception(lines: &Result<Vec<String>, &str>) -> Vec<String> {
    let lines = match lines {
        Ok(lines) => lines,
        Err(reason) => return wrap::hanging("  ", &format!("(No exception: {reason}.)")),
    };
    let purpose = "To suppress exactly this call by this principal in future, fill in the reason and the owner, and add \
                   the exception to a file of TRAILBELL_EXCEPTIONS. Validate it with trailbell exceptions check FILE.";
    let indented = lines.iter().map(|line| format!("  {line}"));
    wrap::hanging("  ", purpose).into_iter().chain([String::new()]).chain(indented).collect()
}
