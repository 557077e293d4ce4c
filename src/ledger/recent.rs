//! What was written since some time, found without reading everything.

use bytes::Bytes;
use detect::finding::FindingId;
use jiff::{SignedDuration, Timestamp};

use super::entry::Entry;
use super::error::{LedgerProblem, Result};
use super::keys::{self, ENTRIES, STATEMENTS};
use super::stored::StoredLedger;
use crate::store::Listing;

/// The clock of the store and that of AWS's records differ by less.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_hours(1);

/// The entries that were written since some time.
#[derive(Debug, Default)]
pub struct RecentEntries {
    /// Their ids, the latest first.
    pub ids: Vec<FindingId>,
    /// Keys that no version of this program wrote.
    pub unrecognized: Vec<String>,
}

/// The statement of a day, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredStatement {
    /// The day, e.g. `2026-03-12`.
    pub day: String,
    /// Canonical JSON.
    pub bytes: Bytes,
}

impl StoredLedger {
    /// Lists entries written since a time: all of calls that were made since, and some of earlier
    /// calls.
    pub async fn entries_since(&self, since: Timestamp) -> Result<RecentEntries> {
        let oldest = since.checked_sub(CLOCK_SKEW).unwrap_or(since);
        let mut listing = Listing { prefix: ENTRIES.to_owned(), ..Listing::default() };
        let mut recent = Vec::new();
        let mut unrecognized = Vec::new();
        loop {
            let page = self.list(listing.clone()).await?;
            // A store that does not say when: everything is recent.
            let times = page.modified.into_iter().map(Some).chain(std::iter::repeat(None));
            for (name, time) in page.keys.into_iter().zip(times) {
                match FindingId::parse(&name) {
                    Some(id) if time.is_none_or(|time| time >= oldest) => recent.push((time, id)),
                    Some(_) => {}
                    None => unrecognized.push(format!("{ENTRIES}{name}")),
                }
            }
            match page.next {
                Some(next) => listing.continuation = Some(next),
                None => break,
            }
        }
        recent.sort_by(|one, other| other.cmp(one));
        let ids = recent.into_iter().map(|(_, id)| id).collect();
        Ok(RecentEntries { ids, unrecognized })
    }

    /// Reads entries. Returns for each, in the same order, `None` if there is none of its id, or
    /// what is wrong with it.
    pub async fn read_entries(
        &self,
        ids: &[FindingId],
    ) -> Vec<Result<Option<Result<Entry, LedgerProblem>>>> {
        let keys: Vec<String> = ids.iter().map(keys::entry).collect();
        let read = self.get_all(&keys).await;
        let decode = |(id, read): (&FindingId, Result<Option<Bytes>>)| {
            Ok(read?.map(|bytes| Entry::decode(id, &bytes)))
        };
        ids.iter().zip(read).map(decode).collect()
    }

    /// The statements of the days from the first to the last, e.g. `2026-03-12`, both included.
    pub async fn statements(&self, first: &str, last: &str) -> Result<Vec<StoredStatement>> {
        let mut statements = Vec::new();
        for name in self.list_names(STATEMENTS).await? {
            let Some(day) = name.strip_suffix(".json") else { continue };
            if !is_day(day) || day < first || day > last {
                continue;
            }
            if let Some(object) = self.get(&format!("{STATEMENTS}{name}")).await? {
                statements.push(StoredStatement { day: day.to_owned(), bytes: object.bytes });
            }
        }
        Ok(statements)
    }
}

fn is_day(text: &str) -> bool {
    text.parse::<jiff::civil::Date>().is_ok_and(|day| day.to_string() == text)
}
