//! `alert_suppression`: findings of one rule with the same values are alerted once in a while. Of a
//! threshold or a sequence, its alerts take the place of findings.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::correlation::format_timespan;
use crate::correlation::field_value;
use crate::finding::FindingId;

/// Alerts of one group that are kept. Later findings are compared with these only.
const MAX_ALERTS: usize = 32;

/// Which findings of a rule are alerted once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertSuppression {
    /// The fields whose values make a group, at most three. Of a threshold, those that it counts
    /// by, which may be none.
    pub group_by: Vec<String>,
    /// How long one alert stands for the findings of its group.
    pub duration: SignedDuration,
    /// What becomes of a finding without a value in one of the fields.
    pub missing_fields: MissingFields,
}

/// What becomes of a finding without a value in one of the fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MissingFields {
    /// No value is a value, too.
    #[default]
    Suppress,
    /// It is alerted by itself.
    DoNotSuppress,
}

impl AlertSuppression {
    /// The longest duration.
    pub const MAX_DURATION: SignedDuration = SignedDuration::from_hours(30 * 24);

    /// `not alerted for 5 minutes while user.name is the same`.
    pub fn describe(&self) -> String {
        let duration = format_timespan(self.duration);
        let is = match self.group_by.len() {
            0 => return format!("not alerted again for {duration}"),
            1 => "is",
            _ => "are",
        };
        format!("not alerted for {duration} while {} {is} the same", self.group_by.join(", "))
    }

    /// Identifies the group of a finding by its record, or that of a sequence by the records of its
    /// calls: a field in which they differ has no value, as in Elastic. Returns `None` if it is in
    /// no group.
    pub fn group(&self, records: &[&Value]) -> Option<String> {
        let value = |field: &String| match self.missing_fields {
            MissingFields::Suppress => Some(shared_value(records, field).unwrap_or_default()),
            MissingFields::DoNotSuppress => shared_value(records, field),
        };
        let values: Option<Vec<String>> = self.group_by.iter().map(value).collect();
        values.map(|it| FindingId::hash_parts(it.iter().map(String::as_str)).as_str().to_owned())
    }
}

/// The value of a field that all records have.
fn shared_value(records: &[&Value], field: &str) -> Option<String> {
    let (first, others) = records.split_first()?;
    let value = field_value(*first, field)?;
    others
        .iter()
        .all(|record| field_value(*record, field).as_ref() == Some(&value))
        .then_some(value)
}

/// The alerts of one group.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupAlerts {
    alerts: Vec<GroupAlert>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct GroupAlert {
    finding: FindingId,
    time: Timestamp,
}

impl GroupAlerts {
    /// Returns true if the finding is to be alerted: it was before, or no alert of the group is
    /// within `duration` before or after it. Findings may arrive in any order, and again.
    pub fn admit(
        &mut self,
        finding: &FindingId,
        time: Timestamp,
        duration: SignedDuration,
    ) -> bool {
        if self.alerts.iter().any(|alert| alert.finding == *finding) {
            return true;
        }
        let is_near = |alert: &GroupAlert| time.duration_since(alert.time).abs() < duration;
        if self.alerts.iter().any(is_near) {
            return false;
        }
        self.alerts.push(GroupAlert { finding: finding.clone(), time });
        self.alerts.sort_by_key(|alert| alert.time);
        let extra = self.alerts.len().saturating_sub(MAX_ALERTS);
        self.alerts.drain(..extra);
        true
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn id(number: usize) -> FindingId {
        FindingId::hash_parts([number.to_string().as_str()])
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_field_in_which_calls_differ_has_no_value() {
        let suppression = |missing_fields| AlertSuppression {
            group_by: vec!["user.name".to_owned(), "group.name".to_owned()],
            duration: SignedDuration::from_secs(60),
            missing_fields,
        };
        let [suppress, alert] =
            [MissingFields::Suppress, MissingFields::DoNotSuppress].map(suppression);
        let call = |user: &str, group: &str| json!({"user.name": user, "group.name": group});
        let [one, same, other] = [call("a", "x"), call("a", "x"), call("a", "y")];
        assert_eq!(suppress.group(&[&one, &same]), suppress.group(&[&one]));
        assert_eq!(alert.group(&[&one, &same]), suppress.group(&[&one]));
        let without_group = suppress.group(&[&json!({"user.name": "a"})]);
        assert_eq!(suppress.group(&[&one, &other]), without_group);
        assert_eq!(suppress.group(&[&one, &same, &other]), without_group);
        assert_ne!(without_group, suppress.group(&[&one]));
        assert_eq!(alert.group(&[&one, &other]), None);
        assert_eq!(alert.group(&[]), None);
    }

    #[test]
    fn one_alert_stands_for_the_findings_around_it() {
        let mut group = GroupAlerts::default();
        let minute = SignedDuration::from_secs(60);
        for (number, second, expected) in [
            (0, 1_000, true),
            (1, 1_059, false),
            (2, 1_060, true),
            (0, 1_000, true),
            (1, 1_059, false),
            // Late ones, before and between.
            (3, 941, false),
            (4, 940, true),
            (5, 1_119, false),
            (6, 1_120, true),
        ] {
            assert_eq!(group.admit(&id(number), at(second), minute), expected, "{number}");
        }
    }

    #[test]
    fn few_alerts_are_kept() {
        let mut group = GroupAlerts::default();
        for number in 0..100 {
            assert!(group.admit(&id(number), at(number as i64), SignedDuration::from_secs(1)));
        }
        assert_eq!(group.alerts.len(), MAX_ALERTS);
        assert!(!group.admit(&id(100), at(99), SignedDuration::from_secs(1)));
    }

    proptest! {
        #[test]
        fn alerts_are_apart_and_every_finding_is_near_one(
            seconds in prop::collection::vec(0..200_i64, 1..40),
            order in prop::collection::vec(any::<prop::sample::Index>(), 0..80),
        ) {
            let duration = SignedDuration::from_secs(20);
            let mut group = GroupAlerts::default();
            let all = (0..seconds.len()).chain(order.iter().map(|it| it.index(seconds.len())));
            let mut admitted = vec![None; seconds.len()];
            for number in all {
                let admits = group.admit(&id(number), at(seconds[number]), duration);
                // Deliveries that are repeated change nothing.
                prop_assert_eq!(*admitted[number].get_or_insert(admits), admits);
            }
            let alerted: Vec<i64> = (0..seconds.len())
                .filter(|number| admitted[*number] == Some(true))
                .map(|number| seconds[number])
                .collect();
            for (index, one) in alerted.iter().enumerate() {
                let others = alerted[..index].iter();
                prop_assert!(others.into_iter().all(|other| (one - other).abs() >= 20));
            }
            for second in seconds {
                prop_assert!(alerted.iter().any(|alert| (alert - second).abs() < 20));
            }
        }
    }
}
