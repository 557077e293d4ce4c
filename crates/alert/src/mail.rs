//! The text of a mail: an introduction, then sections, in at most 60 lines of at most 76 columns.
//!
//! Only headings start at the left edge. Everything else is indented, so that no name can pass for
//! a heading. If there is more than fits, the least important lines are left out.

mod item;
mod lines;

use std::cmp::Reverse;

use detect::rule::RuleInfo;

pub(crate) use item::{Item, items, rank};
pub(crate) use lines::*;

use crate::markdown::markdown_to_lines;

/// Lines of a mail without the rule's guide. With the line that says where its page is, 60.
const MAX_LINES: usize = 59;

/// Bytes of a section of the guide. The longest guides are 8 KB.
const MAX_GUIDE_BYTES: usize = 8 * 1024;

#[derive(Default)]
pub(crate) struct Mail {
    paragraphs: Vec<Vec<String>>,
    sections: Vec<Section>,
}

struct Section {
    heading: &'static str,
    items: Vec<Item>,
}

impl Mail {
    /// Starts with a sentence or two, cleaned.
    pub(crate) fn new(introduction: &str) -> Mail {
        Mail::default().paragraph(introduction)
    }

    pub(crate) fn paragraph(mut self, text: &str) -> Mail {
        self.paragraphs.push(paragraph_lines(text));
        self
    }

    /// Adds nothing if there are no items.
    pub(crate) fn section(mut self, heading: &'static str, items: Vec<Item>) -> Mail {
        if !items.is_empty() {
            self.sections.push(Section { heading, items });
        }
        self
    }

    pub(crate) fn prepend(&mut self, paragraphs: &[&str]) {
        let before = paragraphs.iter().map(|text| paragraph_lines(text));
        self.paragraphs.splice(0..0, before);
    }

    /// The mail, ending with a line break.
    pub(crate) fn into_text(mut self) -> String {
        self.fit();
        let mut text = String::new();
        let paragraphs = self.paragraphs.iter().map(|lines| lines.join("\n"));
        let sections = self.sections.iter().filter_map(Section::text);
        for (nth, part) in paragraphs.chain(sections).enumerate() {
            if nth > 0 {
                text.push('\n');
            }
            text += &part;
            text.push('\n');
        }
        text
    }

    /// Leaves out the least important items until the mail is short enough; of equally important
    /// ones the last first. Then puts back what there is room for after all, the most important
    /// first.
    fn fit(&mut self) {
        if self.line_count() <= MAX_LINES {
            return;
        }
        let indexes = self.sections.iter().enumerate().flat_map(|(section, it)| {
            it.items.iter().enumerate().map(move |(item, it)| (it.rank, section, item))
        });
        let mut candidates: Vec<_> = indexes.filter(|(rank, ..)| *rank < rank::KEEP).collect();
        candidates.sort_by_key(|(rank, section, item)| (*rank, Reverse(*section), Reverse(*item)));
        let mut left_out = Vec::new();
        for (_, section, item) in candidates {
            if self.line_count() <= MAX_LINES {
                break;
            }
            self.sections[section].items[item].is_left_out = true;
            left_out.push((section, item));
        }
        for (section, item) in left_out.into_iter().rev() {
            self.sections[section].items[item].is_left_out = false;
            let fits = self.line_count() <= MAX_LINES;
            self.sections[section].items[item].is_left_out = !fits;
        }
    }

    fn line_count(&self) -> usize {
        let paragraphs = self.paragraphs.iter().map(|lines| lines.len() + 1);
        let sections = self.sections.iter().map(|section| match section.line_count() {
            0 => 0,
            lines => lines + 2,
        });
        (paragraphs.sum::<usize>() + sections.sum::<usize>()).saturating_sub(1)
    }
}

