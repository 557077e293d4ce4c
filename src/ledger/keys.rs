//! The names of things in the ledger.
//!
//! | key | what |
//! |---|---|
//! | `entries/<id>` | the finding or summary and its state: the authority |
//! | `open/<id>` | empty: something is still to be done |
//! | `by-group/<account>/<group>/<time>-<action>-<id>-v1/…` | empty; what it says besides: [`group_key`] |
//! | `by-principal/<principal hash>/<time>-<rule>-<id>` | empty |
//! | `by-window/<rule>/<window>/<principal hash>-<id>` | empty: what `max_signals` and bursts count |
//! | `held/<rule>/<window>/<id>` | empty: waits for a summary |
//! | `by-correlation/<correlation>/<hash>/<time>-…-<id>` | empty: see [`Mark`](detect::correlation::Mark) |
//! | `incidents/<correlation>/<hash>` | the episodes of one set of group_by values |
//! | `sweep/<name>` | what sweeps remember: see [`sweep`](crate::sweep) |
//! | `clock` | empty |
//! | `doctor/<token>` | there for as long as a probe takes |

use detect::finding::{Finding, FindingId, Window};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

use super::entry::Content;
use super::{Entry, group_key};
use crate::store::part;

/// Where markers of unfinished work are.
pub(super) const OPEN: &str = "open/";

/// Where markers of what waits for a summary are.
pub(super) const HELD: &str = "held/";

/// Where entries are.
pub(super) const ENTRIES: &str = "entries/";

/// Where findings are found by account and group.
pub(super) const BY_GROUP: &str = "by-group/";

/// Written to learn the store's time.
pub(super) const CLOCK: &str = "clock";

const STAMP: &str = "%Y%m%dT%H%M%SZ";

/// Hexadecimal digits of an actor's hash: 64 bits tell the actors of one window apart.
const ACTOR_DIGITS: usize = 16;

/// Where probes are.
pub(super) const DOCTOR: &str = "doctor/";

pub(super) fn entry(id: &FindingId) -> String {
    format!("{ENTRIES}{id}")
}

pub(super) fn open(id: &FindingId) -> String {
    format!("{OPEN}{id}")
}

/// The folder of what one rule holds back in one window.
pub(super) fn held_in(rule: &str, window: Window) -> String {
    format!("{HELD}{}/{window}/", part(rule))
}

pub(super) fn held(rule: &str, window: Window, id: &FindingId) -> String {
    format!("{}{id}", held_in(rule, window))
}

/// The folder of what one rule found in one window.
pub(super) fn in_window(rule: &str, window: Window) -> String {
    format!("by-window/{}/{window}/", part(rule))
}

/// Who did it and in which account, as bursts are counted: a fixed number of hexadecimal digits.
pub fn actor_in_account(finding: &Finding) -> String {
    digits(&FindingId::hash_parts([
        finding.account.as_deref().unwrap_or_default(),
        &finding.principal.key,
    ]))
}

/// The folder of what an actor did, in all accounts.
pub(super) fn of_actor(key: &str) -> String {
    format!("by-actor/{}/", digits(&FindingId::hash_parts([key])))
}

fn digits(id: &FindingId) -> String {
    id.as_str()[..ACTOR_DIGITS].to_owned()
}

/// The actor of a key in [`in_window`]'s folder, without the folder.
pub(super) fn actor_of(name: &str) -> Option<&str> {
    name.split_once('-').map(|(principal, _)| principal)
}

/// All keys by which an entry is found again, of at most `room` bytes. An excepted finding is found
/// by group and actor, and counts nowhere.
pub(super) fn indexes(entry: &Entry, room: usize) -> Vec<String> {
    let Content::Finding(finding) = &entry.content else { return Vec::new() };
    let (id, rule) = (&finding.id, &finding.rule.id);
    let time = time_of(entry);
    let mut keys =
        vec![format!("{}{}-{}-{id}", of_actor(&finding.principal.key), stamp(time), part(rule))];
    keys.extend(group_key::write(finding, time, room));
    if finding.exception.is_none() {
        keys.push(format!("{}{}-{id}", in_window(rule, entry.window), actor_in_account(finding)));
    }
    keys
}

/// The time under which indexes have an entry: that of the call; where it is not known, of the
/// first claim.
pub(super) fn time_of(entry: &Entry) -> Timestamp {
    let called = match &entry.content {
        Content::Finding(finding) => finding.time,
        Content::Correlation(told) => Some(told.end),
        Content::Summary(_) => None,
    };
    called.unwrap_or(entry.window.start)
}

/// A time that sorts as text.
pub(super) fn stamp(time: Timestamp) -> String {
    time.strftime(STAMP).to_string()
}

/// The time that a key of an index begins with, and what follows the dash after it.
pub(super) fn split_time(name: &str) -> Option<(Timestamp, &str)> {
    let (stamp, rest) = name.split_once('-')?;
    let time = DateTime::strptime(STAMP, stamp).ok()?;
    Some((Offset::UTC.to_timestamp(time).ok()?, rest))
}

/// What the key of an entry, or one in the folder of a group or an actor, tells of itself. Programs
/// of other versions may write more behind the id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexKey {
    /// When the call was made; an entry's own key does not tell.
    pub time: Option<Timestamp>,
    /// The finding or summary.
    pub id: FindingId,
}

impl IndexKey {
    /// Reads a key without its folder.
    pub(super) fn parse(name: &str) -> Option<IndexKey> {
        if let Some(id) = FindingId::parse(name) {
            return Some(IndexKey { time: None, id });
        }
        let (time, rest) = split_time(name)?;
        // A part that was too long ends in `~` and a hash that looks like an id.
        let parts =
            rest.split('-').map(|part| part.split(|end: char| !end.is_ascii_alphanumeric()).next());
        let id = parts.flatten().find_map(FindingId::parse)?;
        Some(IndexKey { time: Some(time), id })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_tell_time_and_id_whatever_is_behind() {
        let id = "0123456789abcdef".repeat(4);
        for (name, time) in [
            (id.clone(), None),
            (format!("20260301T100000Z-CreateGroup-{id}"), Some("2026-03-01T10:00:00Z")),
            (
                format!("20260301T100000Z-169f3a93-efc7-4df2-94d6-0d9438c310d1-{id}"),
                Some("2026-03-01T10:00:00Z"),
            ),
            (format!("20260301T100000Z-CreateGroup-{id}-alice~more"), Some("2026-03-01T10:00:00Z")),
            (format!("20260301T100000Z-CreateGroup-{id}/x.y"), Some("2026-03-01T10:00:00Z")),
            (format!("20260301T100000Z-a~{}-{id}", "f".repeat(64)), Some("2026-03-01T10:00:00Z")),
        ] {
            let time = time.map(|time| time.parse().unwrap());
            assert_eq!(
                IndexKey::parse(&name),
                Some(IndexKey { time, id: FindingId::parse(&id).unwrap() }),
                "{name}"
            );
        }
        for strange in [
            "",
            "x",
            "20260301T100000Z",
            "20260301T100000Z-CreateGroup-0123",
            &format!("yesterday-x-{id}"),
        ] {
            assert_eq!(IndexKey::parse(strange), None, "{strange}");
        }
    }
}
