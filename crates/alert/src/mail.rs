//! The text of a mail: an introduction, then sections.
//!
//! Only headings start at the left edge. Everything else is indented, so that no name can pass for
//! a heading.

use detect::finding::FindingId;
use detect::rule::{Rating, RuleInfo, Severity};
use detect::text::{time, wrap};
use jiff::Timestamp;

use crate::commands::{ResponseStep, StepAction};
use crate::markdown::markdown_to_lines;

/// Bytes of a section, so that none takes the room of another. The longest guides are 8 KB.
const MAX_SECTION_BYTES: usize = 8 * 1024;

/// Hexadecimal digits of a finding's id: enough to find it. The document has all 64.
const ID_DIGITS: usize = 8;

/// The heading of a list of events, see [`event_prefix`].
pub(crate) const EVENT_COLUMNS: &str = "  Time (UTC)           Finding   What";

#[derive(Default)]
pub(crate) struct Mail {
    text: String,
}

impl Mail {
    pub(crate) fn new(introduction: &str) -> Mail {
        let mut mail = Mail { text: String::new() };
        mail.push_lines(&indented(introduction), MAX_SECTION_BYTES);
        mail
    }

    pub(crate) fn paragraph(mut self, lines: &[String]) -> Mail {
        self.text.push('\n');
        self.push_lines(lines, MAX_SECTION_BYTES);
        self
    }

    /// Adds nothing if there are no lines.
    pub(crate) fn section(self, heading: &str, lines: Vec<String>) -> Mail {
        self.section_of(MAX_SECTION_BYTES, heading, lines)
    }

    /// As [`Mail::section`], with another limit.
    pub(crate) fn section_of(mut self, max: usize, heading: &str, lines: Vec<String>) -> Mail {
        if !lines.is_empty() {
            self.text.extend(["\n", heading, "\n"]);
            self.push_lines(&lines, max);
        }
        self
    }

    /// What the author of a rule wrote about it.
    pub(crate) fn rule_sections(self, rule: &RuleInfo) -> Mail {
        let guide = rule.note.as_deref().map(markdown_to_lines).unwrap_or_default();
        self.section("ABOUT THIS RULE", markdown_to_lines(&rule.description))
            .section("INVESTIGATION GUIDE", guide)
            .section("FALSE POSITIVES", bullets(&rule.false_positives))
            .section("REFERENCES", bullets(&rule.references))
    }

    pub(crate) fn prepend(&mut self, paragraphs: &[&str]) {
        let mail = std::mem::take(&mut self.text);
        for paragraph in paragraphs {
            self.push_lines(&indented(paragraph), MAX_SECTION_BYTES);
            self.text.push('\n');
        }
        self.text += &mail;
    }

    /// The mail, ending with a line break.
    pub(crate) fn into_text(self) -> String {
        self.text
    }

    fn push_lines(&mut self, lines: &[String], max: usize) {
        let end = self.text.len() + max;
        for (nth, line) in lines.iter().enumerate() {
            if self.text.len() + line.len() >= end {
                self.text += &format!("  … ({} lines cut)\n", lines.len() - nth);
                return;
            }
            self.text += line;
            self.text.push('\n');
        }
    }
}

pub(crate) fn indented(text: &str) -> Vec<String> {
    wrap::hanging("  ", text)
}

/// ` (severity low, risk score 21 of 100)`, and why the severity is not that of the rule.
pub(crate) fn severity_note(rating: &Rating, rule_severity: Severity) -> String {
    let Rating { severity, risk_score, reason } = rating;
    let why = reason
        .as_ref()
        .map(|reason| format!("; the rule's own is {}, since {}", rule_severity.as_str(), reason));
    let why = why.unwrap_or_default();
    format!(" (severity {}, risk score {risk_score} of 100{why})", severity.as_str())
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

/// A table of labels and cleaned values.
pub(crate) fn table<'a>(rows: impl IntoIterator<Item = (&'a str, String)>) -> Vec<String> {
    let row = |(label, value): (&str, String)| wrap::hanging(&format!("  {label:<14}  "), &value);
    rows.into_iter().flat_map(row).collect()
}

/// What is before the text in a list of events: time and id.
pub(crate) fn event_prefix(time: Option<Timestamp>, id: &FindingId) -> String {
    let time = time.map(|time| time.strftime("%Y-%m-%d %H:%M:%S").to_string());
    let time = time.as_deref().unwrap_or("not recorded");
    format!("  {time:<19}  {}  ", short_id(id))
}

pub(crate) fn short_id(id: &FindingId) -> &str {
    &id.as_str()[..ID_DIGITS]
}

/// A list of counts and cleaned texts, the highest first, of at most `max` entries.
pub(crate) fn counts(mut entries: Vec<(usize, String)>, max: usize) -> Vec<String> {
    entries.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    let entry = |(count, text): &(usize, String)| wrap::hanging(&format!("  {count:>6}  "), text);
    let mut lines: Vec<String> = entries.iter().take(max).flat_map(entry).collect();
    if entries.len() > max {
        lines.push(format!("  {:>6}  more", entries.len() - max));
    }
    lines
}

/// A list of items in Markdown.
pub(crate) fn bullets(items: &[String]) -> Vec<String> {
    items.iter().flat_map(|item| markdown_to_lines(&format!("- {}", item.trim()))).collect()
}

pub(crate) fn steps(steps: &[ResponseStep]) -> Vec<String> {
    steps.iter().flat_map(step).collect()
}

fn step(step: &ResponseStep) -> Vec<String> {
    let mut lines = wrap::hanging("  - ", &step.purpose);
    lines.extend(match &step.action {
        StepAction::None => Vec::new(),
        StepAction::Open(url) => link(url),
        StepAction::Run(command) => command
            .lines()
            .unwrap_or_else(|reason| wrap::hanging("    ", &format!("(No command: {reason}.)"))),
    });
    lines
}

/// A cut link would not work. For one that is too wide, the mail has the page above and what to
/// open there; the document has the whole link.
fn link(url: &str) -> Vec<String> {
    let whole = format!("    {url}");
    match url.rsplit_once('/') {
        Some((page, name)) if wrap::width(&whole) > wrap::COLUMNS => {
            let mut lines = vec![format!("    {page}")];
            lines.extend(wrap::hanging("    ", &format!("then open {name}")));
            lines
        }
        _ => vec![whole],
    }
}
