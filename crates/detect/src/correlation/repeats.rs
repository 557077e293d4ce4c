//! Which marks a correlation can do without: one step, repeated, would hide the others.

use std::collections::BTreeMap;

use super::mark::{Link, Mark};
use crate::rule::{Condition, Correlation, Severity};

/// What repeated marks have in common, and the part of the time that they are in.
type StepKey<'m> = (i64, &'m str, Option<Severity>, Option<&'m str>, Option<&'m Link>);

/// Leaves out repetitions of a step: marks of one rule that have severity, value, link and
/// `target` in common. Whether the condition is met, and how severe it is, stays the same.
///
/// Time is divided into parts as long as the timespan. An interval of that length that includes a
/// mark of a part also includes the first or the last one. So the first and the last of each part
/// stand for those between them; where events are counted, as many at each end as the condition
/// needs. The order of steps can depend on each mark, so `temporal_ordered` and sequences need all
/// of them.
pub fn without_repeats<M: AsRef<Mark>, T: Ord>(
    correlation: &Correlation,
    marks: Vec<M>,
    target: impl Fn(&M) -> T,
) -> Vec<M> {
    let needed = match correlation.condition {
        Condition::All | Condition::Values(..) => 1,
        Condition::Events(least) | Condition::EventsAndValues(least, ..) => least as usize,
        Condition::Ordered | Condition::Sequence { .. } => return marks,
    };
    let mut steps: BTreeMap<(StepKey<'_>, T), Vec<usize>> = BTreeMap::new();
    for (index, item) in marks.iter().enumerate() {
        let step = step_of(correlation, item.as_ref());
        steps.entry((step, target(item))).or_default().push(index);
    }
    let mut is_kept = vec![true; marks.len()];
    for mut repeated in steps.into_values() {
        repeated.sort_by_key(|index| marks[*index].as_ref().time);
        let end = repeated.len().saturating_sub(needed);
        for index in repeated.get(needed..end).into_iter().flatten() {
            is_kept[*index] = false;
        }
    }
    let kept = marks.into_iter().zip(is_kept).filter(|(_, is_kept)| *is_kept);
    kept.map(|(mark, _)| mark).collect()
}

fn step_of<'m>(correlation: &Correlation, mark: &'m Mark) -> StepKey<'m> {
    let part = mark.time.as_second().div_euclid(correlation.timespan.as_secs().max(1));
    (part, &mark.rule, mark.raised, mark.value.as_deref(), mark.link.as_ref())
}
