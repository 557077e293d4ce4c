//! What happened to a group, under all its names.

use std::collections::HashMap;

use detect::finding::{ContextGap, Finding, FindingId, TimelineEntry};
use jiff::Timestamp;

use super::error::Result;
use super::group_key::{GroupEvent, group_folder, parse_group_key, renaming};
use super::index_window::gap;
use super::stored::StoredLedger;

/// Names of a group that are listed.
const MAX_NAMES: usize = 5;

/// Renamings that are followed, in each direction.
const MAX_RENAMINGS: usize = 16;

/// The events of a group around a finding.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Timeline {
    /// The events from 48 hours before the finding to now, its own among them, in any order.
    pub entries: Vec<TimelineEntry>,
    /// No earlier finding is on record.
    pub first: bool,
    /// Why these are not all.
    pub gap: Option<ContextGap>,
}

impl StoredLedger {
    /// Reads the timeline of a finding's group; it is empty if there is no group. Lists at most two
    /// pages for each name that the group had, and two keys more if nothing earlier is among them.
    pub async fn group_timeline(&self, finding: &Finding, now: Timestamp) -> Result<Timeline> {
        let Some(group) = &finding.group else { return Ok(Timeline::default()) };
        let time = finding.time.unwrap_or(now);
        let mut walk = NameWalk {
            ledger: self,
            account: finding.account.as_deref(),
            time,
            now,
            listed: HashMap::new(),
            events: HashMap::new(),
            cut: false,
            unreadable: false,
        };
        walk.add(group, |_| true).await?;
        let own = TimelineEntry::from_finding_at(finding, time);
        let event = GroupEvent { id: finding.id.clone(), entry: own.clone(), complete: true };
        walk.events.insert(finding.id.clone(), event);
        walk.follow(group, Direction::Past).await?;
        walk.follow(group, Direction::Future).await?;
        let is_earlier =
            |event: &GroupEvent| event.entry.is_before(&own) && !event.entry.is_same_event(&own);
        // What cannot be read may be earlier.
        let earlier = walk.unreadable || walk.events.values().any(is_earlier);
        let folder = group_folder(walk.account, group);
        let first = !earlier && !self.has_older(&folder, time).await?;
        let entries = walk.events.into_values().map(|event| event.entry).collect();
        Ok(Timeline { entries, first, gap: gap(walk.cut, walk.unreadable) })
    }
}

/// To the names that a group had before, or that it got since.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Past,
    Future,
}

/// Collects the events of a group from name to name.
struct NameWalk<'a> {
    ledger: &'a StoredLedger,
    account: Option<&'a str>,
    time: Timestamp,
    now: Timestamp,
    /// All events under the names that were listed, by name in lower case.
    listed: HashMap<String, Vec<GroupEvent>>,
    /// The timeline.
    events: HashMap<FindingId, GroupEvent>,
    cut: bool,
    unreadable: bool,
}

impl NameWalk<'_> {
    /// Follows one renaming after the other. Events of another group that had the old name later,
    /// or the new name before, are left out.
    async fn follow(&mut self, group: &str, direction: Direction) -> Result<()> {
        let mut name = group.to_owned();
        let mut time = self.time;
        let mut followed = Vec::new();
        for _ in 0..MAX_RENAMINGS {
            let Some((event, next)) = self.next_renaming(&name, time, direction, &followed) else {
                return Ok(());
            };
            name = next;
            time = event.entry.time;
            followed.push(event.id);
            let is_listed = self.listed.contains_key(&name.to_ascii_lowercase());
            if !is_listed && self.listed.len() == MAX_NAMES {
                break;
            }
            self.add(&name, |event| direction.includes(event, time)).await?;
        }
        self.cut = true;
        Ok(())
    }

    /// The nearest renaming that gave the group its name, or took it, and the name on its other
    /// side.
    fn next_renaming(
        &self,
        name: &str,
        time: Timestamp,
        direction: Direction,
        followed: &[FindingId],
    ) -> Option<(GroupEvent, String)> {
        let renamings = self.events.values().filter_map(|event| {
            let (old, new) = renaming(&event.entry)?;
            let (here, there) = match direction {
                Direction::Past => (new, old),
                Direction::Future => (old, new),
            };
            let fits = here.eq_ignore_ascii_case(name)
                && direction.includes(event.entry.time, time)
                && event.complete
                && !followed.contains(&event.id);
            fits.then(|| (event.clone(), there.to_owned()))
        });
        let key = |(event, _): &(GroupEvent, String)| (event.entry.time, event.id.clone());
        match direction {
            Direction::Past => renamings.max_by_key(key),
            Direction::Future => renamings.min_by_key(key),
        }
    }

    /// Adds the events under a name, of the times that `wanted` accepts.
    async fn add(&mut self, name: &str, wanted: impl Fn(Timestamp) -> bool) -> Result<()> {
        let name = name.to_ascii_lowercase();
        if !self.listed.contains_key(&name) {
            let events = self.list(&name).await?;
            self.listed.insert(name.clone(), events);
        }
        let events = self.listed.get(&name).into_iter().flatten();
        for event in events.filter(|event| wanted(event.entry.time)) {
            self.unreadable |= !event.complete;
            self.events.entry(event.id.clone()).or_insert_with(|| event.clone());
        }
        Ok(())
    }

    async fn list(&mut self, name: &str) -> Result<Vec<GroupEvent>> {
        let folder = group_folder(self.account, name);
        let window = self.ledger.read_index_window(&folder, self.time, self.now).await?;
        let (events, unreadable) = window.parse(|key| parse_group_key(key, name).ok());
        self.cut |= window.cut;
        self.unreadable |= unreadable;
        Ok(events)
    }
}

impl Direction {
    /// Returns true if an event at `time` is on this side of `from`, or at the same time.
    fn includes(self, time: Timestamp, from: Timestamp) -> bool {
        match self {
            Direction::Past => time <= from,
            Direction::Future => time >= from,
        }
    }
}
