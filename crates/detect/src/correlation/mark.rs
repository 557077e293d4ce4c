//! Marks: what a finding leaves for a correlation. A mark is a key without content, and marks are
//! read by listing keys.

use jiff::Timestamp;

use crate::finding::{FindingId, format_compact_time, parse_compact_time};
use crate::rule::Severity;

/// Hexadecimal digits of a hash in a key. 64 bits distinguish the rules, events and values of one
/// folder.
const HASH_DIGITS: usize = 16;

/// A finding as a correlation sees it. The key names of one rule sort by time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    /// When the call was made, in whole seconds.
    pub time: Timestamp,
    /// The hash of the rule's id.
    pub rule: String,
    /// The severity to which the finding raises its correlation.
    pub raised: Option<Severity>,
    /// The hash of the event: two rules that match one event leave two marks of it.
    pub event: String,
    /// The hash of the value that `value_count` counts.
    pub value: Option<String>,
    /// The other folder, if the finding renames what the folder is about.
    pub link: Option<Link>,
    /// The hash of what the call was made on: a call that is repeated has the same.
    pub target: String,
    /// The finding's id.
    pub finding: FindingId,
}

/// The other folder of a renaming.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Link {
    /// This folder is of the new name, the other of the old one.
    From(String),
    /// This folder is of the old name, the other of the new one.
    To(String),
}

/// The hash of some texts, 16 hexadecimal digits.
pub(super) fn short_hash<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    FindingId::hash_parts(parts).as_str()[..HASH_DIGITS].to_owned()
}

impl Mark {
    /// The hash by which marks name a rule.
    pub fn rule_hash(rule_id: &str) -> String {
        short_hash([rule_id])
    }

    /// In place of a rule's hash in marks of a step of its sequence.
    pub fn step_hash(rule_id: &str, step: usize) -> String {
        short_hash(["step", rule_id, &step.to_string()])
    }

    /// In place of a rule's hash in marks that only link two folders: those of a renaming whose own
    /// rule is not correlated.
    pub fn renaming_hash() -> String {
        short_hash(["", "renaming"])
    }

    /// What follows the rule in the key names of marks at this time; they sort by it.
    pub fn time_prefix(time: Timestamp) -> String {
        format_compact_time(time)
    }

    /// Tells its event from all others of a folder; events sort by it in the order of time.
    pub fn event_key(&self) -> String {
        format!("{}-{}", Mark::time_prefix(self.time), self.event)
    }

    /// The last parts of the mark's key: the rule's hash, and in its folder letters, digits and
    /// `-`, 121 to 159 characters.
    pub fn key_name(&self) -> String {
        let time = Mark::time_prefix(self.time);
        let Mark { rule, event, target, finding, .. } = self;
        let raised = self.raised.map_or("0", Severity::as_str);
        let value = self.value.as_deref().unwrap_or("0");
        let link = match &self.link {
            None => "0".to_owned(),
            Some(Link::From(other)) => format!("f{other}"),
            Some(Link::To(other)) => format!("t{other}"),
        };
        format!("{rule}/{time}-{raised}-{event}-{value}-{link}-{target}-{finding}")
    }

    /// Reads what [`Mark::key_name`] writes.
    pub fn parse(name: &str) -> Option<Mark> {
        let (rule, name) = name.split_once('/')?;
        let parts: Vec<&str> = name.split('-').collect();
        let [time, raised, event, value, link, target, finding] = parts[..] else { return None };
        Some(Mark {
            time: parse_compact_time(time)?,
            rule: parse_hash(rule)?,
            raised: if raised == "0" { None } else { Some(Severity::from_word(raised)?) },
            event: parse_hash(event)?,
            value: if value == "0" { None } else { Some(parse_hash(value)?) },
            link: match link.split_at_checked(1)? {
                ("0", "") => None,
                ("f", other) => Some(Link::From(parse_hash(other)?)),
                ("t", other) => Some(Link::To(parse_hash(other)?)),
                _ => return None,
            },
            target: parse_hash(target)?,
            finding: FindingId::parse(finding)?,
        })
    }
}

impl AsRef<Mark> for Mark {
    fn as_ref(&self) -> &Mark {
        self
    }
}

fn parse_hash(text: &str) -> Option<String> {
    let is_hash = text.len() == HASH_DIGITS && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hash.then(|| text.to_owned())
}
