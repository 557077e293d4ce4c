//! What is kept of a policy: which of the ways' rights it allows, limits or denies, and by which
//! statement. The grants of several policies are one list, so that a group is judged over all.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::condition::{self, Limits};
use super::document::{Document, Patterns, PolicyError, Statement};
use super::pattern::{Coverage, ResourceKind, matches_all};
use super::ways::{Right, RightSet, TABLES};

/// What policies grant, as far as a way to more rights could need it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grants {
    /// What statements allow.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed: Vec<Grant>,
    /// What statements deny.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub denied: Vec<Grant>,
    /// A statement denies something else.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub denies_more: bool,
}

/// Rights that one statement allows or denies under the same limits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Which statement.
    #[serde(flatten)]
    pub source: Source,
    /// In words: `on role deploy`, `if MFA is present`. Not safe to print.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<String>,
    /// The rights.
    pub rights: RightSet,
    /// The statement is about every action on every resource.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub everything: bool,
}

/// A statement. Not safe to print.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Source {
    /// The name of its policy. `None` if only one policy is judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// Its `Sid`, or its number from 1.
    pub statement: String,
}

/// A document that was read.
#[derive(Debug)]
pub struct JudgedDocument {
    /// What it grants.
    pub grants: Grants,
    /// What IAM would refuse in it. What these are about is not judged.
    pub problems: Vec<PolicyError>,
}

/// Reads a policy document, also as `aws iam get-policy-version`, `get-group-policy` and others
/// print it: in `PolicyVersion.Document` or in `PolicyDocument`.
///
/// # Errors
///
/// Fails if it is not JSON, or not a policy document.
pub fn judge_text(text: &str) -> Result<JudgedDocument, PolicyError> {
    let value: Value = serde_json::from_str(text)?;
    let inner = value.pointer("/PolicyVersion/Document").or_else(|| value.get("PolicyDocument"));
    Grants::from_document(inner.unwrap_or(&value))
}

impl Grants {
    /// Reads a policy document.
    ///
    /// # Errors
    ///
    /// Fails if it is not JSON, or not a policy document.
    pub fn from_text(document: &str) -> Result<JudgedDocument, PolicyError> {
        Grants::from_document(&serde_json::from_str(document)?)
    }

    /// Reads a policy document.
    ///
    /// # Errors
    ///
    /// Fails if it is not a policy document.
    pub fn from_document(document: &Value) -> Result<JudgedDocument, PolicyError> {
        let document = Document::read(document)?;
        let mut grants = Grants::default();
        for statement in &document.statements {
            grants.add(statement);
        }
        Ok(JudgedDocument { grants, problems: document.problems })
    }

    /// The same, with the name of the policy in every source.
    #[must_use]
    pub fn of_policy(mut self, name: &str) -> Grants {
        for grant in self.allowed.iter_mut().chain(&mut self.denied) {
            grant.source.policy = Some(name.to_owned());
        }
        self
    }

    /// The grants of all policies together.
    pub fn union(policies: impl IntoIterator<Item = Grants>) -> Grants {
        let mut union = Grants::default();
        for grants in policies {
            union.allowed.extend(grants.allowed);
            union.denied.extend(grants.denied);
            union.denies_more |= grants.denies_more;
        }
        union
    }

    fn add(&mut self, statement: &Statement<'_>) {
        let everything = is_everything(statement);
        let rights = match everything {
            true => TABLES.all(),
            false => rights_of(&statement.actions),
        };
        let grants = StatementGrants::new(statement, rights, everything).grants;
        match statement.allows {
            true => self.allowed.extend(grants),
            false => {
                self.denies_more |= grants.is_empty();
                self.denied.extend(grants);
            }
        }
    }
}

/// Every action on every resource. A condition may still limit it.
fn is_everything(statement: &Statement<'_>) -> bool {
    let every_action = |pattern: &&str| {
        let (service, name) = pattern.split_once(':').unwrap_or((pattern, "*"));
        matches_all(service) && matches_all(name)
    };
    let Statement { actions, resources, .. } = statement;
    !actions.negated
        && !resources.negated
        && actions.patterns.iter().any(every_action)
        && resources.patterns.iter().any(|pattern| matches_all(pattern))
}

fn rights_of(actions: &Patterns<'_>) -> RightSet {
    let mut matching = RightSet::default();
    for pattern in &actions.patterns {
        matching |= TABLES.matching(pattern);
    }
    if actions.negated { !matching } else { matching }
}

/// The grants of one statement, one for each combination of limits.
struct StatementGrants<'s> {
    statement: &'s Statement<'s>,
    everything: bool,
    grants: Vec<Grant>,
}

impl<'s> StatementGrants<'s> {
    fn new(statement: &'s Statement<'s>, rights: RightSet, everything: bool) -> Self {
        let mut grants = StatementGrants { statement, everything, grants: Vec::new() };
        for (index, kind) in TABLES.kinds.iter().enumerate() {
            let of_kind: RightSet =
                rights.iter().filter(|right| TABLES.rights[*right].kind == index).collect();
            if !of_kind.is_empty() {
                grants.add_kind(of_kind, &coverage(&statement.resources, kind));
            }
        }
        grants
    }

    fn add_kind(&mut self, rights: RightSet, coverage: &Coverage) {
        let depends_on_right = self.statement.condition.is_some_and(condition::depends_on_right);
        let mut same_for_all = None;
        for index in rights.iter() {
            let right = &TABLES.rights[index];
            let Some(resources) = resource_limit(coverage, right) else { continue };
            let conditions = match (self.statement.condition, &same_for_all) {
                (None, _) => Limits::If(Vec::new()),
                (Some(_), Some(limits)) if !depends_on_right => Limits::clone(limits),
                (Some(condition), _) => condition::limits(condition, right),
            };
            if let Limits::If(conditions) = &conditions {
                let limits = resources.into_iter().chain(conditions.iter().cloned()).collect();
                self.add_right(index, limits);
            }
            same_for_all = Some(conditions);
        }
    }

    fn add_right(&mut self, right: usize, limits: Vec<String>) {
        match self.grants.iter_mut().find(|grant| grant.limits == limits) {
            Some(grant) => grant.rights |= RightSet::one(right),
            None => self.grants.push(Grant {
                source: Source { policy: None, statement: self.statement.label.clone() },
                limits,
                rights: RightSet::one(right),
                everything: self.everything,
            }),
        }
    }
}

fn coverage(resources: &Patterns<'_>, kind: &ResourceKind) -> Coverage {
    let patterns = resources.patterns.iter().copied();
    if resources.negated { kind.in_not_resource(patterns) } else { kind.in_resource(patterns) }
}

/// How the resources limit the right. `None` if it opens nothing on them.
fn resource_limit(coverage: &Coverage, right: &Right) -> Option<Option<String>> {
    match coverage {
        Coverage::Nothing => None,
        Coverage::OwnUser if right.harmless_on_own_user => None,
        Coverage::OwnUser => Some(Some("on its own user".to_owned())),
        Coverage::NotOwnUser if right.harmless_on_own_user => Some(None),
        Coverage::NotOwnUser => Some(Some("not on its own user".to_owned())),
        Coverage::Some(text) => Some(Some(text.clone())),
        Coverage::All => Some(None),
    }
}
