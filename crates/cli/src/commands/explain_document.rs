//! What `trailbell explain` says, as JSON.

use detect::cloudtrail::Record;
use detect::correlation::{Mark, place_marks};
use detect::ecs::{self, View};
use detect::finding::{Facts, Finding, Origin};
use detect::rule::explain::{Clause, explain};
use detect::rule::{Detections, Rule};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::commands::any_rule::AnyRule;

/// A record and what it is matched with.
pub struct JudgedRecord<'a> {
    pub record: &'a Record,
    pub detections: &'a Detections,
    pub now: Timestamp,
}

impl JudgedRecord<'_> {
    /// The record, the rules that match it, or the verdict of the rule that was asked for.
    pub fn document(&self, asked: Option<AnyRule<'_>>) -> Value {
        let view = View::new(self.record);
        let set = &self.detections.rule_set;
        let matching = set.matching(&view, self.now);
        let mut document = json!({"record": ecs::document(self.record)});
        document["matching"] = matching.map(|rule| self.match_document(rule)).collect();
        document["correlations"] = self.correlations();
        if let Some(AnyRule::Rule(rule)) = asked {
            let clause = explain(&rule.query, &view, self.now);
            document["rule"] = json!({
                "rule_id": rule.info.id,
                "name": rule.info.name,
                "matches": clause.holds,
                "clause": clause_document(&clause),
            });
        }
        document
    }

    fn finding(&self, rule: &Rule) -> Finding {
        let origin = Origin::Inline { envelope: "explain".to_owned(), record: 0 };
        let mut finding = Finding::new(&rule.info, self.record, origin);
        finding.privileged = self.detections.is_privileged(&finding);
        finding.rate(&rule.severity_rules, self.now);
        finding
    }

    fn match_document(&self, rule: &Rule) -> Value {
        let view = View::new(self.record);
        let exception = self.detections.exceptions.matching(&rule.info, &view, self.now);
        let finding = self.finding(rule);
        let rating = finding.rating();
        json!({
            "rule_id": rule.info.id,
            "name": rule.info.name,
            "severity": rating.severity,
            "reason": rating.reason,
            "suppressed_by": exception.map(|exception| &exception.name),
        })
    }

    /// The correlations that a finding of the record counts for.
    fn correlations(&self) -> Value {
        let set = &self.detections.rule_set;
        let view = View::new(self.record);
        let matching: Vec<&Rule> = set.matching(&view, self.now).collect();
        let counts = |rule: &Rule, correlation| {
            let finding = self.finding(rule);
            let facts = Facts::new(&finding, None);
            let placed = place_marks(correlation, &finding, &facts, self.now, self.now);
            // What only links two names of a group does not count.
            placed.iter().any(|it| it.mark.rule != Mark::renaming_hash())
        };
        let correlations = set.correlations().iter();
        correlations
            .filter(|correlation| matching.iter().any(|rule| counts(rule, correlation)))
            .map(|correlation| {
                json!({"rule_id": correlation.info.id, "name": correlation.info.name})
            })
            .collect()
    }
}

fn clause_document(clause: &Clause) -> Value {
    let mut document = json!({"holds": clause.holds, "text": clause.text});
    if let Some(found) = &clause.found {
        document["found"] = found.as_str().into();
    }
    if !clause.parts.is_empty() {
        document["parts"] = clause.parts.iter().map(clause_document).collect();
    }
    document
}
