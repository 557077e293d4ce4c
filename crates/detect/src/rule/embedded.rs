//! The rules that are part of the program: all files of `rules/`, in sets that are switched on one
//! by one.

use std::sync::LazyLock;

use super::scope::LogPlace;

/// A set of embedded rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmbeddedSet {
    /// Changes to IAM groups.
    IamGroups,
    /// Rights of users and roles, around groups.
    IamPrincipals,
    /// Changes to the trail, and to Trailbell itself.
    Guard,
    /// Changes to groups of IAM Identity Center.
    IdentityCenter,
    /// Findings about log files and digests themselves: see
    /// [`integrity`](crate::finding::integrity). No record of a log file is matched against them,
    /// so they are not switched on or off with the other sets.
    Integrity,
}

impl EmbeddedSet {
    /// All sets that can be switched on.
    pub const ALL: [EmbeddedSet; 4] = [
        EmbeddedSet::IamGroups,
        EmbeddedSet::IamPrincipals,
        EmbeddedSet::Guard,
        EmbeddedSet::IdentityCenter,
    ];

    /// Its name in `TRAILBELL_RULE_SETS`.
    pub fn as_str(self) -> &'static str {
        match self {
            EmbeddedSet::IamGroups => "iam-groups",
            EmbeddedSet::IamPrincipals => "iam-principals",
            EmbeddedSet::Guard => "guard",
            EmbeddedSet::IdentityCenter => "identity-center",
            EmbeddedSet::Integrity => "integrity",
        }
    }

    /// The set of the embedded file with this name.
    pub(super) fn of_file(name: &str) -> EmbeddedSet {
        let file = FILES.iter().find(|file| file.name == name);
        file.map_or(EmbeddedSet::IamGroups, |file| file.set)
    }
}

/// The sets of embedded rules that are in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmbeddedSets {
    iam_groups: bool,
    iam_principals: bool,
    guard: bool,
    identity_center: Option<LogPlace>,
}

impl Default for EmbeddedSets {
    /// Those that need to know nothing of the environment.
    fn default() -> EmbeddedSets {
        EmbeddedSets { iam_groups: true, iam_principals: true, guard: true, identity_center: None }
    }
}

impl EmbeddedSets {
    /// No embedded rules.
    pub const NONE: EmbeddedSets = EmbeddedSets {
        iam_groups: false,
        iam_principals: false,
        guard: false,
        identity_center: None,
    };

    /// Reads `none`, or sets that are separated by commas: `iam-groups`, `iam-principals`,
    /// `guard`, and `identity-center:PLACE`. Returns `None` for anything else.
    pub fn parse(text: &str) -> Option<EmbeddedSets> {
        let mut sets = EmbeddedSets::NONE;
        if text == "none" {
            return Some(sets);
        }
        for name in text.split(',').map(str::trim) {
            match name.split_once(':') {
                None if name == EmbeddedSet::IamGroups.as_str() => sets.iam_groups = true,
                None if name == EmbeddedSet::IamPrincipals.as_str() => sets.iam_principals = true,
                None if name == EmbeddedSet::Guard.as_str() => sets.guard = true,
                Some((set, place)) if set == EmbeddedSet::IdentityCenter.as_str() => {
                    sets.identity_center = Some(LogPlace::parse(place)?);
                }
                _ => return None,
            }
        }
        Some(sets)
    }

    /// Returns true if the rules of a set are in use.
    pub fn include(&self, set: EmbeddedSet) -> bool {
        match set {
            EmbeddedSet::IamGroups => self.iam_groups,
            EmbeddedSet::IamPrincipals => self.iam_principals,
            EmbeddedSet::Guard => self.guard,
            EmbeddedSet::IdentityCenter => self.identity_center.is_some(),
            EmbeddedSet::Integrity => false,
        }
    }

    /// Where Identity Center is recorded. `None` if its rules are not in use.
    pub fn identity_center(&self) -> Option<&LogPlace> {
        self.identity_center.as_ref()
    }
}

/// A rule file and its tests, as they were when the program was built.
pub(crate) struct EmbeddedFile {
    /// The rule file's name.
    pub(crate) name: &'static str,
    pub(crate) set: EmbeddedSet,
    pub(crate) text: &'static str,
    pub(crate) tests: &'static str,
}

macro_rules! embed {
    ($($set:ident: $($name:literal),+;)+) => {
        &[$($(EmbeddedFile {
            name: concat!($name, ".toml"),
            set: EmbeddedSet::$set,
            text: include_str!(concat!("../../../../rules/", $name, ".toml")),
            tests: include_str!(concat!("../../../../rules/", $name, ".tests.json")),
        }),+),+]
    };
}

