//! From grants to power.

use super::grants::{Grant, Grants, Source};
use super::ways::{RightSet, TABLES, Way};
use super::{OpenWay, Opening, Power};

impl Power {
    /// What principals with these grants can do.
    pub fn from_grants(grants: &Grants) -> Power {
        let rights = available_rights(grants);
        let can_lift_denials =
            || Way::all().iter().any(|way| way.is_iam_alone() && rights.includes(way.rights));
        let everything = grants.allowed.iter().filter(|grant| grant.everything);
        if let Some(grant) = everything.min_by_key(|grant| grant.limits.len())
            && can_lift_denials()
        {
            return Power::Admin(admin_opening(grants, grant));
        }
        match open_ways(grants) {
            ways if ways.is_empty() => Power::Limited,
            ways => Power::Escalates(ways),
        }
    }
}

/// The ways that are open, in the order of the table. Those of an administrator are all of them
/// that are not denied.
pub fn open_ways(grants: &Grants) -> Vec<OpenWay> {
    let rights = available_rights(grants);
    let open = Way::all().iter().filter(|way| rights.includes(way.rights));
    open.map(|way| OpenWay { way, opening: opening(grants, way) }).collect()
}

/// Allowed by a statement, and not denied by one without limits.
fn available_rights(grants: &Grants) -> RightSet {
    let allowed = grants.allowed.iter().fold(RightSet::default(), |all, it| all | it.rights);
    let denied = grants.denied.iter().filter(|grant| grant.limits.is_empty());
    allowed & !denied.fold(RightSet::default(), |all, it| all | it.rights)
}

fn admin_opening(grants: &Grants, grant: &Grant) -> Opening {
    let mut notes = grant.limits.clone();
    for denial in grants.denied.iter().filter(|denial| denial.everything) {
        notes.push(format!("denied {}", denial.limits.join(" ")));
    }
    if grants.denies_more || grants.denied.iter().any(|denial| !denial.everything) {
        notes.push("except what is denied".to_owned());
    }
    Opening { sources: vec![grant.source.clone()], notes }
}

/// The statements that open a way, each right by the one that limits it least.
fn opening(grants: &Grants, way: &Way) -> Opening {
    let mut sources: Vec<Source> = Vec::new();
    let mut limits: Vec<(&str, Vec<String>)> = Vec::new();
    for right in way.rights.iter() {
        let allowing = grants.allowed.iter().filter(|grant| grant.rights.contains(right));
        let Some(grant) = allowing.min_by_key(|grant| grant.limits.len()) else { continue };
        if !sources.contains(&grant.source) {
            sources.push(grant.source.clone());
        }
        let denials = grants.denied.iter().filter(|grant| grant.rights.contains(right));
        let denials = denials.map(|grant| format!("denied {}", grant.limits.join(" ")));
        let all: Vec<String> = grant.limits.iter().cloned().chain(denials).collect();
        limits.push((TABLES.rights[right].action, all));
    }
    Opening { sources, notes: notes(&limits) }
}

/// What limits all rights is said once, and what limits one with its action.
fn notes(limits: &[(&str, Vec<String>)]) -> Vec<String> {
    let is_common = |limit: &String| limits.iter().all(|(_, others)| others.contains(limit));
    let first = limits.first().map(|(_, limits)| &**limits).unwrap_or_default();
    let mut notes: Vec<String> = first.iter().filter(|limit| is_common(limit)).cloned().collect();
    for (action, limits) in limits {
        let own = limits.iter().filter(|limit| !is_common(limit)).map(String::as_str);
        let own: Vec<&str> = own.collect();
        if !own.is_empty() {
            notes.push(format!("{action} {}", own.join(" ")));
        }
    }
    notes
}
