//! The names of things in the ledger.
//!
//! | key | what |
//! |---|---|
//! | `entries/<id>` | the finding or summary and its state: the authority |
//! | `open/<id>` | empty: something is still to be done |
//! | `by-group/<account>/<group>/<time>-<action>-<id>` | empty |
//! | `by-actor/<actor hash>/<time>-<rule>-<id>` | empty |
//! | `by-window/<rule>/<window>/<actor hash>-<id>` | empty: what `max_signals` and bursts count |
//! | `held/<rule>/<window>/<id>` | empty: waits for a summary |
//! | `sweep/<name>` | what sweeps remember: see [`sweep`](crate::sweep) |
//! | `clock` | empty |
//! | `doctor/<token>` | there for as long as a probe takes |

use jiff::Timestamp;

use super::Entry;
use super::entry::Content;
use crate::finding::{Finding, FindingId, Window};
use crate::store::part;

/// Where markers of unfinished work are.
pub(super) const OPEN: &str = "open/";

/// Where markers of what waits for a summary are.
pub(super) const HELD: &str = "held/";

/// Written to learn the store's time.
pub(super) const CLOCK: &str = "clock";

/// Hexadecimal digits of an actor's hash: 64 bits tell the actors of one window apart.
const ACTOR_DIGITS: usize = 16;

/// Where probes are.
pub(super) const DOCTOR: &str = "doctor/";

pub(super) fn entry(id: &FindingId) -> String {
    format!("entries/{id}")
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
    digits(&FindingId::of_parts([finding.account.as_deref().unwrap_or_default(), &finding.actor.key]))
}

fn digits(id: &FindingId) -> String {
    id.as_str()[..ACTOR_DIGITS].to_owned()
}

/// The actor of a key in [`in_window`]'s folder, without the folder.
pub(super) fn actor_of(name: &str) -> Option<&str> {
    name.split_once('-').map(|(actor, _)| actor)
}

/// All keys by which an entry is found again. An excepted finding is found by group and actor, and counts nowhere.
pub(super) fn indexes(entry: &Entry) -> Vec<String> {
    let Content::Finding(finding) = &entry.content else { return Vec::new() };
    let (id, rule) = (&finding.id, &finding.rule.id);
    let time = stamp(finding.time.unwrap_or(entry.window.start));
    let actor = digits(&FindingId::of_parts([finding.actor.key.as_str()]));
    let mut keys = vec![format!("by-actor/{actor}/{time}-{}-{id}", part(rule))];
    if let Some(group) = &finding.group {
        let (account, action) = (finding.account.as_deref().unwrap_or_default(), action(finding));
        keys.push(format!("by-group/{}/{}/{time}-{}-{id}", part(account), part(group), part(action)));
    }
    if finding.exception.is_none() {
        keys.push(format!("{}{}-{id}", in_window(rule, entry.window), actor_in_account(finding)));
    }
    keys
}

fn action(finding: &Finding) -> &str {
    finding.ecs["event"]["action"].as_str().unwrap_or_default()
}

/// A time that sorts as text.
fn stamp(time: Timestamp) -> String {
    time.strftime("%Y%m%dT%H%M%SZ").to_string()
}
