//! The known ways from a policy to more rights, and the rights that open them.

use std::fmt;
use std::ops::{BitAnd, BitOr, BitOrAssign, Not};
use std::sync::LazyLock;

use serde::de::Deserializer;
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};

use super::pattern::{ResourceKind, glob};

const WAYS: &str = include_str!("../../data/escalation-ways.tsv");
const ACTIONS: &str = include_str!("../../data/escalation-actions.tsv");
const PASS_ROLE: &str = "iam:passrole";

/// The ways and the rights that open them. Lines that cannot be read are left out; a test checks
/// that there are none.
pub(super) static TABLES: LazyLock<Tables> = LazyLock::new(Tables::read);

pub(super) struct Tables {
    /// In the order of their actions, so that those of a service are together.
    pub(super) rights: Vec<Right>,
    pub(super) kinds: Vec<ResourceKind>,
    ways: Vec<Way>,
    /// The prefix of a service's actions, and its rights.
    services: Vec<(&'static str, RightSet)>,
    all: RightSet,
}

/// An action that a way takes, allowed on some kind of resource. To pass a role is a right of its
/// own for each service, since policies often name the service.
#[derive(Debug)]
pub(super) struct Right {
    /// In lower case: `iam:passrole`.
    pub(super) action: &'static str,
    pub(super) passed_to: Option<&'static str>,
    /// An index of [`Tables::kinds`].
    pub(super) kind: usize,
    /// It opens nothing on the principal's own user.
    pub(super) harmless_on_own_user: bool,
}

/// A known way from a policy to more rights.
#[derive(Debug, PartialEq, Eq)]
pub struct Way {
    /// `CreateAccessKey`.
    pub id: &'static str,
    /// The actions that it takes, in lower case: `iam:createaccesskey`.
    pub actions: Vec<&'static str>,
    /// What the principal does: `creates an access key for another user`.
    pub description: &'static str,
    /// What it takes in addition to the actions: `a user with more rights`.
    pub needs: Option<&'static str>,
    /// A page about it.
    pub link: &'static str,
    pub(super) rights: RightSet,
}

impl Way {
    /// All ways, in the order of the table.
    pub fn all() -> &'static [Way] {
        &TABLES.ways
    }

    /// The way with this id.
    pub fn from_id(id: &str) -> Option<&'static Way> {
        Way::all().iter().find(|way| way.id == id)
    }

    /// Returns true if one action of IAM alone opens it, so that its holders can change what they
    /// are allowed and denied.
    pub(super) fn is_iam_alone(&self) -> bool {
        self.actions.len() == 1 && self.actions[0].starts_with("iam:")
    }
}

impl Tables {
    fn read() -> Tables {
        let ways: Vec<[&str; 6]> = rows(WAYS).collect();
        let mut kinds: Vec<ResourceKind> = Vec::new();
        let mut rights: Vec<Right> = Vec::new();
        let mut actions: Vec<[&str; 4]> = rows(ACTIONS).collect();
        actions.sort_unstable();
        for [action, resource, noun, own] in actions {
            let kind = ResourceKind::new(resource, noun);
            let index = kinds.iter().position(|other| *other == kind).unwrap_or_else(|| {
                kinds.push(kind);
                kinds.len() - 1
            });
            let right = |passed_to| Right {
                action,
                passed_to,
                kind: index,
                harmless_on_own_user: own == "own",
            };
            match action {
                PASS_ROLE => rights.extend(services(&ways).into_iter().map(|it| right(Some(it)))),
                _ => rights.push(right(None)),
            }
        }
        let all = (0..rights.len()).collect();
        let services = by_service(&rights);
        let ways = ways.into_iter().filter_map(|row| read_way(row, &rights)).collect();
        Tables { rights, kinds, ways, services, all }
    }

