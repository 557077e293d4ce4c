//! What an index holds around a moment: one page of it where that is enough, two at most.

use jiff::{SignedDuration, Timestamp};

use super::{LedgerError, StoredLedger, keys};

/// How long before a finding matters to it.
const BEFORE: SignedDuration = SignedDuration::from_hours(48);

/// An index holds calls that were made. A later time than this from now, or from the finding, is
/// nobody's.
const AHEAD: SignedDuration = SignedDuration::from_hours(24);

/// A stretch of an index, around a finding.
pub(super) struct Stretch {
    /// Keys without their folder, in order.
    pub(super) names: Vec<String>,
    /// Whether there are no more in the time that matters.
    pub(super) whole: bool,
}

impl StoredLedger {
    /// What a folder of an index holds from 48 hours before `time` to its end. Where that is more
    /// than a page, the second goes on behind the first, or, if `time` is further on, begins half
    /// of a page before it, as far as one can tell from the first.
    pub(super) async fn around(
        &self,
        folder: &str,
        time: Timestamp,
    ) -> Result<Stretch, LedgerError> {
        let own = |keys: Vec<String>| {
            keys.iter().filter_map(|key| key.strip_prefix(folder)).map(str::to_owned).collect()
        };
        let start = format!("{folder}{}", keys::stamp(since(time)));
        let page = self.place.list(folder, false, Some(&start), None).await?;
        let mut names: Vec<String> = own(page.keys);
        let Some(last) = names.last().filter(|_| page.next.is_some()) else {
            return Ok(Stretch { names, whole: true });
        };
        let near = keys::stamp(near(&names, time));
        let skips = near > *last;
        let start = format!("{folder}{}", if skips { &near } else { last });
        let page = self.place.list(folder, false, Some(&start), None).await?;
        names.extend::<Vec<String>>(own(page.keys));
        Ok(Stretch { names, whole: page.next.is_none() && !skips })
    }

    /// Whether an index goes back further than what matters to a finding of this time.
    pub(super) async fn is_older(
        &self,
        folder: &str,
        time: Timestamp,
    ) -> Result<bool, LedgerError> {
        // Two, since one may be a stray.
        let first = self.place.list_first(folder, 2).await?;
        let times = first.iter().filter_map(|key| keys::split_time(key.strip_prefix(folder)?));
        Ok(times.map(|(time, _)| time).any(|first| first < since(time)))
    }
}

fn since(time: Timestamp) -> Timestamp {
    time.checked_sub(BEFORE).unwrap_or(Timestamp::MIN)
}

/// The last time that what is known at `now` may have, beside a finding of `time`.
pub(super) fn latest(time: Timestamp, now: Timestamp) -> Timestamp {
    time.max(now).checked_add(AHEAD).unwrap_or(Timestamp::MAX)
}

/// Half of a page before `time`, if the pages to come are as dense as this one.
fn near(page: &[String], time: Timestamp) -> Timestamp {
    let mut times = page.iter().filter_map(|name| keys::split_time(name)).map(|(time, _)| time);
    let (Some(first), Some(last)) = (times.next(), times.next_back()) else { return time };
    time.checked_sub(last.duration_since(first) / 2).unwrap_or(time)
}
