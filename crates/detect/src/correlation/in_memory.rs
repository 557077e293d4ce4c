//! Correlations of findings that are all at hand, without a ledger.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{CorrelationAlertData, FolderWalk, Incident, Incidents, Mark, PlacedMark, place_marks};
use crate::finding::{Facts, Finding, FindingId};
use crate::rule::Correlation;

/// The alert data of every incident in these findings, as if all had arrived. Date math in queries
/// counts from `now`, which is also the time of a finding without one.
pub fn correlate_findings<'f>(
    correlation: &Correlation,
    findings: impl Iterator<Item = &'f Finding>,
    now: Timestamp,
) -> Vec<CorrelationAlertData> {
    let mut folders: BTreeMap<String, Vec<Mark>> = BTreeMap::new();
    for finding in findings {
        let facts = Facts::new(finding, None);
        for PlacedMark { folder, mark } in place_marks(correlation, finding, &facts, now, now) {
            folders.entry(folder).or_default().push(mark);
        }
    }
    let mut alerts = Vec::new();
    for folder in folders.keys() {
        let marks = timeline_marks(folder, &folders);
        for incident in find_incidents(correlation, folder, &marks) {
            alerts.push(CorrelationAlertData::new(correlation, folder, &marks, &incident));
        }
    }
    alerts
}

fn timeline_marks(folder: &str, folders: &BTreeMap<String, Vec<Mark>>) -> Vec<Mark> {
    let mut walk = FolderWalk::new(folder);
    while let Some(next) = walk.next_folder() {
        walk.add_marks(&next, folders.get(&next.folder).into_iter().flatten().cloned());
    }
    walk.into_marks()
}

fn find_incidents(correlation: &Correlation, folder: &str, marks: &[Mark]) -> Vec<Incident> {
    let times: Vec<Timestamp> = marks.iter().map(|mark| mark.time).collect();
    let new_id =
        |name: &str| FindingId::hash_parts(["incident", &correlation.info.id, folder, name]);
    let window = Timestamp::MIN..=Timestamp::MAX;
    Incidents::default().update(correlation, marks, &window, &times, &new_id).1
}
