//! The end of a claim: seen through, held for a summary, or given back.

use detect::finding::FindingId;

use super::claim::Claim;
use super::entry::{Entry, State};
use super::{LedgerError, LedgerProblem, StoredLedger, TRIES, keys};
use crate::store::Condition;

/// What came of ending a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completed {
    /// It is written.
    Done,
    /// Our lease was over, and another worker took over: what it does counts.
    TakenOver,
}

impl StoredLedger {
    /// The sink accepted the alert, under this message id.
    pub async fn alerted(&self, claim: &Claim, message_id: &str) -> Result<Completed, LedgerError> {
        let entry =
            Entry { message_id: Some(message_id.to_owned()), ..with_state(claim, State::Alerted) };
        self.finish(claim, entry).await
    }

    /// Nobody is to be told, because of an exception.
    pub async fn suppressed(&self, claim: &Claim) -> Result<Completed, LedgerError> {
        self.finish(claim, with_state(claim, State::Suppressed)).await
    }

    /// It waits for the summary of its window. The marker of that comes first: whoever finds the
    /// entry held need do nothing more.
    pub async fn held(&self, claim: &Claim, rule: &str) -> Result<Completed, LedgerError> {
        self.place.mark(&keys::held(rule, claim.entry.window, claim.entry.id())).await?;
        self.finish(claim, with_state(claim, State::Held)).await
    }

    /// Publishing failed: whoever comes next may try at once.
    pub async fn released(&self, claim: &Claim) -> Result<Completed, LedgerError> {
        self.settle(claim, with_state(claim, State::Released)).await
    }

    /// The minimal alert failed too. The open marker stays.
    pub async fn failed(&self, claim: &Claim) -> Result<Completed, LedgerError> {
        self.settle(claim, with_state(claim, State::Failed)).await
    }

    /// Writes a final state, then takes the open marker away.
    async fn finish(&self, claim: &Claim, entry: Entry) -> Result<Completed, LedgerError> {
        let completed = self.settle(claim, entry).await?;
        if completed == Completed::Done {
            // Where this fails, whoever looks through the markers finds the entry final and takes
            // it away.
            let _ = self.place.delete(&keys::open(claim.entry.id())).await;
        }
        Ok(completed)
    }

    async fn settle(&self, claim: &Claim, entry: Entry) -> Result<Completed, LedgerError> {
        let mut etag = claim.etag.clone();
        let mut last = None;
        for _ in 0..TRIES {
            match self.write(&entry, Condition::IfMatch(etag.clone())).await {
                Ok(_) => return Ok(Completed::Done),
                Err(error) => last = Some(error),
            }
            // It may be written, and the answer lost.
            match self.read(entry.id()).await {
                Ok(Some(found)) => match &found.entry {
                    Ok(now) if now.token != entry.token => return Ok(Completed::TakenOver),
                    Ok(now) if now.state == entry.state || now.state.is_final() => {
                        return Ok(Completed::Done);
                    }
                    Ok(_) => etag = found.object.etag,
                    Err(error) => return Err(self.entry_error(&entry, error.clone())),
                },
                Ok(None) => return Err(self.entry_error(&entry, LedgerProblem::Gone)),
                Err(error) => last = Some(error),
            }
        }
        Err(self.place.out_of_tries(&keys::entry(entry.id()), last))
    }

    /// Notes in a held entry which summary told of it. True where it is so now; false where it is
    /// not held (yet).
    pub(super) async fn summarised(
        &self,
        id: &FindingId,
        summary: &FindingId,
    ) -> Result<bool, LedgerError> {
        let mut last = None;
        for _ in 0..TRIES {
            let Some(found) = self.read(id).await? else { return Ok(false) };
            let entry = found.entry.map_err(|error| self.place.error(&keys::entry(id), error))?;
            if entry.state != State::Held {
                return Ok(entry.state == State::Summarised);
            }
            let told = Entry { state: State::Summarised, summary: Some(summary.clone()), ..entry };
            match self.write(&told, Condition::IfMatch(found.object.etag)).await {
                Ok(_) => return Ok(true),
                Err(error) => last = Some(error),
            }
        }
        Err(self.place.out_of_tries(&keys::entry(id), last))
    }
}

fn with_state(claim: &Claim, state: State) -> Entry {
    Entry { state, ..claim.entry.clone() }
}
