//! All rules together.

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;

use super::required_fields::RequiredFields;
use super::{Correlation, Rule, prefilter};
use crate::cloudtrail::key::region_records;
use crate::cloudtrail::prefilter::Prefilter;
use crate::ecs::View;

/// All rules together, each id once, found by what they look for. Never empty.
#[derive(Debug, Clone)]
pub struct RuleSet {
    rules: Vec<Rule>,
    pins: Vec<RequiredFields>,
    /// Indexes of rules that look for certain calls, by the call.
    by_action: HashMap<String, Vec<usize>>,
    /// Indexes of rules that look for any call of certain services, by the service.
    by_provider: HashMap<String, Vec<usize>>,
    /// Indexes of all other rules.
    unpinned: Vec<usize>,
    prefilter: Result<Prefilter, usize>,
    correlations: Vec<Correlation>,
}

/// There is no rule at all: nothing would ever be found, and nobody would know why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no rule to run")]
pub struct NoRules;

impl RuleSet {
    /// Puts the rules of several sources together. A rule takes the place of an earlier one with
    /// the same id.
    ///
    /// # Errors
    /// No source has a rule.
    pub fn new(sources: impl IntoIterator<Item = Vec<Rule>>) -> Result<RuleSet, NoRules> {
        let mut rules: Vec<Rule> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        for rule in sources.into_iter().flatten() {
            match places.get(&rule.info.id) {
                Some(&place) => rules[place] = rule,
                None => {
                    places.insert(rule.info.id.clone(), rules.len());
                    rules.push(rule);
                }
            }
        }
        if rules.is_empty() { Err(NoRules) } else { Ok(RuleSet::index(rules)) }
    }

    fn index(rules: Vec<Rule>) -> RuleSet {
        let pins: Vec<RequiredFields> =
            rules.iter().map(|rule| RequiredFields::from_expr(rule.query.expr())).collect();
        let (mut by_action, mut by_provider, mut unpinned) =
            (HashMap::new(), HashMap::new(), Vec::new());
        for (at, required_fields) in pins.iter().enumerate() {
            match (&required_fields.actions, &required_fields.providers) {
                (Some(actions), _) => list(&mut by_action, actions, at),
                (None, Some(providers)) => list(&mut by_provider, providers, at),
                (None, None) => unpinned.push(at),
            }
        }
        let prefilter = prefilter::of(&pins);
        RuleSet {
            rules,
            pins,
            by_action,
            by_provider,
            unpinned,
            prefilter,
            correlations: Vec::new(),
        }
    }

    /// The same with correlations over its rules. They match no record themselves.
    pub fn with_correlations(self, correlations: Vec<Correlation>) -> RuleSet {
        RuleSet { correlations, ..self }
    }

    /// All correlations, in the order of the sources.
    pub fn correlations(&self) -> &[Correlation] {
        &self.correlations
    }

    /// All rules, in the order of the sources.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The rules that match a record, in the order of the sources. `now` is what date math counts
    /// from.
    pub fn matching(&self, view: &View<'_>, now: Timestamp) -> impl Iterator<Item = &Rule> {
        let candidates = self.candidates(view).into_iter().map(|at| &self.rules[at]);
        candidates.filter(move |rule| rule.query.matches(view, now))
    }

    /// Indexes of the rules that the record's service and call leave over, in order.
    fn candidates(&self, view: &View<'_>) -> Vec<usize> {
        let of_action = view.action().and_then(|action| self.by_action.get(action));
        let of_provider = view.provider().and_then(|provider| self.by_provider.get(provider));
        let listed = of_action.into_iter().chain(of_provider).flatten();
        let mut candidates: Vec<usize> = listed.chain(&self.unpinned).copied().collect();
        candidates.sort_unstable();
        candidates
    }

    /// What stands in every record that some rule can match; or a rule that can match records in
    /// which nothing certain stands, so that each record has to be looked at.
    pub fn prefilter(&self) -> Result<&Prefilter, &Rule> {
        self.prefilter.as_ref().map_err(|at| &self.rules[*at])
    }

    /// Whether log objects are probed for what the rules need, and why not, for people.
    pub fn prefilter_summary(&self) -> String {
        match self.prefilter() {
            Ok(prefilter) => {
                format!("on, for {} names of calls and services", prefilter.name_count())
            }
            Err(rule) => format!(
                "off: rule {} names neither a call nor a service",
                rule.info.id.escape_debug()
            ),
        }
    }

    /// Every `event.provider` that a record must have one of for any rule to match; none where some
    /// rule can match records of any service.
    pub fn providers(&self) -> Option<BTreeSet<&str>> {
        let mut all = BTreeSet::new();
        for required_fields in &self.pins {
            all.extend(required_fields.providers.as_ref()?.iter().map(String::as_str));
        }
        Some(all)
    }

    /// Returns true if log objects of a region can hold records that a rule could match.
    pub fn can_match_in(&self, region: &str) -> bool {
        let can_hold = |provider: &&str| region_records(region, provider);
        self.providers().is_none_or(|providers| providers.iter().any(can_hold))
    }
}

