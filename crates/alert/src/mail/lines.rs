//! The lines of a mail's sections.

use detect::finding::FindingId;
use detect::rule::{Rating, Severity};
use detect::text::{time, wrap};
use jiff::Timestamp;

use super::{Item, rank};
use crate::commands::{ResponseStep, StepAction};
use crate::markdown::markdown_to_lines;

pub(super) const MAX_PARAGRAPH_LINES: usize = 5;
/// Lines of a sentence in a list.
const MAX_ENTRY_LINES: usize = 2;
/// Where a value stands that is a line of its own: not where commands stand.
const VALUE_INDENT: &str = "      ";
/// The longest line that SMTP allows has 998 bytes.
const MAX_LINE_BYTES: usize = 990;

/// Hexadecimal digits of a finding's id: enough to find it. The document has all 64.
const ID_DIGITS: usize = 8;

pub(crate) fn indented(text: &str) -> Vec<String> {
    wrap::hanging("  ", text)
}

/// An entry of a list, of at most two lines.
pub(crate) fn bullet(text: &str) -> Vec<String> {
    cap(wrap::hanging("  -  ", text), MAX_ENTRY_LINES)
}

/// An entry of up to three lines.
pub(crate) fn long_bullet(text: &str) -> Vec<String> {
    cap(wrap::hanging("  -  ", text), MAX_ENTRY_LINES + 1)
}

/// An entry below another one.
pub(crate) fn sub_bullet(text: &str) -> Vec<String> {
    cap(wrap::hanging("     - ", text), MAX_ENTRY_LINES + 1)
}

/// At most so many lines; the last one says that there was more.
pub(crate) fn cap(mut lines: Vec<String>, max: usize) -> Vec<String> {
    if lines.len() > max {
        lines.truncate(max);
        if let Some(last) = lines.last_mut() {
            while wrap::width(last) + 2 > wrap::COLUMNS {
                last.pop();
            }
            *last += " …";
        }
    }
    lines
}

/// `severity low, risk score 21`.
pub(crate) fn severity_in_words(rating: &Rating) -> String {
    format!("severity {}, risk score {}", rating.severity.as_str(), rating.risk_score)
}

/// Why the severity is not that of the rule. `None` if it is.
pub(crate) fn severity_reason(rating: &Rating, rule_severity: Severity) -> Option<String> {
    let reason = rating.reason.as_ref()?;
    let [severity, own] = [rating.severity, rule_severity].map(Severity::as_str);
    Some(format!("The severity is {severity}, not the rule's own {own}, since {reason}."))
}

/// `on …` or `between … and …`.
pub(crate) fn period(start: Timestamp, end: Timestamp) -> String {
    let [start_text, end_text] = [start, end].map(time::format_sentence_time);
    if start == end {
        format!("on {start_text}")
    } else {
        format!("between {start_text} and {end_text}")
    }
}

/// A row of the facts: a label and a cleaned value, on at most two lines. A name that is too long
/// for a line stands whole on a line of its own.
pub(crate) fn row(label: &str, value: &str) -> Vec<String> {
    row_after(format!("  {label:<9}  "), value)
}

/// The same for identifiers, whose labels have at most 7 characters: a finding's id fits.
pub(crate) fn reference_row(label: &str, value: &str) -> Vec<String> {
    row_after(format!("  {label:<7}  "), value)
}

fn row_after(prefix: String, value: &str) -> Vec<String> {
    let lines = wrap::hanging(&prefix, value);
    if lines.len() > 1 && is_whole(value) {
        return vec![prefix.trim_end().to_owned(), whole_line(value)];
    }
    cap(lines, MAX_ENTRY_LINES)
}

/// A place or a link on a line of its own, not where commands stand.
pub(crate) fn place_lines(place: &str) -> Vec<String> {
    match is_whole(place) {
        true => vec![whole_line(place)],
        false => cap(wrap::hanging(VALUE_INDENT, place), MAX_ENTRY_LINES),
    }
}

