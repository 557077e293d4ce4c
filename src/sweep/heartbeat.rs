//! The heartbeat: what every sweep writes that comes to its end, whatever it met. It shows that the
//! schedule works, and keeps a copy of the cursors, from which sweeps start again if the state of a
//! trail is damaged.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::SweepReport;
use crate::ledger::{LedgerError, LedgerProblem, StoredLedger};
use crate::store::WriteCondition;

const NAME: &str = "heartbeat";

/// How far sweeps have come with each trail, by the name of its state in the ledger.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProvenCursors {
    #[serde(default)]
    cursors: BTreeMap<String, Timestamp>,
}

#[derive(Serialize)]
struct StoredHeartbeat<'a> {
    time: Timestamp,
    sweep: SweepReport,
    #[serde(flatten)]
    proven: &'a ProvenCursors,
}

impl ProvenCursors {
    /// Reads what the last sweep wrote. Empty if there was none.
    ///
    /// # Errors
    /// The heartbeat cannot be read, or is damaged.
    pub async fn load(ledger: &StoredLedger) -> Result<ProvenCursors, LedgerError> {
        let Some(object) = ledger.sweep_object(NAME).await? else {
            return Ok(ProvenCursors::default());
        };
        serde_json::from_slice(&object.bytes).map_err(|error| {
            ledger.sweep_error(NAME, LedgerProblem::DamagedHeartbeat(Arc::new(error)))
        })
    }

    /// How far sweeps had come with a trail. `None` if the last sweep does not say.
    pub fn cursor(&self, state_name: &str) -> Option<Timestamp> {
        self.cursors.get(state_name).copied()
    }

    /// Notes how far a sweep has come with a trail.
    pub fn note(&mut self, state_name: &str, cursor: Timestamp) {
        self.cursors.insert(state_name.to_owned(), cursor);
    }

    /// Writes the heartbeat of a sweep that began at `time`, by the store's clock.
    pub(super) async fn write(
        &self,
        ledger: &StoredLedger,
        time: Timestamp,
        sweep: SweepReport,
    ) -> Result<(), LedgerError> {
        let heartbeat = serde_json::to_vec(&StoredHeartbeat { time, sweep, proven: self })
            .map_err(|error| ledger.sweep_error(NAME, error))?;
        ledger.put_sweep_object(NAME, Bytes::from(heartbeat), WriteCondition::None).await?;
        Ok(())
    }
}