/// All of them, by their sets.
pub(crate) static FILES: &[EmbeddedFile] = embed![
    IamGroups:
    "aws-iam-group-administrator-policy-attachment",
    "aws-iam-group-change-denied",
    "aws-iam-group-creation",
    "aws-iam-group-deletion",
    "aws-iam-group-inline-policy-deletion",
    "aws-iam-group-inline-policy-write",
    "aws-iam-group-policy-attachment",
    "aws-iam-group-policy-detachment",
    "aws-iam-group-update",
    "aws-iam-policy-version-raises-group-power",
    "aws-iam-user-addition-to-group",
    "aws-iam-user-removal-from-group",
    "correlation-administrator-policy-and-new-member-in-one-group",
    "correlation-iam-group-staged-for-privilege-escalation",
    "correlation-many-users-added-to-one-iam-group";
    IamPrincipals:
    "aws-iam-credentials-for-another-user",
    "aws-iam-permissions-boundary-removed",
    "aws-iam-role-powerful-policy",
    "aws-iam-role-trusts-outside",
    "aws-iam-user-powerful-policy";
    Guard:
    "guard-bucket-changed",
    "guard-function-changed",
    "guard-logging-stopped",
    "guard-queue-changed",
    "guard-topic-changed",
    "guard-trail-changed";
    IdentityCenter:
    "identity-center-group-creation",
    "identity-center-group-deletion",
    "identity-center-user-addition-to-group",
    "identity-center-user-removal-from-group";
    Integrity:
    "integrity/digest-chain-restarted",
    "integrity/digest-forged",
    "integrity/digest-missing",
    "integrity/digests-stopped",
    "integrity/log-file-changed",
    "integrity/log-file-missing",
    "integrity/log-file-unreadable";
];

/// The name of the page about an embedded rule, by the rule's id: `docs/rules/<name>.md`.
pub fn guide_page(rule_id: &str) -> Option<&'static str> {
    static PAGES: LazyLock<Vec<(&str, &str)>> = LazyLock::new(|| FILES.iter().map(page).collect());
    PAGES.iter().find(|(id, _)| *id == rule_id).map(|(_, page)| *page)
}

/// The id of a file's rule, and the file's name without its ending.
fn page(file: &EmbeddedFile) -> (&'static str, &'static str) {
    let ids = file.text.lines().find_map(|line| line.strip_prefix("rule_id = \""));
    let id = ids.and_then(|rest| rest.strip_suffix('"')).unwrap_or_default();
    let name = file.name.rsplit_once('/').map_or(file.name, |(_, name)| name);
    (id, name.trim_end_matches(".toml"))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::rule::LoadedRules;

    #[test]
    fn sets_are_named_one_by_one() {
        let sets = |text: &str| {
            let sets = EmbeddedSets::parse(text)?;
            let all = EmbeddedSet::ALL.into_iter().filter(|set| sets.include(*set));
            Some(all.map(EmbeddedSet::as_str).collect::<Vec<_>>().join(" "))
        };
        for (text, expected) in [
            ("none", Some("")),
            ("guard", Some("guard")),
            ("iam-groups, guard", Some("iam-groups guard")),
            ("iam-principals", Some("iam-principals")),
            ("identity-center:eu-west-1", Some("identity-center")),
            ("guard,identity-center:111122223333/eu-west-1", Some("guard identity-center")),
            ("identity-center", None),
            ("identity-center:everywhere", None),
            ("guard:eu-west-1", None),
            ("none,guard", None),
            ("guard,", None),
            ("on", None),
            ("", None),
        ] {
            assert_eq!(sets(text).as_deref(), expected, "{text}");
        }
        assert_eq!(
            EmbeddedSets::parse("iam-groups,iam-principals,guard"),
            Some(EmbeddedSets::default())
        );
    }

    #[test]
    fn every_embedded_rule_has_a_page() {
        let LoadedRules { rules, correlations, .. } = LoadedRules::all_embedded();
        let infos = rules.iter().map(|it| &it.info).chain(correlations.iter().map(|it| &it.info));
        assert_eq!(infos.clone().count(), FILES.len());
        assert!(infos.clone().all(|info| guide_page(&info.id).is_some()));
        let name = "aws-iam-user-addition-to-group";
        assert_eq!(guide_page("333de828-8190-4cf5-8d7c-7575846f6fe0"), Some(name));
        assert_eq!(guide_page(""), None);
    }

    #[test]
    fn every_file_of_the_folder_is_embedded() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rules");
        let in_folder = |folder: &str| {
            fs::read_dir(root.join(folder))
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .map(|name| format!("{folder}{name}"))
                .collect::<Vec<_>>()
        };
        let mut names = [in_folder(""), in_folder("integrity/")].concat();
        names.retain(|name| name.ends_with(".toml"));
        names.sort();
        let mut embedded: Vec<_> = FILES.iter().map(|file| file.name).collect();
        embedded.sort_unstable();
        assert_eq!(embedded, names);
    }
}