fn list(index: &mut HashMap<String, Vec<usize>>, names: &BTreeSet<String>, at: usize) {
    for name in names {
        index.entry(name.clone()).or_default().push(at);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use proptest::collection::vec;
    use proptest::prelude::*;
    use serde_json::{Map, Value};

    use super::*;
    use crate::cloudtrail::Record;
    use crate::rule::{RuleInfo, RuleOrigin, Severity};
    use kql::Query;

    fn rule(id: &str, query: &str) -> Rule {
        let info = RuleInfo {
            id: id.to_owned(),
            name: id.to_owned(),
            description: id.to_owned(),
            severity: Severity::Low,
            risk_score: 21,
            note: None,
            tags: vec![],
            references: vec![],
            false_positives: vec![],
            threat: vec![],
        };
        Rule {
            info: Arc::new(info),
            query: Query::parse(query).unwrap(),
            interval: Duration::from_secs(300),
            from: Duration::from_secs(360),
            max_signals: 100,
            origin: RuleOrigin::Embedded("test"),
        }
    }

    fn set(queries: &[&str]) -> RuleSet {
        let rules =
            queries.iter().enumerate().map(|(at, query)| rule(&at.to_string(), query)).collect();
        RuleSet::new([rules]).unwrap()
    }

    fn record(fields: &[(&str, &str)]) -> Record {
        let fields: Map<String, Value> =
            fields.iter().map(|(key, value)| (key.to_string(), Value::from(*value))).collect();
        Record::from_value(Value::Object(fields)).unwrap()
    }

    #[test]
    fn a_later_source_replaces_and_no_rule_at_all_is_an_error() {
        let later = vec![rule("b", "event.action: New"), rule("c", "*")];
        let set = RuleSet::new([vec![rule("a", "*"), rule("b", "*")], vec![], later]).unwrap();
        let ids: Vec<_> =
            set.rules().iter().map(|rule| (rule.info.id.as_str(), rule.query.source())).collect();
        assert_eq!(ids, [("a", "*"), ("b", "event.action: New"), ("c", "*")]);
        assert_eq!(RuleSet::new([vec![], vec![]]).unwrap_err(), NoRules);
    }

    #[test]
    fn the_services_are_known_only_if_every_rule_names_its_own() {
        let pinned = set(&["event.provider: b and event.action: X", "event.provider: (a or b)"]);
        assert_eq!(pinned.providers(), Some(BTreeSet::from(["a", "b"])));
        assert_eq!(set(&["event.provider: b", "event.action: X"]).providers(), None);
    }

    #[test]
    fn a_record_of_another_call_is_held_against_few_rules() {
        let set = set(&[
            "event.provider: iam and event.action: A",
            "event.provider: iam",
            "event.outcome: failure",
            "event.action: B",
        ]);
        let cases: [(&str, &str, &[usize]); 5] = [
            ("iam", "A", &[0, 1, 2]),
            ("s3", "A", &[0, 2]),
            ("iam", "C", &[1, 2]),
            ("", "B", &[2, 3]),
            ("", "", &[2]),
        ];
        for (provider, action, expected) in cases {
            let record = record(&[("eventSource", provider), ("eventName", action)]);
            assert_eq!(set.candidates(&View::new(&record)), expected, "{provider} {action}");
        }
    }

    /// Queries in which everything occurs that can mislead the index.
    fn query() -> impl Strategy<Value = String> {
        let leaf = prop::sample::select(vec![
            "event.provider: a",
            "event.provider: b",
            "event.provider: (a or b)",
            "event.provider: *",
            "event.action: X",
            "event.action: (X or Y)",
            "event.action: X*",
            "event.action: \"Y\"",
            "event.action >= X",
            "event.action: 192.0.2.0/24",
            "event.*: X",
            "X",
            "*",
            "event: { action: X }",
            "user.name: a",
            "event.outcome: success",
            "not event.action: X",
        ]);
        leaf.prop_map(str::to_owned).prop_recursive(3, 8, 3, |inner| {
            prop_oneof![
                vec(inner.clone(), 2..4).prop_map(|parts| format!("({})", parts.join(" and "))),
                vec(inner.clone(), 2..4).prop_map(|parts| format!("({})", parts.join(" or "))),
                inner.prop_map(|part| format!("(not {part})")),
            ]
        })
    }

    fn any_record() -> impl Strategy<Value = Record> {
        let provider = prop::sample::select(vec!["a", "b", "c", "", "A"]);
        let action = prop::sample::select(vec!["X", "Y", "XY", "x", "-", "none", "192.0.2.1"]);
        let user = prop::sample::select(vec!["a", "X"]);
        (provider, action, user, any::<[bool; 3]>()).prop_map(|(provider, action, user, keep)| {
            let fields = [("eventSource", provider), ("eventName", action), ("errorCode", user)];
            let kept: Vec<_> = fields
                .into_iter()
                .zip(keep)
                .filter(|(_, keep)| *keep)
                .map(|(field, _)| field)
                .collect();
            record(&kept)
        })
    }

    proptest! {
        #[test]
        fn the_index_changes_no_answer(queries in vec(query(), 1..8), record in any_record()) {
            let rules = queries.iter().enumerate().map(|(at, query)| rule(&at.to_string(), query)).collect();
            let set = RuleSet::new([rules]).unwrap();
            let view = View::new(&record);
            let now = Timestamp::UNIX_EPOCH;
            let found: Vec<_> = set.matching(&view, now).map(|rule| rule.query.source()).collect();
            let all = set.rules().iter().filter(|rule| rule.query.matches(&view, now));
            prop_assert_eq!(&found, &all.map(|rule| rule.query.source()).collect::<Vec<_>>());
            let provider_allowed = set.providers().is_none_or(|all| view.provider().is_some_and(|p| all.contains(p)));
            prop_assert!(found.is_empty() || provider_allowed);
        }
    }
}
