//! What stands in every record that some rule can match.

use std::collections::BTreeSet;

use super::required_fields::RequiredFields;
use crate::cloudtrail::prefilter::{PlainName, Prefilter};

/// The names that rules with these pins need, or the index of a rule that needs none: it can match
/// any record.
///
/// Of a rule that names both, its calls are taken and not its services: `CreateGroup` is in one
/// object of a thousand, `iam.amazonaws.com` in one of two.
pub(super) fn of(pins: &[RequiredFields]) -> Result<Prefilter, usize> {
    let (mut actions, mut providers) = (BTreeSet::new(), BTreeSet::new());
    for (at, required_fields) in pins.iter().enumerate() {
        match (plain(&required_fields.actions), plain(&required_fields.providers)) {
            (Some(names), _) => actions.extend(names),
            (None, Some(names)) => providers.extend(names),
            (None, None) => return Err(at),
        }
    }
    Ok(Prefilter::new(actions, providers))
}

/// The names, if all of them can be looked for.
fn plain(names: &Option<BTreeSet<String>>) -> Option<Vec<PlainName<'_>>> {
    names.as_ref()?.iter().map(|name| PlainName::new(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use kql::Query;

    fn of_queries(queries: &[&str]) -> Result<Prefilter, usize> {
        let pins: Vec<RequiredFields> = queries
            .iter()
            .map(|query| RequiredFields::from_expr(Query::parse(query).unwrap().expr()))
            .collect();
        of(&pins)
    }

    fn stands(prefilter: &Prefilter, key: &str, name: &str) -> bool {
        prefilter.may_match(format!("{{\"{key}\":\"{name}\"}}").as_bytes())
    }

    #[test]
    fn calls_are_looked_for_rather_than_services() {
        let prefilter = of_queries(&[
            "event.provider: iam.amazonaws.com and event.action: (CreateGroup or DeleteGroup)",
            "event.provider: kms.amazonaws.com and event.action: Disable*",
            "event.provider: s3.amazonaws.com and event.action: \"white space\"",
        ])
        .unwrap();
        let cases = [
            ("eventName", "CreateGroup", true),
            ("eventName", "DeleteGroup", true),
            ("eventSource", "iam.amazonaws.com", false),
            ("eventSource", "kms.amazonaws.com", true),
            ("eventSource", "s3.amazonaws.com", true),
            ("eventName", "white space", false),
        ];
        for (key, name, expected) in cases {
            assert_eq!(stands(&prefilter, key, name), expected, "{key} {name}");
        }
    }

    #[test]
    fn a_rule_that_can_match_any_record_is_named() {
        let with = "event.action: CreateGroup";
        for without in [
            "*",
            "event.outcome: failure",
            "not event.action: X",
            "event.action: (X or Y*)",
            "CreateGroup",
        ] {
            assert_eq!(of_queries(&[with, without, with]).err(), Some(1), "{without}");
        }
        assert_eq!(of_queries(&[with, "event.action: \"white space\""]).err(), Some(1));
    }
}
