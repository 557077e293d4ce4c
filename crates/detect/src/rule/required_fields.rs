//! The services and calls that a query can match at all, read off its tree.

use std::collections::BTreeSet;

use eql::Function;
use kql::{ExprKind, Field, Test};
use query_core::{Case, Wildcard};

use crate::cloudtrail::prefilter::{AgentText, PlainName, Prefilter};
use crate::model::MODEL_ACTIONS;

type Names = BTreeSet<String>;

/// What `event.provider` and `event.action` must be among for a record to match; `None` if any
/// value can match. Never too narrow; may be too wide.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequiredFields {
    /// The possible values of `event.provider`.
    pub providers: Option<Names>,
    /// The possible values of `event.action`.
    pub actions: Option<Names>,
    /// What `user_agent.original` must contain one of.
    pub agents: Option<BTreeSet<AgentText>>,
}

/// The only other field that rules require of which no call and no service is known.
const AGENT_FIELD: &str = "user_agent.original";

impl RequiredFields {
    /// Returns true if it requires anything: then not every record can match.
    pub fn is_specific(&self) -> bool {
        self.providers.is_some() || self.actions.is_some() || self.agents.is_some()
    }

    /// What a condition in KQL requires. A negation, wildcard, range or other field requires
    /// nothing.
    pub(super) fn from_kql(expr: &kql::Expr) -> RequiredFields {
        let children = expr.children().iter().map(RequiredFields::from_kql);
        match expr.kind() {
            ExprKind::Leaf(leaf) => RequiredFields::from_kql_leaf(leaf),
            ExprKind::And(_) => children.reduce(RequiredFields::and).unwrap_or_default(),
            ExprKind::Or(_) => children.reduce(RequiredFields::or).unwrap_or_default(),
            ExprKind::All | ExprKind::Nested { .. } | ExprKind::Not(_) => RequiredFields::default(),
        }
    }

    /// The same of a condition in EQL, where neither a function nor a comparison in any case
    /// requires a name.
    pub(super) fn from_eql(expr: &eql::Expr) -> RequiredFields {
        let children = expr.children().iter().map(RequiredFields::from_eql);
        match expr.kind() {
            eql::ExprKind::Leaf(leaf) => match (leaf.field(), leaf.test()) {
                (None, _) => RequiredFields::from_agents(agents_of_call(leaf)),
                (Some(AGENT_FIELD), test) => RequiredFields::from_agents(agents_of_test(test)),
                (Some(field), eql::Test::In(constants, Case::Exact)) => {
                    let texts = constants.iter().map(|constant| constant.literal().text());
                    RequiredFields::from_names(field, texts.map(str::to_owned).collect())
                }
                _ => RequiredFields::default(),
            },
            eql::ExprKind::And(_) => children.reduce(RequiredFields::and).unwrap_or_default(),
            eql::ExprKind::Or(_) => children.reduce(RequiredFields::or).unwrap_or_default(),
            eql::ExprKind::Constant(_) | eql::ExprKind::Not(_) => RequiredFields::default(),
        }
    }

    /// The same of a sequence, a step of which a record must match.
    pub(super) fn from_sequence(sequence: &eql::Sequence) -> RequiredFields {
        let steps = sequence.all_steps().map(|step| RequiredFields::from_eql(step.query().expr()));
        steps.reduce(RequiredFields::or).unwrap_or_default()
    }

    fn from_kql_leaf(leaf: &kql::Leaf) -> RequiredFields {
        let (field, literal) = match (leaf.field(), leaf.test()) {
            (Field::Named(field), Test::Equals(literal)) => (field, literal),
            (Field::Named(field), Test::Like(wildcard)) if field == AGENT_FIELD => {
                return RequiredFields::from_agents(agent_of_pattern(wildcard, false).map(one));
            }
            _ => return RequiredFields::default(),
        };
        // A block of addresses equals every address in it, in keywords too.
        if literal.text().contains('/') {
            return RequiredFields::default();
        }
        if field == AGENT_FIELD {
            return RequiredFields::from_agents(AgentText::new(literal.text(), false).map(one));
        }
        RequiredFields::from_names(field, Names::from([literal.text().to_owned()]))
    }

    fn from_agents(agents: Option<BTreeSet<AgentText>>) -> RequiredFields {
        RequiredFields { agents, ..RequiredFields::default() }
    }

