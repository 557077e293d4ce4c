//! Any bytes as what the model reads: a stored log, an import, or a record. A log that can be read
//! stays the same when its events come again, and has a state at every time.

#![no_main]

use std::fmt::Debug;

use detect::cloudtrail::Record;
use detect::model::{
    AuthorizationDetails, EventLog, GroupEvent, GroupLogs, KnownNames, LogEvent, PolicyEvent,
    read_changes,
};
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use serde::de::DeserializeOwned;
use serde_json::Value;

fuzz_target!(|stored: &[u8]| {
    if let Some(log) = log::<GroupEvent>(stored) {
        let names: Vec<String> = log.events.iter().map(|it| it.group.to_lowercase()).collect();
        let groups = names.iter().map(|name| (name.clone(), log.clone())).collect();
        let logs = GroupLogs { groups, ..GroupLogs::default() };
        for name in names {
            let _ = logs.state_at(&name, Timestamp::MAX);
        }
    }
    if let Some(log) = log::<PolicyEvent>(stored) {
        let _ = log.state_at(Timestamp::MAX).power();
    }
    let Ok(value) = serde_json::from_slice::<Value>(stored) else { return };
    let mut details = AuthorizationDetails::default();
    match details.add_page(&value).and_then(|()| details.check()) {
        Ok(()) => {
            for (account, details) in details.accounts() {
                drop(details.changes(account, Timestamp::UNIX_EPOCH, &KnownNames::default()));
            }
        }
        Err(error) => drop(error.to_string()),
    }
    if let Ok(record) = Record::from_value(value) {
        drop(read_changes(&record, None));
    }
});

/// The log, after its events came twice.
fn log<E>(stored: &[u8]) -> Option<EventLog<E>>
where
    E: LogEvent + DeserializeOwned + Debug,
{
    let mut log =
        EventLog::<E>::decode(stored).inspect_err(|error| drop(error.to_string())).ok()?;
    // What others wrote need not be in order.
    log.add([]);
    let once = log.clone();
    log.add(once.events.clone());
    assert_eq!(log.events, once.events, "repeated events change nothing");
    Some(log)
}
