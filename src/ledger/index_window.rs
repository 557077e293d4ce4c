//! What an index holds around a moment: one page if that is enough, at most two.

use detect::finding::ContextGap;
use jiff::{SignedDuration, Timestamp};

use super::error::Result;
use super::keys;
use super::stored::StoredLedger;

/// How long before a finding its context begins.
const BEFORE: SignedDuration = SignedDuration::from_hours(48);

/// An index holds calls that were made. A time later than this after now, and after the finding, is
/// damage.
const MAX_AHEAD: SignedDuration = SignedDuration::from_hours(24);

/// Part of an index, around a finding.
pub(super) struct IndexWindow {
    /// Names in order.
    names: Vec<String>,
    /// There are more in the time that matters.
    pub(super) cut: bool,
    /// The last time that a name may have.
    latest: Timestamp,
}

impl StoredLedger {
    /// Reads an index from 48 hours before `time` to its end. If that is more than a page, the
    /// second continues the first; or, if `time` is further on, it begins half a page before
    /// `time`, by the density of the first.
    pub(super) async fn read_index_window(
        &self,
        folder: &str,
        time: Timestamp,
        now: Timestamp,
    ) -> Result<IndexWindow> {
        let latest = time.max(now).checked_add(MAX_AHEAD).unwrap_or(Timestamp::MAX);
        let start = keys::format_time(context_start(time));
        let page = self.list_page(folder, Some(start), None).await?;
        let mut names = page.keys;
        let Some(last) = names.last().filter(|_| page.next.is_some()) else {
            return Ok(IndexWindow { names, cut: false, latest });
        };
        let near = keys::format_time(half_page_before(&names, time));
        let skips = near > *last;
        let start = if skips { near } else { last.clone() };
        let page = self.list_page(folder, Some(start), None).await?;
        names.extend(page.keys);
        Ok(IndexWindow { names, cut: skips || page.next.is_some(), latest })
    }

    /// Returns true if an index has findings from before the context of a finding of this time.
    pub(super) async fn has_older(&self, folder: &str, time: Timestamp) -> Result<bool> {
        // Two, since one may be a stray.
        let first = self.list_page(folder, None, Some(2)).await?.keys;
        let times = first.iter().filter_map(|name| keys::split_time(name));
        Ok(times.into_iter().any(|(first, _)| first < context_start(time)))
    }
}

impl IndexWindow {
    /// Parses the names. Returns what could be read, and whether something could not: it is
    /// damaged, from the future, or of a later version. A name without a time is a stray, and
    /// nothing is missing.
    pub(super) fn parse<'a, T>(&'a self, parse: impl Fn(&'a str) -> Option<T>) -> (Vec<T>, bool) {
        let mut parsed = Vec::new();
        let mut unreadable = false;
        for name in &self.names {
            let Some((time, _)) = keys::split_time(name) else { continue };
            match parse(name).filter(|_| time <= self.latest) {
                Some(value) => parsed.push(value),
                None => unreadable = true,
            }
        }
        (parsed, unreadable)
    }
}

/// Why a context is incomplete.
pub(super) fn gap(cut: bool, unreadable: bool) -> Option<ContextGap> {
    let cut = cut.then_some(ContextGap::TooMuch);
    cut.or(unreadable.then_some(ContextGap::Unreadable))
}

fn context_start(time: Timestamp) -> Timestamp {
    time.checked_sub(BEFORE).unwrap_or(Timestamp::MIN)
}

/// Half a page before `time`, if the pages that follow are as dense as this one.
fn half_page_before(page: &[String], time: Timestamp) -> Timestamp {
    let mut times = page.iter().filter_map(|name| keys::split_time(name)).map(|(time, _)| time);
    let (Some(first), Some(last)) = (times.next(), times.next_back()) else { return time };
    time.checked_sub(last.duration_since(first) / 2).unwrap_or(time)
}
