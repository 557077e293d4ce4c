//! All rules that run together.

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;

use super::correlation::Correlation;
use super::definition::Rule;
use super::required_fields::{RequiredFields, build_prefilter};
use super::scope::ReadScope;
use super::sequence;
use super::threshold::Threshold;
use crate::cloudtrail::key::{is_same_partition, region_records, regions_recording};
use crate::cloudtrail::prefilter::Prefilter;
use crate::ecs::View;

/// All rules that run together, indexed by the calls and services that they require. Never empty.
#[derive(Debug, Clone)]
pub struct RuleSet {
    rules: Vec<Rule>,
    required_fields: Vec<RequiredFields>,
    /// Indexes of the rules that require certain calls, by call.
    by_action: HashMap<String, Vec<usize>>,
    /// Indexes of the rules that require certain services but no call, by service.
    by_provider: HashMap<String, Vec<usize>>,
    /// Indexes of all other rules.
    unindexed: Vec<usize>,
    /// Searches for the literals of all rules that require one.
    literals: Prefilter,
    /// The index of a rule that requires none.
    without_literal: Option<usize>,
    correlations: Vec<Correlation>,
}

/// There is no rule: nothing would ever be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no rule to run")]
pub struct NoRules;

impl RuleSet {
    /// Indexes rules, which must have different ids.
    /// Fails if there is no rule.
    pub fn new(rules: Vec<Rule>) -> Result<RuleSet, NoRules> {
        if rules.is_empty() {
            return Err(NoRules);
        }
        let required_fields: Vec<RequiredFields> =
            rules.iter().map(|rule| rule.query.required_fields()).collect();
        let mut by_action: HashMap<String, Vec<usize>> = HashMap::new();
        let mut by_provider: HashMap<String, Vec<usize>> = HashMap::new();
        let mut unindexed = Vec::new();
        for (index, required) in required_fields.iter().enumerate() {
            let (names, by_name) = match required {
                RequiredFields { actions: Some(actions), .. } => (actions, &mut by_action),
                RequiredFields { providers: Some(providers), .. } => (providers, &mut by_provider),
                _ => {
                    unindexed.push(index);
                    continue;
                }
            };
            for name in names {
                by_name.entry(name.clone()).or_default().push(index);
            }
        }
        let (literals, without_literal) = build_prefilter(&required_fields);
        let thresholds = rules.iter().filter_map(Threshold::correlation);
        let sequences = rules.iter().filter_map(sequence::correlation);
        let correlations = thresholds.chain(sequences).collect();
        Ok(RuleSet {
            rules,
            required_fields,
            by_action,
            by_provider,
            unindexed,
            literals,
            without_literal,
            correlations,
        })
    }

    /// The rules that look for new values, without the others and without correlations.
    /// Fails if there is none.
    pub fn with_new_terms_only(&self) -> Result<RuleSet, NoRules> {
        let rules = self.rules.iter().filter(|rule| rule.info.new_terms.is_some());
        RuleSet::new(rules.cloned().collect())
    }

    /// Adds correlations, whose references are resolved to these rules.
    pub(super) fn with_correlations(mut self, correlations: Vec<Correlation>) -> RuleSet {
        self.correlations.extend(correlations);
        self
    }

    /// The thresholds and sequences of rules, then the correlations, in the order of the sources.
    pub fn correlations(&self) -> &[Correlation] {
        &self.correlations
    }

    /// The rules, in the order of the sources. Correlations are not among them.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The rules that match a record, in the order of the sources. Date math counts from `now`.
    pub fn matching(&self, view: &View<'_>, now: Timestamp) -> impl Iterator<Item = &Rule> {
        let candidates = self.candidates(view).into_iter().map(|index| &self.rules[index]);
        candidates.filter(move |rule| rule.query.matches(view, now))
    }

    /// The ascending indexes of the rules that can match a record of its service and call.
    fn candidates(&self, view: &View<'_>) -> Vec<usize> {
        let by_action = view.action().and_then(|action| self.by_action.get(action));
        let by_provider = view.provider().and_then(|provider| self.by_provider.get(provider));
        let indexed = by_action.into_iter().chain(by_provider).flatten();
        let mut candidates: Vec<usize> = indexed.chain(&self.unindexed).copied().collect();
        candidates.sort_unstable();
        candidates
    }