    /// The rights that a pattern of actions matches, such as `iam:Put*`.
    pub(super) fn matching(&self, pattern: &str) -> RightSet {
        let has_wildcard = |text: &str| text.bytes().any(|byte| b"*?".contains(&byte));
        let (service, name) = pattern.split_once(':').unwrap_or((pattern, ""));
        let candidates = match has_wildcard(service) {
            true => self.all,
            false => {
                let mut services = self.services.iter();
                let service = services.find(|(prefix, _)| prefix.eq_ignore_ascii_case(service));
                service.map_or(RightSet::default(), |(_, rights)| *rights)
            }
        };
        if is_anything(name) && !has_wildcard(service) {
            return candidates;
        }
        candidates.iter().filter(|right| glob(pattern, self.rights[*right].action)).collect()
    }

    pub(super) fn all(&self) -> RightSet {
        self.all
    }
}

/// Returns true for `*`, repeated.
fn is_anything(pattern: &str) -> bool {
    !pattern.is_empty() && pattern.bytes().all(|byte| byte == b'*')
}

fn rows<const N: usize>(table: &'static str) -> impl Iterator<Item = [&'static str; N]> {
    let lines = table.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split('\t').collect::<Vec<_>>().try_into().ok())
}

fn filled(cell: &'static str) -> Option<&'static str> {
    Some(cell).filter(|cell| *cell != "-")
}

/// The services that roles are passed to.
fn services(ways: &[[&'static str; 6]]) -> Vec<&'static str> {
    let mut services: Vec<&str> = ways.iter().filter_map(|row| filled(row[2])).collect();
    services.sort_unstable();
    services.dedup();
    services
}

fn by_service(rights: &[Right]) -> Vec<(&'static str, RightSet)> {
    let mut services: Vec<(&str, RightSet)> = Vec::new();
    for (index, right) in rights.iter().enumerate() {
        let prefix = right.action.split(':').next().unwrap_or_default();
        match services.iter_mut().find(|(service, _)| *service == prefix) {
            Some((_, set)) => *set |= RightSet::one(index),
            None => services.push((prefix, RightSet::one(index))),
        }
    }
    services
}

fn read_way(row: [&'static str; 6], rights: &[Right]) -> Option<Way> {
    let [id, actions, service, description, needs, link] = row;
    let service = filled(service);
    let actions: Vec<&str> = actions.split(',').collect();
    let right = |action: &&str| {
        let is_it = |right: &Right| {
            right.action == *action && (right.passed_to.is_none() || right.passed_to == service)
        };
        rights.iter().position(is_it).map(RightSet::one)
    };
    let rights = actions.iter().map(right).try_fold(RightSet::default(), |all, it| Some(all | it?));
    Some(Way { id, actions, description, needs: filled(needs), link, rights: rights? })
}

/// A set of rights.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct RightSet(u128);

impl RightSet {
    pub(super) fn one(right: usize) -> RightSet {
        RightSet(1 << right)
    }

    /// Returns true if it has no right.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(super) fn contains(self, right: usize) -> bool {
        self.0 & (1 << right) != 0
    }

    pub(super) fn includes(self, other: RightSet) -> bool {
        self & other == other
    }

    pub(super) fn iter(self) -> impl Iterator<Item = usize> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let right = usize::try_from(rest.trailing_zeros()).ok().filter(|_| rest != 0)?;
            rest &= rest - 1;
            Some(right)
        })
    }
}

impl BitOr for RightSet {
    type Output = RightSet;

    fn bitor(self, other: RightSet) -> RightSet {
        RightSet(self.0 | other.0)
    }
}

impl BitOrAssign for RightSet {
    fn bitor_assign(&mut self, other: RightSet) {
        self.0 |= other.0;
    }
}

impl BitAnd for RightSet {
    type Output = RightSet;

    fn bitand(self, other: RightSet) -> RightSet {
        RightSet(self.0 & other.0)
    }
}

impl Not for RightSet {
    type Output = RightSet;

    fn not(self) -> RightSet {
        RightSet(!self.0) & TABLES.all
    }
}

impl FromIterator<usize> for RightSet {
    fn from_iter<I: IntoIterator<Item = usize>>(rights: I) -> RightSet {
        rights.into_iter().map(RightSet::one).fold(RightSet::default(), RightSet::bitor)
    }
}

impl fmt::Debug for RightSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(names(*self)).finish()
    }
}