/// Returns true for what is of no use in two parts. It is one word, unless someone forged it.
fn is_whole(value: &str) -> bool {
    let starts = ["arn:", "s3://", "https://", "docs/"];
    let is_word = !value.contains(' ') && value.len() < MAX_LINE_BYTES;
    is_word && starts.iter().any(|start| value.starts_with(start))
}

fn whole_line(word: &str) -> String {
    format!("{VALUE_INDENT}{word}")
}

/// A list of counts and cleaned texts, the highest first, of at most `max` entries.
pub(crate) fn counts(mut entries: Vec<(usize, String)>, max: usize) -> Vec<Vec<String>> {
    entries.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    let entry = |(count, text): &(usize, String)| {
        cap(wrap::hanging(&format!("  {count:>6}  "), text), MAX_ENTRY_LINES)
    };
    let mut lines: Vec<Vec<String>> = entries.iter().take(max).map(entry).collect();
    if entries.len() > max {
        lines.push(vec![format!("  {:>6}  more", entries.len() - max)]);
    }
    lines
}

/// What is before the text in a list of events: time and id.
pub(crate) fn event_prefix(time: Option<Timestamp>, id: &FindingId) -> String {
    let time = time.map(short_time);
    let time = time.as_deref().unwrap_or("no time");
    format!("  {time:<14}  {}  ", short_id(id))
}

/// A time within the days that a mail is about.
pub(crate) fn short_time(time: Timestamp) -> String {
    time.strftime("%m-%d %H:%M:%S").to_string()
}

pub(crate) fn short_id(id: &FindingId) -> &str {
    &id.as_str()[..ID_DIGITS]
}

/// A list of items in Markdown.
pub(crate) fn bullets(items: &[String]) -> Vec<String> {
    items.iter().flat_map(|item| markdown_to_lines(&format!("- {}", item.trim()))).collect()
}

/// Checks, numbered.
pub(crate) fn check_items(steps: &[ResponseStep]) -> Vec<Item> {
    let items = numbered(steps, &rank::check, rank::FURTHER_CHECK);
    items.into_iter().map(Item::silent).collect()
}

/// What undoes a change, numbered: the order matters.
pub(crate) fn undo_items(steps: &[ResponseStep]) -> Vec<Item> {
    numbered(steps, &|_| rank::UNDO, rank::FURTHER_UNDO)
}

/// Steps in words and commands. Steps in a row with the same purpose stand below it: with the rank
/// `first` those that open it, with the rank `further` all others.
fn numbered(steps: &[ResponseStep], first: &dyn Fn(usize) -> u8, further: u8) -> Vec<Item> {
    let mut items: Vec<Item> = Vec::new();
    let mut previous: Option<&ResponseStep> = None;
    let mut purposes = 0;
    for step in steps {
        let action = action_lines(&step.action);
        if previous.is_none_or(|it| it.purpose != step.purpose) {
            let prefix = format!("  {}. ", purposes + 1);
            let purpose = cap(wrap::hanging(&prefix, &step.purpose), MAX_ENTRY_LINES);
            items.push(Item::new(first(purposes), [purpose, action].concat()));
            purposes += 1;
        } else if previous.is_none_or(|it| action_lines(&it.action) != action) {
            items.push(Item::new(further, action));
        }
        previous = Some(step);
    }
    items
}

/// A link or a command is never cut: it would be another one.
fn action_lines(action: &StepAction) -> Vec<String> {
    match action {
        StepAction::None => Vec::new(),
        StepAction::Open(url) => vec![format!("    {url}")],
        StepAction::Run(command) => match command.line() {
            Ok(line) => vec![format!("    {line}")],
            Err(reason) => {
                let text = format!("(No command: {reason}.)");
                cap(wrap::hanging("     ", &text), MAX_ENTRY_LINES)
            }
        },
    }
}
