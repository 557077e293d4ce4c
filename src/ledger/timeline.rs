//! What happened to a group, under all its names, as the index tells it.

use std::collections::HashMap;

use detect::finding::{ContextGap, Finding, FindingId, TimelineEntry};
use jiff::Timestamp;

use super::group_key::{self, Event};
use super::index_window::latest;
use super::{LedgerError, StoredLedger};

/// Names of a group that are looked up.
const MOST_NAMES: usize = 5;

/// Renamings that are followed.
const MOST_STEPS: usize = 16;

/// What the ledger knows of a group around a finding.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Timeline {
    /// The events of 48 hours before the finding and of all the time after it, with the finding's
    /// own, in any order.
    pub entries: Vec<TimelineEntry>,
    /// Nothing earlier is on record.
    pub first: bool,
    /// Why these are not all.
    pub gap: Option<ContextGap>,
}

impl StoredLedger {
    /// What happened to the group of a finding; nothing where it is of none. `now` tells which keys
    /// are from the future. One LIST for each name that the group had, of two pages at most; and a
    /// small one where nothing is earlier.
    pub async fn group_timeline(
        &self,
        finding: &Finding,
        now: Timestamp,
    ) -> Result<Timeline, LedgerError> {
        let Some(group) = &finding.group else { return Ok(Timeline::default()) };
        let time = finding.time.unwrap_or(now);
        let own = TimelineEntry::from_finding_at(finding, time);
        let own = Event { id: finding.id.clone(), entry: own, whole: true };
        let mut walk = Walk {
            ledger: self,
            finding,
            time,
            now,
            listed: HashMap::new(),
            known: HashMap::new(),
            gap: None,
        };
        walk.take(group, |_| true).await?;
        walk.known.insert(own.id.clone(), own.clone());
        walk.follow(group, Way::Back).await?;
        walk.follow(group, Way::On).await?;
        let is_earlier = |event: &Event| {
            event.entry.is_before(&own.entry) && !event.entry.is_same_event(&own.entry)
        };
        // What cannot be read may be earlier.
        let known = walk.gap == Some(ContextGap::Unreadable) || walk.known.values().any(is_earlier);
        let first = !known && {
            let folder = group_key::folder(finding.account.as_deref(), group);
            !self.is_older(&folder, time).await?
        };
        let entries = walk.known.into_values().map(|event| event.entry).collect();
        Ok(Timeline { entries, first, gap: walk.gap })
    }
}

/// To the names that a group had before, or that it has since.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Back,
    On,
}

/// On the way through the names of a group.
struct Walk<'a> {
    ledger: &'a StoredLedger,
    finding: &'a Finding,
    time: Timestamp,
    now: Timestamp,
    /// By name, as [`group_key::plain`] gives it.
    listed: HashMap<String, Vec<Event>>,
    /// The story.
    known: HashMap<FindingId, Event>,
    gap: Option<ContextGap>,
}

impl Walk<'_> {
    /// Follows renaming after renaming, each as far as it goes: what another group of the old name
    /// did later, or one of the new name before, is not of this story.
    async fn follow(&mut self, group: &str, way: Way) -> Result<(), LedgerError> {
        let (mut name, mut at, mut used) = (group.to_owned(), self.time, Vec::new());
        for _ in 0..MOST_STEPS {
            let Some((rename, next)) = self.renaming(&name, at, way, &used) else { return Ok(()) };
            (name, at) = (next, rename.entry.time);
            used.push(rename.id);
            if !self.listed.contains_key(&group_key::plain(&name))
                && self.listed.len() == MOST_NAMES
            {
                break;
            }
            self.take(&name, |time| if way == Way::Back { time <= at } else { time >= at }).await?;
        }
        self.note(ContextGap::TooMuch);
        Ok(())
    }

    /// The renaming that gave the group its name, or took it, next to a time; and the name on its
    /// other side.
    fn renaming(
        &self,
        name: &str,
        at: Timestamp,
        way: Way,
        used: &[FindingId],
    ) -> Option<(Event, String)> {
        let fitting = self.known.values().filter_map(|event| {
            let (old, new) = event.names().filter(|_| !used.contains(&event.id))?;
            let (here, there, in_time) = match way {
                Way::Back => (new, old, event.entry.time <= at),
                Way::On => (old, new, event.entry.time >= at),
            };
            (here.eq_ignore_ascii_case(name) && in_time && event.whole)
                .then(|| (event.clone(), there.to_owned()))
        });
        let key = |(event, _): &(Event, String)| (event.entry.time, event.id.clone());
        match way {
            Way::Back => fitting.max_by_key(key),
            Way::On => fitting.min_by_key(key),
        }
    }

    /// Takes up the events under a name, of the times that are wanted.
    async fn take(
        &mut self,
        name: &str,
        wanted: impl Fn(Timestamp) -> bool,
    ) -> Result<(), LedgerError> {
        let name = group_key::plain(name);
        if !self.listed.contains_key(&name) {
            let events = self.list(&name).await?;
            self.listed.insert(name.clone(), events);
        }
        let events = self.listed.get(&name).into_iter().flatten();
        let events: Vec<Event> = events.filter(|event| wanted(event.entry.time)).cloned().collect();
        if events.iter().any(|event| !event.whole) {
            self.note(ContextGap::Unreadable);
        }
        for event in events {
            self.known.entry(event.id.clone()).or_insert(event);
        }
        Ok(())
    }

    /// What can be read of the keys under a name. One that tells no time is a stray, and nothing is
    /// missing.
    async fn list(&mut self, name: &str) -> Result<Vec<Event>, LedgerError> {
        let folder = group_key::folder(self.finding.account.as_deref(), name);
        let stretch = self.ledger.around(&folder, self.time).await?;
        if !stretch.whole {
            self.note(ContextGap::TooMuch);
        }
        let latest = latest(self.time, self.now);
        let mut events = Vec::new();
        for key in stretch.names {
            match group_key::read(&key, name) {
                Ok(event) if event.entry.time <= latest => events.push(event),
                Err(_) if super::keys::split_time(&key).is_none() => {}
                _ => self.note(ContextGap::Unreadable),
            }
        }
        Ok(events)
    }

    /// That there is more is told first.
    fn note(&mut self, gap: ContextGap) {
        self.gap =
            Some(if self.gap == Some(ContextGap::TooMuch) { ContextGap::TooMuch } else { gap });
    }
}
