//! A rule's triage guide: Markdown made into text that reads well in a plain mail.
//!
//! Understood: headings, lists, fenced code, `**bold**`, code spans and links; anything else is
//! shown as written.

use detect::text::{clean, wrap};

/// Characters of a guide's line that are shown; more than anyone writes.
const LONGEST: usize = 4_000;

/// The guide as lines: cleaned, indented, wrapped.
pub(super) fn lines(markdown: &str) -> Vec<String> {
    let mut guide = Guide::default();
    for line in markdown.lines() {
        guide.take(line.trim_end());
    }
    guide.flush();
    guide
        .lines
        .truncate(guide.lines.iter().rposition(|line| !line.is_empty()).map_or(0, |last| last + 1));
    guide.lines
}

#[derive(Default)]
struct Guide {
    lines: Vec<String>,
    /// What the open paragraph or list item starts with.
    prefix: String,
    /// The open paragraph or list item, not wrapped yet.
    open: String,
    in_code: bool,
}

impl Guide {
    fn take(&mut self, line: &str) {
        let text = line.trim_start();
        if text.starts_with("```") {
            self.flush();
            self.in_code = !self.in_code;
        } else if self.in_code {
            let indent = (line.len() - text.len()).min(wrap::COLUMNS / 2);
            self.lines.extend(wrap::hanging(&" ".repeat(4 + indent), &clean::text(text, LONGEST)));
        } else if text.is_empty() {
            self.flush();
            self.gap();
        } else if let Some(heading) = heading(text) {
            self.heading(heading);
        } else if let Some((marker, item)) = item(text) {
            self.flush();
            let indent = (line.len() - text.len()).min(wrap::COLUMNS / 2);
            self.prefix = format!("{}{marker} ", " ".repeat(2 + indent));
            self.open = item.to_owned();
        } else {
            self.continue_with(text);
        }
    }

    fn heading(&mut self, text: &str) {
        self.flush();
        self.gap();
        let lines = wrap::hanging("  ", &clean::text(&inline(text), LONGEST));
        let underline = lines.iter().map(|line| wrap::width(line)).max().unwrap_or(2) - 2;
        self.lines.extend(lines);
        self.lines.push(format!("  {}", "-".repeat(underline)));
    }

    fn continue_with(&mut self, text: &str) {
        if self.open.is_empty() {
            self.prefix = "  ".to_owned();
        } else {
            self.open.push(' ');
        }
        self.open.push_str(text);
    }

    fn flush(&mut self) {
        let text = clean::text(&inline(&std::mem::take(&mut self.open)), LONGEST);
        self.lines.extend(wrap::hanging(&self.prefix, &text));
    }

    /// One empty line, never two, and none at the top.
    fn gap(&mut self) {
        if self.lines.last().is_some_and(|line| !line.is_empty()) {
            self.lines.push(String::new());
        }
    }
}

/// The text of `## Heading`.
fn heading(line: &str) -> Option<&str> {
    let text = line.trim_start_matches('#');
    (text.len() < line.len()).then(|| text.strip_prefix(' ')).flatten().map(str::trim)
}

/// The marker and the text of `- item`, `* item` or `1. item`.
fn item(line: &str) -> Option<(&str, &str)> {
    let (marker, text) = line.split_once(' ')?;
    let number = marker
        .strip_suffix('.')
        .is_some_and(|digits| digits.len() <= 3 && digits.parse::<u16>().is_ok());
    match marker {
        "-" | "*" | "+" => Some(("-", text.trim_start())),
        _ if number => Some((marker, text.trim_start())),
        _ => None,
    }
}

/// Code spans as they are, without their backticks; elsewhere bold without its stars, links as
/// `text (url)`.
fn inline(text: &str) -> String {
    let spans = text.split('`').enumerate();
    spans
        .map(
            |(index, span)| {
                if index % 2 == 1 { span.to_owned() } else { links(&span.replace("**", "")) }
            },
        )
        .collect()
}

fn links(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, label, url, after)) = next_link(rest) {
        plain.push_str(before);
        plain.push_str(&if label == url { url.to_owned() } else { format!("{label} ({url})") });
        rest = after;
    }
    plain + rest
}

/// The first `[label](url)`: what is before it, its parts, what is after it.
fn next_link(text: &str) -> Option<(&str, &str, &str, &str)> {
    let middle = text.find("](")?;
    let start = text[..middle].rfind('[')?;
    let end = middle + text[middle..].find(')')?;
    Some((&text[..start], &text[start + 1..middle], &text[middle + 2..end], &text[end + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(markdown: &str, expected: &[&str]) {
        assert_eq!(lines(markdown), expected, "{markdown:?}");
    }

    #[test]
    fn markdown_reads_well_as_text() {
        check("## Triage\n\nLook.\n", &["  Triage", "  ------", "", "  Look."]);
        check(
            "- one\n- two\n  - below\n1. first",
            &["  - one", "  - two", "    - below", "  1. first"],
        );
        check("* one\n  goes on\n\n\n\ntext\ngoes on", &["  - one goes on", "", "  text goes on"]);
        check("**Bold** and `a ** b`", &["  Bold and a ** b"]);
        check(
            "See [the page](https://example.com/a).",
            &["  See the page (https://example.com/a)."],
        );
        check("[https://example.com](https://example.com)", &["  https://example.com"]);
        check("```\nkeep  `this`\n```\ntext", &["    keep `this`", "  text"]);
    }

    #[test]
    fn what_is_no_markdown_stays_as_written() {
        for text in ["a [b] (c)", "](x", "#tag", "-dash", "1.5 times", "[open](never", "2 * 3 * 4"]
        {
            check(text, &[&format!("  {text}")]);
        }
        check("", &[]);
        check("\n\n", &[]);
    }

    #[test]
    fn long_items_hang() {
        let lines = lines(&format!("- {} {}", "a".repeat(80), "b".repeat(80)));
        assert_eq!(lines, [format!("  - {}", "a".repeat(80)), format!("    {}", "b".repeat(80))]);
    }
}