    fn from_names(field: &str, names: Names) -> RequiredFields {
        match field {
            "event.provider" => {
                RequiredFields { providers: Some(names), ..RequiredFields::default() }
            }
            "event.action" => RequiredFields { actions: Some(names), ..RequiredFields::default() },
            _ => RequiredFields::default(),
        }
    }

    fn and(self, other: RequiredFields) -> RequiredFields {
        RequiredFields {
            providers: intersection(self.providers, other.providers),
            actions: intersection(self.actions, other.actions),
            // Both are required: one is enough to search for.
            agents: self.agents.or(other.agents),
        }
    }

    fn or(self, other: RequiredFields) -> RequiredFields {
        RequiredFields {
            providers: union(self.providers, other.providers),
            actions: union(self.actions, other.actions),
            agents: self.agents.zip(other.agents).map(|(one, other)| &one | &other),
        }
    }
}

fn one(text: AgentText) -> BTreeSet<AgentText> {
    BTreeSet::from([text])
}

/// What a user agent that passes the test contains one of.
fn agents_of_test(test: &eql::Test) -> Option<BTreeSet<AgentText>> {
    match test {
        eql::Test::In(constants, case) => {
            let texts = constants.iter().map(|constant| match constant.kind() {
                eql::ConstantKind::Text => {
                    AgentText::new(constant.literal().text(), *case == Case::Any)
                }
                _ => None,
            });
            texts.collect()
        }
        eql::Test::Like(wildcards, case) => {
            wildcards.iter().map(|it| agent_of_pattern(it, *case == Case::Any)).collect()
        }
        _ => None,
    }
}

/// The same for a function that a user agent meets.
fn agents_of_call(leaf: &eql::Leaf) -> Option<BTreeSet<AgentText>> {
    let (eql::Term::Call(call), eql::Test::In(constants, _)) = (leaf.term(), leaf.test()) else {
        return None;
    };
    let is_met = |constant: &eql::Constant| constant.kind() == eql::ConstantKind::Boolean(true);
    let searches = matches!(
        call.function(),
        Function::StringContains | Function::StartsWith | Function::EndsWith | Function::Wildcard
    );
    let (eql::Term::Field { name, .. }, texts) = call.arguments().split_first()? else {
        return None;
    };
    if !searches || name != AGENT_FIELD || texts.is_empty() || !constants.iter().all(is_met) {
        return None;
    }
    let texts = texts.iter().map(|text| match text {
        eql::Term::Constant(constant) if constant.kind() == eql::ConstantKind::Text => {
            // Wildcards are no part of what is searched for.
            AgentText::new(constant.literal().text(), call.case() == Case::Any)
        }
        _ => None,
    });
    texts.collect()
}

/// The longest text that whatever matches the pattern contains.
fn agent_of_pattern(pattern: &Wildcard, in_any_case: bool) -> Option<AgentText> {
    let parts = pattern.pieces().flatten();
    let texts = parts.filter_map(|part| AgentText::new(part, in_any_case));
    texts.max_by_key(AgentText::length)
}

fn intersection(one: Option<Names>, other: Option<Names>) -> Option<Names> {
    match (one, other) {
        (Some(one), Some(other)) => Some(&one & &other),
        (one, other) => one.or(other),
    }
}

fn union(one: Option<Names>, other: Option<Names>) -> Option<Names> {
    Some(&one? | &other?)
}

/// The literals that the rules require, and the index of a rule that requires none. If every rule
/// requires one, every record that some rule matches has one of them.
///
/// If a rule requires both calls and services, only its calls are used: `CreateGroup` is in one
/// object of a thousand, `iam.amazonaws.com` in one of two. What a user agent must contain is rarer
/// than a service, too.
///
/// If a rule is about IAM, the calls that the [model](crate::model) needs are among the literals.
pub(super) fn build_prefilter(rules: &[RequiredFields]) -> (Prefilter, Option<usize>) {
    let mut without = None;
    let mut actions = BTreeSet::new();
    let mut providers = BTreeSet::new();
    let mut agents = BTreeSet::new();
    for (index, required) in rules.iter().enumerate() {
        let names = (plain_names(&required.actions), plain_names(&required.providers));
        match (names, &required.agents) {
            ((Some(names), _), _) => actions.extend(names),
            ((None, _), Some(texts)) => agents.extend(texts.iter().cloned()),
            ((None, Some(names)), None) => providers.extend(names),
            ((None, None), None) => without = without.or(Some(index)),
        }
    }
    let is_iam = |names: &Names| names.contains("iam.amazonaws.com");
    if rules.iter().any(|required| required.providers.as_ref().is_some_and(is_iam)) {
        actions.extend(MODEL_ACTIONS.iter().filter_map(|name| PlainName::new(name)));
    }
    (Prefilter::new(actions, providers).with_agents(agents), without)
}