    /// The literals of which every record that some rule matches has one.
    /// Fails with a rule that can match records without any: every record must be parsed.
    pub fn prefilter(&self) -> Result<&Prefilter, &Rule> {
        match self.without_literal {
            None => Ok(&self.literals),
            Some(index) => Err(&self.rules[index]),
        }
    }

    /// The literals of all rules that require one: a record with any of them may be what a rule
    /// looks for, whatever other rules can match.
    pub fn literals(&self) -> &Prefilter {
        &self.literals
    }

    /// One line about the prefilter: whether it is in use, or the rule that prevents it.
    pub fn prefilter_summary(&self) -> String {
        match self.prefilter() {
            Ok(prefilter) => {
                let agents = match prefilter.agent_count() {
                    0 => String::new(),
                    count => format!(", and {count} texts of user agents"),
                };
                format!("on, for {} names of calls and services{agents}", prefilter.name_count())
            }
            Err(rule) => {
                let id = rule.info.id.escape_debug();
                format!("off: rule {id} names neither a call, a service nor a user agent")
            }
        }
    }

    /// Returns true if log objects of an account and region can hold records that some rule
    /// matches, and are in the scope of that rule.
    pub fn can_match_in(&self, account: &str, region: &str, scope: &ReadScope) -> bool {
        let can_hold = |provider: &String| region_records(region, provider);
        self.rules.iter().zip(&self.required_fields).any(|(rule, required)| {
            let providers = required.providers.as_ref();
            providers.is_none_or(|providers| providers.iter().any(can_hold))
                && (rule.origin.embedded_set())
                    .is_none_or(|set| scope.includes(set, account, region))
        })
    }

    /// The regions of an account, in the partition of AWS that is read, in which
    /// [`can_match_in`](RuleSet::can_match_in) is true. `None` if they cannot all be named.
    pub fn regions(&self, account: &str, scope: &ReadScope) -> Option<BTreeSet<String>> {
        let home = scope.home_region.as_deref()?;
        let mut regions = BTreeSet::new();
        for (rule, required) in self.rules.iter().zip(&self.required_fields) {
            let of_set = rule.origin.embedded_set().and_then(|set| scope.regions(set, account));
            regions.extend(of_set.or_else(|| recording_regions(required))?);
        }
        let is_read = |region: &String| self.can_match_in(account, region, scope);
        regions.retain(|region| is_same_partition(region, home) && is_read(region));
        Some(regions)
    }
}