impl Section {
    /// The lines below the heading. None if all items are left out.
    fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let mut left_out = 0;
        for item in &self.items {
            match item.is_left_out {
                true => left_out += item.entries,
                false => {
                    lines.extend(left_out_line(std::mem::take(&mut left_out)));
                    lines.extend(item.lines.iter().cloned());
                }
            }
        }
        let shows_any = self.items.iter().any(|item| !item.is_left_out);
        lines.extend(left_out_line(left_out).filter(|_| shows_any));
        lines
    }

    fn line_count(&self) -> usize {
        let mut count = 0;
        let mut is_in_gap = false;
        for item in &self.items {
            if !item.is_left_out {
                count += item.lines.len() + usize::from(std::mem::take(&mut is_in_gap));
            } else {
                is_in_gap |= item.entries > 0;
            }
        }
        if count == 0 { 0 } else { count + usize::from(is_in_gap) }
    }

    fn text(&self) -> Option<String> {
        let lines = self.lines();
        (!lines.is_empty()).then(|| format!("{}\n{}", self.heading, lines.join("\n")))
    }
}

fn left_out_line(count: usize) -> Option<String> {
    (count > 0).then(|| format!("    … {count} more"))
}

fn paragraph_lines(text: &str) -> Vec<String> {
    cap(indented(text), MAX_PARAGRAPH_LINES)
}

/// Adds a line with the place of the alert's page to the last paragraph before the sections.
pub(crate) fn insert_page(text: &mut String, place: &str) {
    let is_heading = |line: &&str| line.starts_with(|first: char| first.is_ascii_uppercase());
    let paragraphs: usize =
        text.split_inclusive('\n').take_while(|it| !is_heading(it)).map(str::len).sum();
    let end = text[..paragraphs].trim_end().len();
    text.insert_str(end, &format!("\n  Page: {place}"));
}

/// What the author of a rule wrote about it, for a mail with the guide.
pub(crate) fn guide_text(rule: &RuleInfo) -> String {
    let guide = rule.note.as_deref().map(markdown_to_lines).unwrap_or_default();
    [
        ("ABOUT THIS RULE", markdown_to_lines(&rule.description)),
        ("INVESTIGATION GUIDE", guide),
        ("FALSE POSITIVES", bullets(&rule.false_positives)),
        ("REFERENCES", bullets(&rule.references)),
    ]
    .into_iter()
    .filter(|(_, lines)| !lines.is_empty())
    .map(|(heading, lines)| format!("\n{heading}\n{}", cut_to(MAX_GUIDE_BYTES, &lines)))
    .collect()
}

/// The lines that fit into so many bytes.
fn cut_to(max: usize, lines: &[String]) -> String {
    let mut text = String::new();
    for (nth, line) in lines.iter().enumerate() {
        if text.len() + line.len() >= max {
            text += &format!("  … ({} lines cut)\n", lines.len() - nth);
            break;
        }
        text += line;
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered(prefix: &str, count: usize, rank: u8) -> Vec<Item> {
        (0..count).map(|nth| Item::new(rank, vec![format!("  {prefix}{nth}")])).collect()
    }

    #[test]
    fn the_least_important_lines_are_left_out_and_counted() {
        let mail = Mail::new("Sentence.")
            .section("FIRST", numbered("a", 40, 7))
            .section("SECOND", numbered("b", 40, 9))
            .section("LAST", numbered("c", 2, 1))
            .into_text();
        let lines: Vec<&str> = mail.lines().collect();
        assert_eq!(lines.len(), MAX_LINES);
        assert_eq!(&lines[..4], ["  Sentence.", "", "FIRST", "  a0"]);
        assert_eq!(&lines[15..19], ["  a12", "    … 27 more", "", "SECOND"]);
        assert!(lines.ends_with(&["  b39"]) && !mail.contains("LAST"), "{mail}");
    }

    #[test]
    fn what_is_left_out_side_by_side_is_one_number() {
        let with_more = |count| [numbered("a", count, 7), vec![Item::left_out(900)]].concat();
        let mail = |count| Mail::new("Sentence.").section("FIRST", with_more(count)).into_text();
        assert!(mail(8).ends_with("  a7\n    … 900 more\n"), "{}", mail(8));
        assert!(mail(100).ends_with("  a54\n    … 945 more\n"), "{}", mail(100));
    }

    #[test]
    fn a_mail_that_fits_is_left_alone() {
        let mail = Mail::new("Sentence.").section("FIRST", numbered("a", 56, 1)).into_text();
        assert_eq!(mail.lines().count(), MAX_LINES);
        assert!(!mail.contains('…'));
    }
}
