//! Objects that may kill their readers: those of messages that were received before. Each is noted
//! in the ledger before it is read, and one that killed too many readers is not read again here. So
//! it does not take the other objects of its batch to the dead letters.

use std::sync::Arc;

use detect::text::error::error_chain;
use futures::stream::{self, StreamExt};

use super::object::ObjectResults;
use super::report::ObjectOutcome;
use super::run::{ProcessedObjects, QueuedObject, Run};
use crate::ledger::{Ledger, StoredLedger};

/// From so many receives of a message on, its objects are noted: readers may have died of them.
const NOTED_FROM: u32 = 3;

/// An object that so many readers died of is not read for a notification again.
const MAX_DEATHS: u32 = 2;

/// Notes that are read at once.
const CONCURRENCY: usize = 16;

impl Run {
    /// Processes objects that messages name: first those that no reader can have died of, then the
    /// others one by one. Returns those not started.
    pub(crate) async fn process_announced(
        &mut self,
        objects: Vec<QueuedObject>,
    ) -> Vec<QueuedObject> {
        let pipeline = Arc::clone(self.pipeline());
        let Ledger::Stored(ledger) = &pipeline.ledger else {
            return self.process_objects(objects).await.not_started;
        };
        let (suspects, others): (Vec<_>, Vec<_>) =
            objects.into_iter().partition(|it| it.receives >= NOTED_FROM);
        let mut not_started = self.process_objects(others).await.not_started;
        let mut suspects = with_deaths(ledger, suspects).await;
        suspects.sort_by_key(|(deaths, _)| *deaths);
        for (deaths, suspect) in suspects {
            if deaths >= MAX_DEATHS {
                self.leave_suspect(suspect, deaths, !pipeline.trails.is_empty());
            } else {
                let object = suspect.object.clone();
                not_started.extend(self.process_suspect(ledger, suspect).await.not_started);
                // If this fails, one death too many is counted.
                let _ = ledger.end_reading(&object).await;
            }
        }
        not_started
    }

    /// Notes that an object is about to be read, and processes it. The note is left to the caller.
    pub(crate) async fn process_suspect(
        &mut self,
        ledger: &StoredLedger,
        suspect: QueuedObject,
    ) -> ProcessedObjects {
        if self.clock.is_over() {
            return ProcessedObjects { not_started: vec![suspect], ..ProcessedObjects::default() };
        }
        if let Err(error) = ledger.begin_reading(&suspect.object).await {
            let why = format!("not read, since that could not be noted: {}", error_chain(&error));
            return self.fail_object(suspect, &why);
        }
        self.process_objects(vec![suspect]).await
    }

    fn leave_suspect(&mut self, suspect: QueuedObject, deaths: u32, is_swept: bool) {
        let QueuedObject { message, object, .. } = suspect;
        let results = if is_swept {
            let note = format!("{deaths} readers died of it: left to the sweep");
            ObjectResults::noted(ObjectOutcome::LeftToSweep, &object, note)
        } else {
            let why = format!("{deaths} readers died of it, so it is not read again");
            ObjectResults::retried(ObjectOutcome::Failed, &object, why)
        };
        self.add_object(&message, results);
    }

    fn fail_object(&mut self, suspect: QueuedObject, why: &str) -> ProcessedObjects {
        let QueuedObject { message, object, .. } = suspect;
        let results = ObjectResults::retried(ObjectOutcome::Failed, &object, why);
        self.add_object(&message, results);
        let ended = vec![(object, ObjectOutcome::Failed)];
        ProcessedObjects { ended, ..ProcessedObjects::default() }
    }
}

/// Objects, and how many of their readers died. One whose note cannot be read counts as new.
async fn with_deaths(
    ledger: &StoredLedger,
    suspects: Vec<QueuedObject>,
) -> Vec<(u32, QueuedObject)> {
    let count = |suspect: QueuedObject| async {
        (ledger.readings_begun(&suspect.object).await.unwrap_or(0), suspect)
    };
    stream::iter(suspects).map(count).buffered(CONCURRENCY).collect().await
}
