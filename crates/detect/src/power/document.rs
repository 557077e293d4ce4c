//! A policy document: its statements, read as IAM reads them.

use std::slice;

use serde_json::{Map, Value};

/// Why a text is not a policy document, or not one that IAM would accept.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum PolicyError {
    #[error("it is not JSON")]
    NotJson(#[from] serde_json::Error),
    #[error("it is not a policy document: it has no Statement")]
    NoStatement,
    #[error("its Statement is neither an object nor a list of objects")]
    BadStatement,
    #[error("it has an unknown element, {0:?}")]
    UnknownElement(String),
    #[error("statement {statement} has an unknown element, {element:?}")]
    UnknownStatementElement { statement: String, element: String },
    #[error("statement {statement} has no {element}")]
    MissingElement { statement: String, element: &'static str },
    #[error("statement {statement} has both {element} and Not{element}")]
    BothElements { statement: String, element: &'static str },
    #[error("statement {statement} has an {element} that is not text")]
    NotText { statement: String, element: &'static str },
    #[error("statement {statement} has an Effect that is neither Allow nor Deny")]
    BadEffect { statement: String },
    #[error("statement {statement} has a Condition that is not an object")]
    BadCondition { statement: String },
    #[error(
        "statement {statement} has a Principal, so this is not a policy of a group, a user or a role"
    )]
    Principal { statement: String },
}

/// The statements of a document.
#[derive(Debug, Default)]
pub(super) struct Document<'v> {
    pub(super) statements: Vec<Statement<'v>>,
    /// What IAM would refuse. What it is about is left out, and the rest is judged.
    pub(super) problems: Vec<PolicyError>,
}

#[derive(Debug)]
pub(super) struct Statement<'v> {
    /// Its `Sid`, or its number from 1.
    pub(super) label: String,
    pub(super) allows: bool,
    pub(super) actions: Patterns<'v>,
    pub(super) resources: Patterns<'v>,
    pub(super) condition: Option<&'v Map<String, Value>>,
}

/// The patterns of `Action` or `NotAction`, or of `Resource` or `NotResource`.
#[derive(Debug)]
pub(super) struct Patterns<'v> {
    pub(super) patterns: Vec<&'v str>,
    pub(super) negated: bool,
}

impl<'v> Document<'v> {
    pub(super) fn read(document: &'v Value) -> Result<Document<'v>, PolicyError> {
        let fields = document.as_object().ok_or(PolicyError::NoStatement)?;
        let statements = field(fields, "Statement").ok_or(PolicyError::NoStatement)?;
        let mut read = Document::default();
        for name in fields.keys() {
            if !is_one_of(name, &["Version", "Id", "Statement"]) {
                read.problems.push(PolicyError::UnknownElement(name.clone()));
            }
        }
        for (index, statement) in elements(statements).iter().enumerate() {
            let fields = statement.as_object().ok_or(PolicyError::BadStatement)?;
            read.add(fields, index + 1);
        }
        Ok(read)
    }

    fn add(&mut self, fields: &'v Map<String, Value>, number: usize) {
        let sid = field(fields, "Sid").and_then(Value::as_str).filter(|sid| !sid.is_empty());
        let label = sid.map_or_else(|| number.to_string(), |sid| sid.chars().take(64).collect());
        let mut reader = StatementReader { fields, label: &label, problems: &mut self.problems };
        if let Some((allows, actions, resources, condition)) = reader.read() {
            self.statements.push(Statement { label, allows, actions, resources, condition });
        }
    }
}

struct StatementReader<'v, 'd> {
    fields: &'v Map<String, Value>,
    label: &'d String,
    problems: &'d mut Vec<PolicyError>,
}

/// Effect, actions, resources and condition.
type Parts<'v> = (bool, Patterns<'v>, Patterns<'v>, Option<&'v Map<String, Value>>);

