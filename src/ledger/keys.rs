//! The names of things in the ledger.
//!
//! | key | what |
//! |---|---|
//! | `entries/<id>` | the finding or summary and its state: the authority |
//! | `open/<id>` | empty: something is still to be done |
//! | `by-group/<account>/<group>/<time>-<action>-<id>-v1/…` | empty; what it says besides: [`group_key`] |
//! | `by-actor/<actor hash>/<time>-<rule>-<id>` | empty |
//! | `by-window/<rule>/<window>/<actor hash>-<id>` | empty: what `max_signals` and bursts count |
//! | `held/<rule>/<window>/<id>` | empty: waits for a summary |
//! | `sweep/<name>` | what sweeps remember: see [`sweep`](crate::sweep) |
//! | `clock` | empty |
//! | `doctor/<token>` | there for as long as a probe takes |

use jiff::Timestamp;
use jiff::tz::Offset;

use super::Entry;
use super::entry::Content;
use super::group_key;
use crate::finding::{Finding, FindingId, Window};
use crate::store::part;

/// Where markers of unfinished work are.
pub(super) const OPEN: &str = "open/";

/// Where markers of what waits for a summary are.
pub(super) const HELD: &str = "held/";

/// Written to learn the store's time.
pub(super) const CLOCK: &str = "clock";

const STAMP: &str = "%Y%m%dT%H%M%SZ";

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

/// The folder of what one actor was found doing, in all accounts.
pub(super) fn by_actor(finding: &Finding) -> String {
    format!("by-actor/{}/", digits(&FindingId::of_parts([finding.actor.key.as_str()])))
}

/// All keys by which an entry is found again, of at most `room` bytes. An excepted finding is found by group and actor,
/// and counts nowhere.
pub(super) fn indexes(entry: &Entry, room: usize) -> Vec<String> {
    let Content::Finding(finding) = &entry.content else { return Vec::new() };
    let (id, rule) = (&finding.id, &finding.rule.id);
    let time = finding.time.unwrap_or(entry.window.start);
    let mut keys = vec![format!("{}{}-{}-{id}", by_actor(finding), stamp(time), part(rule))];
    keys.extend(group_key::write(finding, time, room));
    if finding.exception.is_none() {
        keys.push(format!("{}{}-{id}", in_window(rule, entry.window), actor_in_account(finding)));
    }
    keys
}

/// A time that sorts as text.
pub(super) fn stamp(time: Timestamp) -> String {
    time.strftime(STAMP).to_string()
}

/// The time that a key of an index begins with, and what follows the dash after it.
pub(super) fn split_time(name: &str) -> Option<(Timestamp, &str)> {
    let (stamp, rest) = name.split_once('-')?;
    let time = jiff::civil::DateTime::strptime(STAMP, stamp).ok()?;
    Some((Offset::UTC.to_timestamp(time).ok()?, rest))
}
