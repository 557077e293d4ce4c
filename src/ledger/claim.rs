//! Who sees to a finding: whoever writes its entry first, or takes it over when the holder's lease
//! is over.

use std::time::Duration;

use detect::finding::{FindingId, Window};
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::entry::{Content, Entry, State, Unreadable};
use super::token::token;
use super::{LedgerError, LedgerProblem, StoredLedger, TRIES, keys};
use crate::store::{Condition, SmallObject};

/// A claim that is ours.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The entry as we wrote it.
    pub entry: Entry,
    /// What names that state of it.
    pub(super) etag: String,
    since: Instant,
}

/// What came of claiming.
#[derive(Debug)]
pub enum Claimed {
    /// It is ours to see to.
    Mine(Box<Claim>),
    /// It was seen through before, and this is how it ended.
    Duplicate(State),
    /// Another worker sees to it. If that one dies, whoever looks through the open markers takes
    /// over.
    HeldElsewhere,
    /// A later program wrote its entry, in a way that this one does not know: it may have been
    /// told, or not.
    Unreadable(LedgerError),
}

/// An entry as it was found.
pub(super) struct Found {
    pub(super) entry: Result<Entry, Unreadable>,
    pub(super) object: SmallObject,
}

impl Claim {
    pub(super) fn new(entry: Entry, etag: String, since: Instant) -> Claim {
        Claim { entry, etag, since }
    }

    /// Whether the holder may still act: nobody can have taken over yet.
    pub fn is_live(&self) -> bool {
        self.since.elapsed() < Duration::from_secs(self.entry.lease_seconds)
    }
}

impl Found {
    /// Whether the holder is thought to be alive: its lease runs from the writing of the entry, by
    /// the store's clock.
    pub(super) fn is_leased(&self, entry: &Entry) -> bool {
        let lease =
            SignedDuration::from_secs(i64::try_from(entry.lease_seconds).unwrap_or(i64::MAX));
        entry.state == State::Claimed && age(self.object.modified, self.object.date) < lease
    }
}

/// How long ago something was written, by the store's clock.
pub(super) fn age(modified: Timestamp, date: Timestamp) -> SignedDuration {
    date.duration_since(modified)
}

impl StoredLedger {
    /// Claims a finding or a summary for as long as `lease` says. `interval` is how long an
    /// execution of its rule is: a finding counts in the one that holds this moment, by the store's
    /// clock.
    pub async fn claim(
        &self,
        content: Content,
        lease: Duration,
        interval: Duration,
    ) -> Result<Claimed, LedgerError> {
        let since = Instant::now();
        // The marker first: whatever becomes of us, an entry that is not seen through has one.
        let marked = self.place.mark(&keys::open(content.id())).await?;
        let window = content.window().unwrap_or_else(|| Window::containing(marked.date, interval));
        let entry = Entry::new(content, token(), lease, window);
        let mut last = None;
        for _ in 0..TRIES {
            match self.write(&entry, Condition::IfNoneMatch).await {
                Ok(etag) => return Ok(Claimed::Mine(Box::new(Claim::new(entry, etag, since)))),
                Err(error) => last = Some(error),
            }
            // Whatever the answer was, what is there decides: it may be our own writing, its answer
            // lost.
            let Some(found) = self.read(entry.id()).await? else { continue };
            if let Some(claimed) = self.judge(&entry, found, since).await? {
                return Ok(claimed);
            }
        }
        Err(self.place.out_of_tries(&keys::entry(entry.id()), last))
    }