impl<'v> StatementReader<'v, '_> {
    /// Returns `None` if the statement cannot have an effect.
    fn read(&mut self) -> Option<Parts<'v>> {
        self.check_names();
        let allows = self.effect();
        let actions = self.patterns("Action", "NotAction");
        let resources = self.patterns("Resource", "NotResource");
        let condition = match field(self.fields, "Condition") {
            None => Some(None),
            Some(condition) => condition.as_object().map(Some),
        };
        if condition.is_none() {
            self.problem(|statement| PolicyError::BadCondition { statement });
        }
        Some((allows?, actions?, resources?, condition?))
    }

    fn check_names(&mut self) {
        const KNOWN: [&str; 7] =
            ["Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"];
        for name in self.fields.keys() {
            if is_one_of(name, &["Principal", "NotPrincipal"]) {
                self.problem(|statement| PolicyError::Principal { statement });
            } else if !is_one_of(name, &KNOWN) {
                let element = name.clone();
                self.problem(|statement| PolicyError::UnknownStatementElement {
                    statement,
                    element,
                });
            }
        }
    }

    fn effect(&mut self) -> Option<bool> {
        match field(self.fields, "Effect").map(Value::as_str) {
            Some(Some("Allow")) => return Some(true),
            Some(Some("Deny")) => return Some(false),
            Some(_) => self.problem(|statement| PolicyError::BadEffect { statement }),
            None => self
                .problem(|statement| PolicyError::MissingElement { statement, element: "Effect" }),
        }
        None
    }

    fn patterns(
        &mut self,
        element: &'static str,
        negated_element: &'static str,
    ) -> Option<Patterns<'v>> {
        let plain = field(self.fields, element);
        let negated = field(self.fields, negated_element);
        if plain.is_some() && negated.is_some() {
            self.problem(|statement| PolicyError::BothElements { statement, element });
        }
        let Some(values) = plain.or(negated) else {
            self.problem(|statement| PolicyError::MissingElement { statement, element });
            return None;
        };
        let patterns: Vec<&str> = elements(values).iter().filter_map(Value::as_str).collect();
        if patterns.len() < elements(values).len() {
            self.problem(|statement| PolicyError::NotText { statement, element });
        }
        Some(Patterns { patterns, negated: plain.is_none() })
    }

    fn problem(&mut self, make: impl FnOnce(String) -> PolicyError) {
        self.problems.push(make(self.label.clone()));
    }
}

/// IAM accepts the names of elements in any case.
fn field<'v>(fields: &'v Map<String, Value>, name: &str) -> Option<&'v Value> {
    fields.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

fn is_one_of(name: &str, known: &[&str]) -> bool {
    known.iter().any(|other| name.eq_ignore_ascii_case(other))
}

/// The elements of a list; IAM accepts a single element without its list.
pub(super) fn elements(value: &Value) -> &[Value] {
    value.as_array().map_or(slice::from_ref(value), Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn problems(document: &Value) -> Vec<String> {
        let read = Document::read(document);
        read.map_or_else(
            |error| vec![error.to_string()],
            |read| read.problems.iter().map(ToString::to_string).collect(),
        )
    }

    #[test]
    fn what_iam_would_refuse_is_named() {
        let statement = |change: Value| {
            let mut statement = json!({"Effect": "Allow", "Action": "s3:*", "Resource": "*"});
            for (name, value) in change.as_object().unwrap() {
                match value {
                    Value::Null => drop(statement.as_object_mut().unwrap().shift_remove(name)),
                    value => statement[name] = value.clone(),
                }
            }
            json!({"Version": "2012-10-17", "Statement": [statement]})
        };
        for (document, expected) in [
            (statement(json!({})), None),
            (statement(json!({"Sid": "S", "Condition": {}})), None),
            (json!([]), Some("it is not a policy document: it has no Statement")),
            (json!({"Version": "1"}), Some("it is not a policy document: it has no Statement")),
            (
                json!({"Statement": [7]}),
                Some("its Statement is neither an object nor a list of objects"),
            ),
            (
                json!({"Statement": [], "Comment": "x"}),
                Some("it has an unknown element, \"Comment\""),
            ),
            (
                statement(json!({"Acton": "s3:*"})),
                Some("statement 1 has an unknown element, \"Acton\""),
            ),
            (statement(json!({"Sid": "S", "Action": null})), Some("statement S has no Action")),
            (statement(json!({"Resource": null})), Some("statement 1 has no Resource")),
            (statement(json!({"Effect": null})), Some("statement 1 has no Effect")),
            (
                statement(json!({"Effect": "allow"})),
                Some("statement 1 has an Effect that is neither Allow nor Deny"),
            ),
            (
                statement(json!({"NotAction": "s3:*"})),
                Some("statement 1 has both Action and NotAction"),
            ),
            (
                statement(json!({"Action": ["s3:*", 7]})),
                Some("statement 1 has an Action that is not text"),
            ),
            (
                statement(json!({"Condition": []})),
                Some("statement 1 has a Condition that is not an object"),
            ),
            (
                statement(json!({"Principal": "*"})),
                Some(
                    "statement 1 has a Principal, so this is not a policy of a group, a user or a \
                     role",
                ),
            ),
        ] {
            let expected: Vec<&str> = expected.into_iter().collect();
            assert_eq!(problems(&document), expected, "{document}");
        }
    }

    #[test]
    fn a_statement_need_not_be_in_a_list_and_names_have_any_case() {
        let document =
            json!({"statement": {"EFFECT": "Deny", "notaction": "a:b", "resource": "*"}});
        let read = Document::read(&document).unwrap();
        assert!(read.problems.is_empty());
        let [statement] = &read.statements[..] else { panic!("{read:?}") };
        assert_eq!((statement.label.as_str(), statement.allows), ("1", false));
        assert!(statement.actions.negated && !statement.resources.negated);
        assert_eq!(statement.actions.patterns, ["a:b"]);
    }
}