/// The names, if all of them can be searched for.
fn plain_names(names: &Option<Names>) -> Option<Vec<PlainName<'_>>> {
    names.as_ref()?.iter().map(|name| PlainName::new(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use kql::Query;

    fn required_by(query: &str) -> RequiredFields {
        RequiredFields::from_kql(Query::parse(query).unwrap().expr())
    }

    fn join_names(names: Option<Names>) -> String {
        names.map_or("*".to_owned(), |names| names.into_iter().collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn only_values_that_every_match_has_are_required() {
        let cases = [
            (
                "event.provider: iam.amazonaws.com and event.action: CreateGroup",
                "iam.amazonaws.com",
                "CreateGroup",
            ),
            ("event.provider: a and event.action: (X or Y)", "a", "X Y"),
            (
                "(event.provider: a and event.action: X) or \
                 (event.provider: b and event.action: Y)",
                "a b",
                "X Y",
            ),
            ("event.provider: a or event.action: X", "*", "*"),
            ("event.provider: (a or b) and event.provider: (b or c)", "b", "*"),
            ("event.provider: a and event.provider: b", "", "*"),
            ("event.provider: a and not event.action: X", "a", "*"),
            ("not event.provider: a", "*", "*"),
            ("event.provider: a and event.action: Create*", "a", "*"),
            ("event.action: *", "*", "*"),
            ("event.action >= A", "*", "*"),
            ("event.*: X", "*", "*"),
            ("CreateGroup", "*", "*"),
            ("event: { action: X }", "*", "*"),
            ("event.action: 192.0.2.0/24", "*", "*"),
            ("user.name: alice and event.action: X", "*", "X"),
            ("", "*", "*"),
        ];
        for (query, providers, actions) in cases {
            let required = required_by(query);
            assert_eq!(join_names(required.providers), providers, "{query}");
            assert_eq!(join_names(required.actions), actions, "{query}");
        }
    }

    #[test]
    fn eql_requires_what_the_same_kql_requires() {
        let cases = [
            (
                r#"event.provider == "iam.amazonaws.com" and event.action in ("X", "Y")"#,
                "iam.amazonaws.com",
                "X Y",
            ),
            (r#"(event.action == "X" or "Y" == event.action) and true"#, "*", "X Y"),
            (r#"event.provider == "a" or event.action == "X""#, "*", "*"),
            (r#"event.action == "X" and event.action != "Y""#, "*", "X"),
            (r#"event.action != "X""#, "*", "*"),
            (r#"not event.action in ("X")"#, "*", "*"),
            // Names of calls have one spelling, but the query allows others.
            (r#"event.provider == "a" and event.action : "X""#, "a", "*"),
            (r#"event.provider == "a" and event.action : "X*""#, "a", "*"),
            (r#"event.action like "X""#, "*", "X"),
            (r#"event.action like ("X", "Y*")"#, "*", "*"),
            (r#"event.action in~ ("X")"#, "*", "*"),
            (r#"event.action regex "X""#, "*", "*"),
            (r#"event.action >= "X""#, "*", "*"),
            (r#"concat(event.action) == "X""#, "*", "*"),
            (r#"startsWith(event.action, "X")"#, "*", "*"),
            (r#"event.action == "X" and stringContains(user.name, "a")"#, "*", "X"),
            ("event.action == null", "*", "*"),
            ("true", "*", "*"),
            (r#"event.action == "X" or true"#, "*", "*"),
            (r#"event.action == "X" or false"#, "*", "*"),
            ("event.action == 5", "*", "5"),
        ];
        for (condition, providers, actions) in cases {
            let query = eql::Query::parse(&format!("iam where {condition}")).unwrap();
            let required = RequiredFields::from_eql(query.expr());
            assert_eq!(join_names(required.providers), providers, "{condition}");
            assert_eq!(join_names(required.actions), actions, "{condition}");
        }
    }

    fn prefilter_for(queries: &[&str]) -> (Prefilter, Option<usize>) {
        build_prefilter(&queries.iter().map(|query| required_by(query)).collect::<Vec<_>>())
    }

    #[test]
    fn the_prefilter_searches_for_calls_rather_than_services() {
        let (prefilter, without) = prefilter_for(&[
            "event.provider: iam.amazonaws.com and event.action: (CreateGroup or DeleteGroup)",
            "event.provider: kms.amazonaws.com and event.action: Disable*",
            "event.provider: s3.amazonaws.com and event.action: \"white space\"",
        ]);
        assert_eq!(without, None);
        let cases = [
            ("eventName", "CreateGroup", true),
            ("eventName", "DeleteGroup", true),
            ("eventSource", "iam.amazonaws.com", false),
            ("eventSource", "kms.amazonaws.com", true),
            ("eventSource", "s3.amazonaws.com", true),
            ("eventName", "white space", false),
        ];
        for (key, name, expected) in cases {
            let record = format!("{{\"{key}\":\"{name}\"}}");
            assert_eq!(prefilter.may_match(record.as_bytes()), expected, "{key} {name}");
        }
    }

    #[test]
    fn a_rule_that_requires_no_literal_is_named_and_those_of_others_are_kept() {
        let with = "event.action: CreateGroup";
        for without in [
            "*",
            "event.outcome: failure",
            "not event.action: X",
            "event.action: (X or Y*)",
            "CreateGroup",
        ] {
            let (prefilter, index) = prefilter_for(&[with, without, with]);
            assert_eq!(index, Some(1), "{without}");
            assert!(prefilter.may_match(br#"{"eventName":"CreateGroup"}"#), "{without}");
            assert!(!prefilter.may_match(br#"{"eventName":"DeleteGroup"}"#), "{without}");
        }
        assert_eq!(prefilter_for(&[with, "event.action: \"white space\""]).1, Some(1));
    }

    #[test]
    fn user_agents_are_searched_for_what_every_match_contains() {
        let agents = |required: RequiredFields| {
            let prefilter = build_prefilter(&[required]);
            let has = |agent: &str| {
                let text = format!("{{\"userAgent\":\"{agent}\"}}");
                prefilter.0.may_match(text.as_bytes())
            };
            (prefilter.1.is_none(), has("aws-cli distrib#kali"), has("PARROT 1"), has("aws-cli"))
        };
        let field = "user_agent.original";
        for (condition, expected) in [
            ("user_agent.original: *kali*", (true, true, false, false)),
            ("user_agent.original: (*kali* or *parrot*)", (true, true, false, false)),
            ("user_agent.original: *kali* and event.provider: iam.a", (true, true, false, false)),
            ("user_agent.original: (*kali* or *x*)", (false, false, false, false)),
            ("not user_agent.original: *kali*", (false, false, false, false)),
            ("user_agent.original: *kali* or event.action: X", (false, false, false, false)),
            ("user_agent.name: *kali*", (false, false, false, false)),
            ("user_agent.original: 10.0.0.0/24", (false, false, false, false)),
        ] {
            assert_eq!(agents(required_by(condition)), expected, "{condition}");
        }
        for (condition, expected) in [
            (format!("stringContains({field}, \"kali\")"), (true, true, false, false)),
            (format!("stringContains({field}, \"#k?li\")"), (false, false, false, false)),
            (format!("{field} : (\"*kali*\", \"parrot*\")"), (true, true, true, false)),
            (format!("{field} like (\"*kali*\", \"parrot*\")"), (true, true, false, false)),
            (format!("endsWith~({field}, \"KALI\")"), (true, true, false, false)),
            (format!("wildcard({field}, \"*kali\", \"P*\")"), (false, false, false, false)),
            (format!("not stringContains({field}, \"kali\")"), (false, false, false, false)),
            (format!("{field} regex \".*kali\""), (false, false, false, false)),
            (format!("length({field}) > 3"), (false, false, false, false)),
            (format!("{field} != \"kali\""), (false, false, false, false)),
            (format!("stringContains(concat({field}), \"kali\")"), (false, false, false, false)),
        ] {
            let query = eql::Query::parse(&format!("any where {condition}")).unwrap();
            let required = RequiredFields::from_eql(query.expr());
            assert_eq!(agents(required), expected, "{condition}");
        }
    }
}
