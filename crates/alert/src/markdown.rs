//! Markdown as text that reads well in a plain mail: headings, lists, fenced code, `**bold**`, code
//! spans and links. Everything else is shown as written.

use detect::text::{clean, wrap};

const MAX_PARAGRAPH_CHARS: usize = 4_000;

/// Markdown as lines of text, cleaned, indented and wrapped.
pub fn markdown_to_lines(markdown: &str) -> Vec<String> {
    let mut renderer = Renderer::default();
    for line in markdown.lines() {
        renderer.push_line(line.trim_end());
    }
    renderer.finish_paragraph();
    let mut lines = renderer.lines;
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    lines
}

#[derive(Default)]
struct Renderer {
    lines: Vec<String>,
    /// What the open paragraph or list item starts with.
    prefix: String,
    /// The open paragraph or list item, not wrapped yet.
    paragraph: String,
    is_in_code: bool,
}

impl Renderer {
    fn push_line(&mut self, line: &str) {
        let text = line.trim_start();
        let indent = (line.len() - text.len()).min(wrap::COLUMNS / 2);
        if text.starts_with("```") {
            self.finish_paragraph();
            self.is_in_code = !self.is_in_code;
        } else if self.is_in_code {
            let code = clean::text(text, MAX_PARAGRAPH_CHARS);
            self.lines.extend(wrap::hanging(&" ".repeat(4 + indent), &code));
        } else if text.is_empty() {
            self.finish_paragraph();
            self.push_gap();
        } else if let Some(heading) = heading_text(text) {
            self.push_heading(heading);
        } else if let Some((marker, item)) = split_list_item(text) {
            self.finish_paragraph();
            self.prefix = format!("{}{marker} ", " ".repeat(2 + indent));
            self.paragraph = item.to_owned();
        } else {
            self.continue_paragraph(text);
        }
    }

    fn push_heading(&mut self, text: &str) {
        self.finish_paragraph();
        self.push_gap();
        let lines = wrap::hanging("  ", &clean::text(&render_inline(text), MAX_PARAGRAPH_CHARS));
        let width = lines.iter().map(|line| wrap::width(line)).max().unwrap_or(2) - 2;
        self.lines.extend(lines);
        self.lines.push(format!("  {}", "-".repeat(width)));
    }

    fn continue_paragraph(&mut self, text: &str) {
        if self.paragraph.is_empty() {
            self.prefix = "  ".to_owned();
        } else {
            self.paragraph.push(' ');
        }
        self.paragraph.push_str(text);
    }

    fn finish_paragraph(&mut self) {
        let text = render_inline(&std::mem::take(&mut self.paragraph));
        self.lines.extend(wrap::hanging(&self.prefix, &clean::text(&text, MAX_PARAGRAPH_CHARS)));
    }

    /// One empty line, never two, and none at the top.
    fn push_gap(&mut self) {
        if self.lines.last().is_some_and(|line| !line.is_empty()) {
            self.lines.push(String::new());
        }
    }
}

/// The text of `## Heading`.
fn heading_text(line: &str) -> Option<&str> {
    let text = line.strip_prefix('#')?.trim_start_matches('#');
    text.strip_prefix(' ').map(str::trim)
}

/// The marker and the text of `- item`, `* item` or `1. item`.
fn split_list_item(line: &str) -> Option<(&str, &str)> {
    let (marker, text) = line.split_once(' ')?;
    let is_number = |digits: &str| digits.len() <= 3 && digits.parse::<u16>().is_ok();
    match marker {
        "-" | "*" | "+" => Some(("-", text.trim_start())),
        _ if marker.strip_suffix('.').is_some_and(is_number) => Some((marker, text.trim_start())),
        _ => None,
    }
}

/// Code spans without their backticks; elsewhere bold without its stars, links as `text (url)`.
fn render_inline(text: &str) -> String {
    let mut plain = String::new();
    for (nth, span) in text.split('`').enumerate() {
        if nth % 2 == 1 {
            plain.push_str(span);
        } else {
            push_links(&mut plain, &span.replace("**", ""));
        }
    }
    plain
}

fn push_links(plain: &mut String, text: &str) {
    let mut rest = text;
    while let Some((before, label, url, after)) = split_link(rest) {
        plain.push_str(before);
        if label == url {
            plain.push_str(url);
        } else {
            plain.extend([label, " (", url, ")"]);
        }
        rest = after;
    }
    plain.push_str(rest);
}

/// The first `[label](url)`: the text before it, its two parts, the text after it.
fn split_link(text: &str) -> Option<(&str, &str, &str, &str)> {
    let middle = text.find("](")?;
    let start = text[..middle].rfind('[')?;
    let end = middle + text[middle..].find(')')?;
    Some((&text[..start], &text[start + 1..middle], &text[middle + 2..end], &text[end + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(markdown: &str, expected: &[&str]) {
        assert_eq!(markdown_to_lines(markdown), expected, "{markdown:?}");
    }

    #[test]
    fn markdown_becomes_text() {
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
    fn other_text_stays_as_written() {
        for text in ["a [b] (c)", "](x", "#tag", "-dash", "1.5 times", "[open](never", "2 * 3 * 4"]
        {
            check(text, &[&format!("  {text}")]);
        }
        check("", &[]);
        check("\n\n", &[]);
    }

    #[test]
    fn long_items_are_indented_when_wrapped() {
        let lines = markdown_to_lines(&format!("- {} {}", "a".repeat(70), "b".repeat(70)));
        assert_eq!(lines, [format!("  - {}", "a".repeat(70)), format!("  | {}", "b".repeat(70))]);
    }
}