/// `iam:putuserpolicy`, or `iam:passrole lambda.amazonaws.com`, or `iam:passrole` for all services.
fn names(set: RightSet) -> Vec<String> {
    let pass_any_role = TABLES.matching(PASS_ROLE);
    let passes_any_role = set.includes(pass_any_role);
    let others = if passes_any_role { set & !pass_any_role } else { set };
    let name = |right| {
        let Right { action, passed_to, .. } = &TABLES.rights[right];
        passed_to.map_or((*action).to_owned(), |service| format!("{action} {service}"))
    };
    let pass_role = passes_any_role.then(|| PASS_ROLE.to_owned());
    pass_role.into_iter().chain(others.iter().map(name)).collect()
}

/// All rights are stored as `["*"]`.
impl Serialize for RightSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if *self == TABLES.all {
            return serializer.collect_seq(["*"]);
        }
        serializer.collect_seq(names(*self))
    }
}

/// Rights that this version does not know are left out.
impl<'de> Deserialize<'de> for RightSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<RightSet, D::Error> {
        let stored = Vec::<String>::deserialize(deserializer)?;
        if stored.iter().any(|name| name == "*") {
            return Ok(TABLES.all);
        }
        let is_stored = |right: &Right| {
            stored.iter().any(|name| match name.split_once(' ') {
                Some((action, service)) => {
                    right.action == action && right.passed_to == Some(service)
                }
                None => right.action == name,
            })
        };
        let rights = TABLES.rights.iter().enumerate().filter(|(_, right)| is_stored(right));
        Ok(rights.map(|(index, _)| index).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_tables_is_read() {
        let lines = |table: &str| table.lines().filter(|line| !line.starts_with('#')).count();
        assert_eq!(Way::all().len(), lines(WAYS));
        assert_eq!(Way::all().len(), 59);
        let passed = services(&rows(WAYS).collect::<Vec<_>>()).len();
        assert_eq!(TABLES.rights.len(), lines(ACTIONS) - 1 + passed);
        assert!(TABLES.rights.len() <= 128, "a set has 128 bits");
        for way in Way::all() {
            assert_eq!(way.rights.iter().count(), way.actions.len(), "{}", way.id);
            assert!(way.link.starts_with("https://"), "{}", way.id);
        }
    }

    #[test]
    fn every_right_is_part_of_a_way() {
        let used = Way::all().iter().fold(RightSet::default(), |all, way| all | way.rights);
        assert_eq!(used, TABLES.all());
    }

    #[test]
    fn a_set_is_stored_by_names() {
        let set = TABLES.matching("iam:P*R*");
        let json = serde_json::to_string(&set).unwrap();
        assert!(json.contains("\"iam:putrolepolicy\""), "{json}");
        assert!(json.contains("\"iam:passrole\""), "{json}");
        assert_eq!(serde_json::from_str::<RightSet>(&json).unwrap(), set);
        let part = RightSet::one(set.iter().next().unwrap());
        assert_eq!(
            serde_json::to_string(&part).unwrap(),
            "[\"iam:passrole bedrock-agentcore.amazonaws.com\"]"
        );
        assert_eq!(
            serde_json::from_str::<RightSet>(&serde_json::to_string(&part).unwrap()).unwrap(),
            part
        );
        assert_eq!(serde_json::to_string(&TABLES.all()).unwrap(), r#"["*"]"#);
        let unknown: RightSet = serde_json::from_str(r#"["iam:later","sts:assumerole"]"#).unwrap();
        assert_eq!(unknown, TABLES.matching("sts:AssumeRole"));
    }
}
