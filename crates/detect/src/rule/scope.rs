//! Where records are looked for. Most services are recorded in every region: reading all of these
//! for a few rules would cost more than everything else together.

use std::fmt;

use super::embedded::EmbeddedSet;

/// The log objects of a region, of one account or of all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogPlace {
    /// `None` for all accounts.
    pub account: Option<String>,
    /// E.g. `eu-central-1`.
    pub region: String,
}

impl LogPlace {
    /// Reads `ACCOUNT/REGION` or `REGION`. Returns `None` for anything else.
    pub fn parse(text: &str) -> Option<LogPlace> {
        let (account, region) = match text.split_once('/') {
            Some((account, region)) => (Some(account), region),
            None => (None, text),
        };
        let is_account = account.is_none_or(crate::cloudtrail::key::is_account_id);
        (is_account && is_region(region))
            .then(|| LogPlace { account: account.map(str::to_owned), region: region.to_owned() })
    }

    fn includes(&self, account: &str, region: &str) -> bool {
        self.region == region && self.account.as_deref().is_none_or(|own| own == account)
    }
}

/// `LETTERS-…-DIGITS`
fn is_region(text: &str) -> bool {
    let mut parts = text.split('-').rev();
    let number = parts.next().unwrap_or_default();
    let mut words = parts.peekable();
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|it| it.is_ascii_lowercase());
    !number.is_empty()
        && number.bytes().all(|byte| byte.is_ascii_digit())
        && words.peek().is_some()
        && words.all(is_word)
}

impl fmt::Display for LogPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let account = self.account.iter();
        account.clone().try_for_each(|account| write!(f, "{account}/"))?;
        f.write_str(&self.region)
    }
}

/// Which log objects are read for the embedded rules of some sets. For all other rules those are
/// read that can hold records of their services.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadScope {
    /// `TRAILBELL_GUARD`: for the rules that guard Trailbell.
    pub guard: Vec<LogPlace>,
    /// Where Identity Center is recorded.
    pub identity_center: Option<LogPlace>,
    /// A region of the partition of AWS whose log objects are read. `None` if it is not known.
    pub home_region: Option<String>,
}

impl ReadScope {
    /// Returns true if log objects of an account and region are read for the rules of a set.
    pub(super) fn includes(&self, set: EmbeddedSet, account: &str, region: &str) -> bool {
        let includes = |place: &LogPlace| place.includes(account, region);
        match set {
            EmbeddedSet::IamGroups | EmbeddedSet::IamPrincipals => true,
            EmbeddedSet::Guard => self.guard.iter().any(includes),
            EmbeddedSet::IdentityCenter => self.identity_center.as_ref().is_some_and(includes),
            EmbeddedSet::Integrity => false,
        }
    }

    /// The regions of an account in which log objects are read for the rules of a set. `None` if
    /// that depends on the rules.
    pub(super) fn regions(&self, set: EmbeddedSet, account: &str) -> Option<Vec<String>> {
        let places: Vec<&LogPlace> = match set {
            EmbeddedSet::IamGroups | EmbeddedSet::IamPrincipals => return None,
            EmbeddedSet::Guard => self.guard.iter().collect(),
            EmbeddedSet::IdentityCenter => self.identity_center.iter().collect(),
            EmbeddedSet::Integrity => Vec::new(),
        };
        let of_account = places.into_iter().filter(|it| it.includes(account, &it.region));
        Some(of_account.map(|place| place.region.clone()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_region_of_one_account_or_of_all() {
        for (text, expected) in [
            ("111122223333/eu-central-1", true),
            ("us-gov-west-1", true),
            ("1111/eu-central-1", false),
            ("111122223333/", false),
            ("/eu-central-1", false),
            ("eu-central", false),
            ("-1", false),
            ("1", false),
            ("EU-central-1", false),
            ("eu--1", false),
            ("*", false),
            ("", false),
        ] {
            let place = LogPlace::parse(text);
            assert_eq!(place.is_some(), expected, "{text}");
            assert!(place.is_none_or(|place| place.to_string() == text), "{text}");
        }
        let all = LogPlace::parse("eu-west-1").unwrap();
        let one = LogPlace::parse("111122223333/eu-west-1").unwrap();
        assert!(all.includes("444455556666", "eu-west-1") && !all.includes("1", "us-east-1"));
        assert!(!one.includes("444455556666", "eu-west-1"));
        assert!(one.includes("111122223333", "eu-west-1"));
    }
}
