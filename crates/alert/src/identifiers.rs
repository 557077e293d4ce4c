//! The rule of an alert: its name and version, what it is about, tags and ATT&CK, and where its
//! guide is.

use detect::rule::{RuleInfo, guide_page};
use detect::text::{clean, shell, wrap};

use crate::mail::{self, Item, rank};

const MAX_NAME_CHARS: usize = 128;
const MAX_SENTENCE_CHARS: usize = 240;

/// They end no sentence.
const ABBREVIATIONS: [&str; 5] = ["e.g.", "i.e.", "etc.", "vs.", "cf."];

/// Tags of Elastic's that say nothing of the event.
const EMPTY_TAGS: [&str; 4] = ["Elastic", "has_guide", "Continuous Monitoring", "SecOps"];

pub(crate) fn rule_items(rule: &RuleInfo) -> Vec<Item> {
    let lines = [rule_lines(rule), guide_lines(rule), tag_lines(rule)];
    mail::items(rank::IDENTIFIER, lines.into_iter().filter(|lines| !lines.is_empty()))
}

/// The first sentence of the rule's description. `None` if there is none.
pub(crate) fn about_rule(rule: &RuleInfo) -> Option<String> {
    let mut words = rule.description.split_whitespace().peekable();
    let mut sentence = String::new();
    while let Some(word) = words.next().filter(|_| sentence.len() < MAX_SENTENCE_CHARS) {
        sentence += if sentence.is_empty() { "" } else { " " };
        sentence += word;
        let is_abbreviation = ABBREVIATIONS.iter().any(|it| word.ends_with(it));
        let is_followed = |next: &&str| next.starts_with(char::is_lowercase);
        if word.ends_with(['.', '!', '?'])
            && !is_abbreviation
            && !words.peek().is_some_and(is_followed)
        {
            break;
        }
    }
    (!sentence.is_empty()).then(|| clean::text(&sentence, MAX_SENTENCE_CHARS))
}

/// Returns true if the rule is one of ours.
pub(crate) fn is_built_in(rule: &RuleInfo) -> bool {
    guide_page(&rule.id).is_some()
}

/// The rule's name, as the command that shows the rule. The id stands for a name that is too long.
fn rule_lines(rule: &RuleInfo) -> Vec<String> {
    let command =
        |name: &String| Some(format!("trailbell rules show {}", shell::quote_word(name).ok()?));
    let by_name = command(&rule.name).map(|command| mail::reference_row("Rule", &command));
    by_name.filter(|lines| lines.len() == 1).unwrap_or_else(|| {
        let mut lines = mail::reference_row("Rule", &clean::text(&rule.name, MAX_NAME_CHARS));
        let by_id = command(&rule.id).map(|command| format!("    {command}"));
        lines.extend(by_id.filter(|line| wrap::width(line) <= wrap::COLUMNS));
        lines
    })
}

/// The page about a rule of ours.
fn guide_lines(rule: &RuleInfo) -> Vec<String> {
    let Some(page) = guide_page(&rule.id) else { return Vec::new() };
    let page = format!("docs/rules/{page}.md");
    let version = rule.version.map(|version| format!("{page} (version {version})"));
    let lines = version.map(|text| mail::reference_row("Guide", &text));
    lines.filter(|it| it.len() == 1).unwrap_or_else(|| mail::reference_row("Guide", &page))
}

/// ATT&CK and tags on one line, as many as fit.
fn tag_lines(rule: &RuleInfo) -> Vec<String> {
    let mut words = attack_ids(rule);
    let tag = |tag: &String| {
        let tag = tag.split_once(": ").map_or(&**tag, |(_, tag)| tag);
        clean::text(tag, MAX_NAME_CHARS)
    };
    let is_known = |tag: &&String| !EMPTY_TAGS.contains(&tag.as_str()) && !is_about_guide(tag);
    for word in rule.tags.iter().filter(is_known).map(tag) {
        if !words.contains(&word) {
            words.push(word);
        }
    }
    if words.is_empty() {
        return Vec::new();
    }
    let mut line = String::new();
    for word in words {
        let separator = if line.is_empty() { "" } else { ", " };
        let longer = format!("{line}{separator}{word}");
        if mail::reference_row("Tags", &longer).len() > 1 {
            break;
        }
        line = longer;
    }
    mail::reference_row("Tags", &line)
}

fn is_about_guide(tag: &str) -> bool {
    tag == "Resources: Investigation Guide"
}

/// Tactics and techniques, each once; of a technique with subtechniques only these.
fn attack_ids(rule: &RuleInfo) -> Vec<String> {
    let mut ids = Vec::new();
    let tactics = rule.threat.iter().map(|threat| &threat.tactic.id);
    let techniques = rule.threat.iter().flat_map(|threat| &threat.technique);
    let techniques = techniques.flat_map(|technique| match &technique.subtechnique[..] {
        [] => std::slice::from_ref(technique),
        subtechniques => subtechniques,
    });
    for id in tactics.chain(techniques.map(|technique| &technique.id)) {
        let id = clean::text(id, MAX_NAME_CHARS);
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    let has_part = |id: &String| ids.iter().any(|it: &String| it.starts_with(&format!("{id}.")));
    let whole: Vec<String> = ids.iter().filter(|id| has_part(id)).cloned().collect();
    ids.retain(|id| !whole.contains(id));
    ids
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_sentence_says_what_a_rule_is_about() {
        let rule = crate::tests::fixture::rule();
        for (description, expected) in [
            ("", None),
            (" \n", None),
            ("d", Some("d")),
            ("One.", Some("One.")),
            ("One\n  line. Two lines.", Some("One line.")),
            (
                "Calls, e.g. List, of s3.amazonaws.com. Others.",
                Some("Calls, e.g. List, of s3.amazonaws.com."),
            ),
            ("Keys, i.e. Those of users. Others.", Some("Keys, i.e. Those of users.")),
            ("Version 1. of it! Now.", Some("Version 1. of it!")),
            ("a\u{202e}b\u{7}. C", Some("a\\u{202e}b\\u{7}.")),
        ] {
            let rule = RuleInfo { description: description.to_owned(), ..rule.clone() };
            assert_eq!(about_rule(&rule).as_deref(), expected, "{description:?}");
        }
        for long in ["x".repeat(300_000), "x ".repeat(300_000)] {
            let rule = RuleInfo { description: long, ..rule.clone() };
            assert!(about_rule(&rule).unwrap().len() < 300);
        }
    }
}
