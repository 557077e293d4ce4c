//! The trace that a finding leaves for a correlation: a key without content, read by listing.

use jiff::Timestamp;
use jiff::tz::Offset;

use crate::finding::FindingId;
use crate::rule::Severity;

/// Hexadecimal digits of a hash in a key: 64 bits tell the rules, events and values of one folder
/// apart.
const DIGITS: usize = 16;

/// One finding, as a correlation sees it. Its text is the last part of a key: it sorts by time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    /// When the call was made, in whole seconds.
    pub time: Timestamp,
    /// The hash of the rule's id.
    pub rule: String,
    /// The severity that the finding raises its correlation to, where it does.
    pub raised: Option<Severity>,
    /// The hash of the event: two rules that match one event leave two marks of it.
    pub event: String,
    /// The hash of the value that is counted, where there is one.
    pub value: Option<String>,
    /// The other name of what the finding is about, where it was renamed.
    pub link: Option<Link>,
    /// The finding.
    pub finding: FindingId,
}

/// The other folder of a renaming.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Link {
    /// This folder is of the new name, that one of the old.
    From(String),
    /// This folder is of the old name, that one of the new.
    To(String),
}

/// The hash of a few texts, 16 hexadecimal digits.
pub(super) fn hash<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    FindingId::hash_parts(parts).as_str()[..DIGITS].to_owned()
}

impl Mark {
    /// The hash by which marks name a rule.
    pub fn rule_hash(id: &str) -> String {
        hash([id])
    }

    /// Where marks of a time start, in the order of the keys.
    pub fn time_prefix(time: Timestamp) -> String {
        time.strftime("%Y%m%dT%H%M%SZ").to_string()
    }

    /// The text of the mark: letters, digits and `-`, 130 to 146 characters.
    pub fn name(&self) -> String {
        let raised = self.raised.map_or("0", Severity::as_str);
        let value = self.value.as_deref().unwrap_or("0");
        let link = match &self.link {
            None => "0".to_owned(),
            Some(Link::From(other)) => format!("f{other}"),
            Some(Link::To(other)) => format!("t{other}"),
        };
        let (time, rule, event, finding) =
            (Mark::time_prefix(self.time), &self.rule, &self.event, &self.finding);
        format!("{time}-{rule}-{raised}-{event}-{value}-{link}-{finding}")
    }

    /// Reads what [`Mark::name`] writes; none for anything else.
    pub fn parse(name: &str) -> Option<Mark> {
        let mut parts = name.split('-');
        let time = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", parts.next()?).ok()?;
        let time = Offset::UTC.to_timestamp(time).ok()?;
        let (rule, raised, event) = (hex(parts.next()?)?, parts.next()?, hex(parts.next()?)?);
        let (value, link, finding) =
            (parts.next()?, parts.next()?, FindingId::parse(parts.next()?)?);
        let raised = if raised == "0" { None } else { Some(severity(raised)?) };
        let value = if value == "0" { None } else { Some(hex(value)?) };
        let link = match link.split_at_checked(1)? {
            ("0", "") => None,
            ("f", other) => Some(Link::From(hex(other)?)),
            ("t", other) => Some(Link::To(hex(other)?)),
            _ => return None,
        };
        parts.next().is_none().then_some(Mark { time, rule, raised, event, value, link, finding })
    }
}

fn hex(text: &str) -> Option<String> {
    let digits = text.len() == DIGITS && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    digits.then(|| text.to_owned())
}

fn severity(word: &str) -> Option<Severity> {
    [Severity::Low, Severity::Medium, Severity::High, Severity::Critical]
        .into_iter()
        .find(|it| it.as_str() == word)
}