/// The regions in which records of a rule's services are. `None` if that can be every region.
fn recording_regions(required: &RequiredFields) -> Option<Vec<String>> {
    let mut regions = Vec::new();
    for provider in required.providers.as_ref()? {
        regions.extend(regions_recording(provider)?.iter().map(|&region| region.to_owned()));
    }
    Some(regions)
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
    use crate::rule::{LogPlace, RuleInfo, RuleOrigin, Severity};
    use kql::Query;

    fn rule(id: &str, query: &str) -> Rule {
        let info = RuleInfo {
            id: id.to_owned(),
            name: id.to_owned(),
            description: id.to_owned(),
            severity: Severity::Low,
            risk_score: 21,
            version: None,
            setup: None,
            note: None,
            tags: vec![],
            references: vec![],
            false_positives: vec![],
            threat: vec![],
            investigation_fields: vec![],
            building_block: false,
            alert_suppression: None,
            threshold: None,
            new_terms: None,
            sequence: false,
        };
        Rule {
            info: Arc::new(info),
            query: match query.starts_with("any where ") {
                true => eql::Query::parse(query).unwrap().into(),
                false => Query::parse(query).unwrap().into(),
            },
            interval: Duration::from_secs(300),
            from: Duration::from_secs(360),
            max_signals: 100,
            severity_rules: Default::default(),
            alert_when: None,
            origin: RuleOrigin::Embedded("test"),
        }
    }

    fn set(queries: &[&str]) -> RuleSet {
        let rules =
            queries.iter().enumerate().map(|(at, query)| rule(&at.to_string(), query)).collect();
        RuleSet::new(rules).unwrap()
    }

    fn record(fields: &[(&str, &str)]) -> Record {
        let fields: Map<String, Value> =
            fields.iter().map(|(key, value)| (key.to_string(), Value::from(*value))).collect();
        Record::from_value(Value::Object(fields)).unwrap()
    }

    #[test]
    fn an_empty_rule_set_is_an_error() {
        assert_eq!(RuleSet::new(Vec::new()).unwrap_err(), NoRules);
    }

    #[test]
    fn log_objects_are_read_where_a_rule_can_match_and_is_looked_for() {
        let iam = "event.provider: iam.amazonaws.com and event.action: X";
        let scope = ReadScope {
            guard: vec![LogPlace::parse("111122223333/eu-west-1").unwrap()],
            identity_center: None,
            home_region: Some("eu-central-1".to_owned()),
        };
        let mut guarded = rule("guard", "event.provider: sns.amazonaws.com");
        guarded.origin = RuleOrigin::Embedded("guard-topic-changed.toml");
        let with_guard = RuleSet::new(vec![rule("iam", iam), guarded]).unwrap();
        for (set, account, region, expected) in [
            (set(&[iam]), "111122223333", "us-east-1", true),
            (set(&[iam]), "111122223333", "eu-west-1", false),
            (set(&[iam, "event.provider: ec2.amazonaws.com"]), "111122223333", "eu-west-1", true),
            (set(&[iam, "event.action: X"]), "111122223333", "eu-west-1", true),
            (with_guard.clone(), "111122223333", "eu-west-1", true),
            (with_guard.clone(), "444455556666", "eu-west-1", false),
            (with_guard.clone(), "111122223333", "eu-central-1", false),
            (with_guard, "444455556666", "us-east-1", true),
        ] {
            let names: Vec<&str> = set.rules().iter().map(|rule| rule.query.source()).collect();
            let found = set.can_match_in(account, region, &scope);
            assert_eq!(found, expected, "{account} {region} {names:?}");
            // Those that can be named are the same.
            let regions = set.regions(account, &scope);
            let found = regions.is_none_or(|regions| regions.contains(region));
            assert_eq!(found, expected, "{account} {region} {names:?}");
        }
    }

    #[test]
    fn regions_are_named_where_no_rule_can_match_in_every_one() {
        let iam = "event.provider: iam.amazonaws.com and event.action: X";
        let regions = |queries: &[&str], home: Option<&str>| {
            let scope = ReadScope { home_region: home.map(str::to_owned), ..ReadScope::default() };
            set(queries).regions("111122223333", &scope)
        };
        for (home, expected) in [("eu-central-1", "us-east-1"), ("us-gov-east-1", "us-gov-west-1")]
        {
            assert_eq!(regions(&[iam], Some(home)), Some([expected.to_owned()].into()), "{home}");
        }
        assert_eq!(regions(&[iam], None), None);
        for other in ["event.provider: ec2.amazonaws.com", "event.action: X"] {
            assert_eq!(regions(&[iam, other], Some("us-east-1")), None, "{other}");
        }
    }

    #[test]
    fn only_rules_of_the_same_call_or_service_are_candidates() {
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

    /// Queries with everything that could mislead the index.
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
            "user_agent.original: *kali*",
            "user_agent.original: kali-x",
            "user_agent.original: k?li*",
            "user_agent.original: 10.0.0.0/24",
            "user_agent.original: *",
        ]);
        leaf.prop_map(str::to_owned).prop_recursive(3, 8, 3, |inner| {
            prop_oneof![
                vec(inner.clone(), 2..4).prop_map(|parts| format!("({})", parts.join(" and "))),
                vec(inner.clone(), 2..4).prop_map(|parts| format!("({})", parts.join(" or "))),
                inner.prop_map(|part| format!("(not {part})")),
            ]
        })
    }

    /// The same in EQL.
    fn eql_query() -> impl Strategy<Value = String> {
        let leaf = prop::sample::select(vec![
            r#"event.provider == "a""#,
            r#"event.provider in ("a", "b")"#,
            r#"event.provider != "a""#,
            "event.provider != null",
            r#""X" == event.action"#,
            r#"event.action in ("X", "Y")"#,
            r#"event.action not in ("X")"#,
            r#"event.action : "x""#,
            r#"event.action : "X*""#,
            r#"event.action like "Y""#,
            r#"event.action regex "X|Y""#,
            r#"event.action >= "X""#,
            r#"startsWith(event.action, "X")"#,
            r#"event.action == "192.0.2.0/24""#,
            r#"event.outcome == "success""#,
            r#"stringContains(user_agent.original, "kali")"#,
            r#"stringContains(user_agent.original, "k*li-x")"#,
            r#"stringContains~(user_agent.original, "a kali")"#,
            r#"endsWith(user_agent.original, "kali")"#,
            r#"wildcard(user_agent.original, "*kali*", "x*")"#,
            r#"wildcard(user_agent.original, "*kali", "parrot*")"#,
            r#"stringContains(user_agent.original, "kali") == false"#,
            r#"user_agent.original in~ ("KALI-x", "other")"#,
            r#"user_agent.original : ("*kali", "parrot*")"#,
            r#"user_agent.original != "kali-x""#,
            r#"length(user_agent.original) > 3"#,
            "true",
            "false",
        ]);
        let condition = leaf.prop_map(str::to_owned).prop_recursive(3, 8, 3, |inner| {
            prop_oneof![
                vec(inner.clone(), 2..4).prop_map(|parts| format!("({})", parts.join(" and "))),
                vec(inner.clone(), 2..4).prop_map(|parts| format!("({})", parts.join(" or "))),
                inner.prop_map(|part| format!("not {part}")),
            ]
        });
        condition.prop_map(|condition| format!("any where {condition}"))
    }

    fn any_record() -> impl Strategy<Value = Record> {
        let provider = prop::sample::select(vec!["a", "b", "c", "", "A"]);
        let action = prop::sample::select(vec!["X", "Y", "XY", "x", "-", "none", "192.0.2.1"]);
        let user = prop::sample::select(vec!["a", "X"]);
        let agents =
            ["kali-x", "a Kali", "x \"kali", "10.0.0.7", "parrot", "kal", "é kali-x \u{1}"];
        let agent = prop::sample::select(agents.to_vec());
        let parts = (provider, action, user, agent, any::<[bool; 4]>());
        parts.prop_map(|(provider, action, user, agent, keep)| {
            let fields = [
                ("eventSource", provider),
                ("eventName", action),
                ("errorCode", user),
                ("userAgent", agent),
            ];
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
        fn the_index_does_not_change_which_rules_match(
            queries in vec(prop_oneof![query(), eql_query()], 1..8),
            record in any_record(),
        ) {
            let queries: Vec<&str> = queries.iter().map(String::as_str).collect();
            let set = set(&queries);
            let view = View::new(&record);
            let now = Timestamp::UNIX_EPOCH;
            let found: Vec<_> = set.matching(&view, now).map(|rule| &rule.info.id).collect();
            let all = set.rules().iter().filter(|rule| rule.query.matches(&view, now));
            prop_assert_eq!(&found, &all.map(|rule| &rule.info.id).collect::<Vec<_>>());
        }

        #[test]
        fn the_prefilter_drops_no_record_that_a_rule_matches(
            queries in vec(prop_oneof![query(), eql_query()], 1..4),
            record in any_record(),
        ) {
            let queries: Vec<&str> = queries.iter().map(String::as_str).collect();
            let set = set(&queries);
            let Ok(prefilter) = set.prefilter() else { return Ok(()) };
            let text = serde_json::to_string(record.fields()).unwrap();
            let view = View::new(&record);
            let is_match = set.matching(&view, Timestamp::UNIX_EPOCH).next().is_some();
            prop_assert!(!is_match || prefilter.may_match(text.as_bytes()), "{}", text);
        }
    }
}
