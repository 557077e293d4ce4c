//! What is told of an episode.

use super::{Episode, Mark, members, values};
use crate::alert::{Correlated, Known};
use crate::finding::{Finding, FindingId};
use crate::rule::{Correlation, Stage};

/// What is to be told of an episode as it is now, by the marks around it. Its id is the same for
/// the same episode and severity, whoever tells of it.
pub fn told(
    correlation: &Correlation,
    folder: &str,
    marks: &[Mark],
    episode: &Episode,
) -> Correlated {
    let members = members(correlation, marks, episode);
    let severity = episode.severity.as_str();
    let raise = correlation.raises.iter().find(|raise| raise.severity == episode.severity);
    let names = |stage: &Stage| stage.0.iter().map(|reference| reference.name.clone()).collect();
    Correlated {
        id: FindingId::of_parts([
            "correlation",
            &correlation.info.id,
            folder,
            episode.id.as_str(),
            severity,
        ]),
        rule: correlation.info_at(episode.severity),
        base: correlation.info.severity,
        raised_by: raise.map(|raise| raise.query.source().to_owned()),
        asked: correlation.in_words(),
        stages: correlation.stages.iter().map(names).collect(),
        group_by: correlation.group_by.clone(),
        folder: folder.to_owned(),
        episode: episode.id.clone(),
        start: episode.start,
        end: episode.end,
        members: members.shown,
        events: members.events,
    }
}

/// What is known of what is told: its members, as far as they could be read, and what they are
/// alike in.
pub fn known(told: &Correlated, members: Vec<Finding>, trouble: Option<String>) -> Known {
    let values = members.iter().find_map(|finding| values(&told.group_by, &told.folder, finding));
    Known { values, members, trouble }
}