    /// What an entry that is there means for a claim; none where it changed meanwhile.
    async fn judge(
        &self,
        ours: &Entry,
        found: Found,
        since: Instant,
    ) -> Result<Option<Claimed>, LedgerError> {
        let entry = match &found.entry {
            Ok(entry) => entry,
            Err(error @ Unreadable::Newer(_)) => {
                return Ok(Some(Claimed::Unreadable(self.entry_error(ours, error.clone()))));
            }
            // Nobody can tell what it was: it becomes ours, and is told once more at worst.
            Err(Unreadable::Damaged(_)) => {
                return Ok(self.overwrite(ours.clone(), &found, since).await);
            }
        };
        if entry.token == ours.token {
            return Ok(Some(Claimed::Mine(Box::new(Claim::new(
                entry.clone(),
                found.object.etag,
                since,
            )))));
        }
        if entry.state.is_final() {
            // The marker that we just put. Where this fails, whoever looks through the markers
            // takes it away.
            let _ = self.place.delete(&keys::open(entry.id())).await;
            return Ok(Some(Claimed::Duplicate(entry.state)));
        }
        if found.is_leased(entry) {
            return Ok(Some(Claimed::HeldElsewhere));
        }
        Ok(self.overwrite(successor(ours, entry), &found, since).await)
    }

    async fn overwrite(&self, entry: Entry, found: &Found, since: Instant) -> Option<Claimed> {
        let etag = self.write(&entry, Condition::IfMatch(found.object.etag.clone())).await.ok()?;
        Some(Claimed::Mine(Box::new(Claim::new(entry, etag, since))))
    }

    /// Takes over an entry as it is, from a holder that is gone; none where somebody else was
    /// quicker.
    pub(super) async fn take_over(
        &self,
        entry: &Entry,
        found: &Found,
        lease: Duration,
    ) -> Result<Option<Claim>, LedgerError> {
        let since = Instant::now();
        let ours = Entry::new(entry.content.clone(), token(), lease, entry.window);
        let next = successor(&ours, entry);
        if let Ok(etag) = self.write(&next, Condition::IfMatch(found.object.etag.clone())).await {
            return Ok(Some(Claim::new(next, etag, since)));
        }
        // It may be written all the same, its answer lost; else the marker is there for the next to
        // look.
        let Some(found) = self.read(entry.id()).await? else { return Ok(None) };
        Ok(found
            .entry
            .ok()
            .filter(|now| *now == next)
            .map(|now| Claim::new(now, found.object.etag, since)))
    }

    /// Puts the keys by which a claimed finding is counted and found again. Doing so again changes
    /// nothing. A canary has none: it is to count nowhere.
    pub async fn index(&self, claim: &Claim) -> Result<(), LedgerError> {
        if claim.entry.is_canary() {
            return Ok(());
        }
        let keys = keys::indexes(&claim.entry, self.place.room());
        let marked = futures::future::join_all(keys.iter().map(|key| self.place.mark(key))).await;
        marked.into_iter().try_for_each(|marked| marked.map(|_| ()))
    }

    /// The entry of an id, or none.
    pub(super) async fn read(&self, id: &FindingId) -> Result<Option<Found>, LedgerError> {
        let object = self.place.get(&keys::entry(id)).await?;
        Ok(object.map(|object| Found { entry: Entry::decode(id, &object.bytes), object }))
    }

    pub(super) async fn write(
        &self,
        entry: &Entry,
        condition: Condition,
    ) -> Result<String, LedgerError> {
        let key = keys::entry(entry.id());
        let bytes = entry.encode().map_err(|error| self.place.error(&key, error))?;
        Ok(self.place.put(&key, bytes, condition).await?.etag)
    }

    pub(super) fn entry_error(
        &self,
        entry: &Entry,
        problem: impl Into<LedgerProblem>,
    ) -> LedgerError {
        self.place.error(&keys::entry(entry.id()), problem)
    }
}

/// Our claim after another's: one more attempt, in the execution of the first. A summary or
/// correlation keeps its members, since they may have been told already; a finding is as it was
/// read last.
fn successor(ours: &Entry, before: &Entry) -> Entry {
    let content = match &before.content {
        Content::Summary(_) | Content::Correlation(_) => before.content.clone(),
        Content::Finding(_) => ours.content.clone(),
    };
    Entry {
        attempts: before.attempts.saturating_add(1),
        window: before.window,
        content,
        ..ours.clone()
    }
}
