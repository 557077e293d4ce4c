//! The policies that AWS manages: what each grants, by its ARN.

use super::grants::Grants;

const TABLE: &str = include_str!("../../data/managed-policies.tsv");

/// The path and name of a policy that AWS manages: its ARN has `aws` as the account. A customer's
/// policy can have the same name, or a path that looks like the rest of the ARN. Source:
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-arns>
pub fn aws_managed(arn: &str) -> Option<&str> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let ["arn", _, "iam", "", "aws", resource] = parts[..] else { return None };
    resource.strip_prefix("policy/")
}

/// What a policy that AWS manages grants, by its ARN. A policy that is not in the table has no part
/// in any way. Returns `None` for a customer's policy.
pub fn managed_grants(arn: &str) -> Option<Grants> {
    let name = aws_managed(arn)?;
    let grants = |line: &str| {
        let (path, grants) = line.split_once('\t')?;
        (path == name).then(|| serde_json::from_str(grants).ok()).flatten()
    };
    Some(TABLE.lines().find_map(grants).unwrap_or_default())
}

/// The day of the newest policy in the table: `2026-05-01`.
pub fn managed_policies_date() -> &'static str {
    let date = TABLE.lines().find_map(|line| line.strip_prefix("# Date: "));
    date.unwrap_or("an unknown day")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::power::{Power, PowerLevel};

    #[test]
    fn policies_that_aws_manages_are_known_by_their_arns() {
        use PowerLevel::{Admin, Escalates, Limited};
        for (arn, level) in [
            ("arn:aws:iam::aws:policy/AdministratorAccess", Some(Admin)),
            ("arn:aws-cn:iam::aws:policy/AdministratorAccess", Some(Admin)),
            ("arn:aws:iam::aws:policy/IAMFullAccess", Some(Escalates)),
            ("arn:aws-us-gov:iam::aws:policy/PowerUserAccess", Some(Escalates)),
            ("arn:aws:iam::aws:policy/AWSLambda_FullAccess", Some(Escalates)),
            ("arn:aws:iam::aws:policy/AmazonEC2FullAccess", Some(Escalates)),
            ("arn:aws:iam::aws:policy/job-function/DataScientist", Some(Escalates)),
            ("arn:aws:iam::aws:policy/ReadOnlyAccess", Some(Limited)),
            ("arn:aws:iam::aws:policy/job-function/ViewOnlyAccess", Some(Limited)),
            ("arn:aws:iam::aws:policy/job-function/AdministratorAccess", Some(Limited)),
            ("arn:aws:iam::111122223333:policy/:iam::aws:policy/AdministratorAccess", None),
            ("arn:aws:iam::111122223333:policy/AdministratorAccess", None),
            ("AdministratorAccess", None),
        ] {
            let power = managed_grants(arn).map(|grants| Power::from_grants(&grants).level());
            assert_eq!(power, level, "{arn}");
        }
    }

    #[test]
    fn every_line_of_the_table_is_read() {
        let lines: Vec<&str> = TABLE.lines().filter(|line| !line.starts_with('#')).collect();
        assert!(lines.len() > 300 && lines.is_sorted(), "{}", lines.len());
        for line in lines {
            let (_, grants) = line.split_once('\t').unwrap();
            let grants: Grants = serde_json::from_str(grants).unwrap();
            assert!(!grants.allowed.is_empty(), "{line}");
        }
        assert!(managed_policies_date().parse::<jiff::civil::Date>().is_ok());
    }
}
