//! The rules that are part of the program: all files of `rules/`.

use std::sync::LazyLock;

/// A rule file and its tests, as they were when the program was built.
pub(crate) struct EmbeddedFile {
    /// The rule file's name.
    pub(crate) name: &'static str,
    pub(crate) text: &'static str,
    pub(crate) tests: &'static str,
}

macro_rules! embed {
    ($folder:literal: $($name:literal),+ $(,)?) => {
        &[$(EmbeddedFile {
            name: concat!($name, ".toml"),
            text: include_str!(concat!("../../../../", $folder, $name, ".toml")),
            tests: include_str!(concat!("../../../../", $folder, $name, ".tests.json")),
        }),+]
    };
}

/// All of them, sorted by name.
pub(crate) static FILES: &[EmbeddedFile] = embed![
    "rules/":
    "aws-iam-group-administrator-policy-attachment",
    "aws-iam-group-change-denied",
    "aws-iam-group-creation",
    "aws-iam-group-deletion",
    "aws-iam-group-inline-policy-deletion",
    "aws-iam-group-inline-policy-write",
    "aws-iam-group-policy-attachment",
    "aws-iam-group-policy-detachment",
    "aws-iam-group-update",
    "aws-iam-user-addition-to-group",
    "aws-iam-user-removal-from-group",
    "correlation-iam-group-staged-for-privilege-escalation",
    "correlation-many-users-added-to-one-iam-group",
];

/// The rules of findings about log files and digests themselves, sorted by name. No record of a log
/// file is matched against them.
pub(crate) static INTEGRITY_FILES: &[EmbeddedFile] = embed![
    "rules/integrity/":
    "digest-chain-restarted",
    "digest-forged",
    "digest-missing",
    "digests-stopped",
    "log-file-changed",
    "log-file-missing",
    "log-file-unreadable",
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
    (id, file.name.trim_end_matches(".toml"))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::{FILES, guide_page};
    use crate::rule::LoadedRules;

    #[test]
    fn every_embedded_rule_has_a_page() {
        let LoadedRules { rules, correlations, .. } = LoadedRules::embedded();
        let infos = rules.iter().map(|it| &it.info).chain(correlations.iter().map(|it| &it.info));
        assert_eq!(infos.clone().count(), FILES.len());
        assert!(infos.clone().all(|info| guide_page(&info.id).is_some()));
        let name = "aws-iam-user-addition-to-group";
        assert_eq!(guide_page("333de828-8190-4cf5-8d7c-7575846f6fe0"), Some(name));
        assert_eq!(guide_page(""), None);
    }

    #[test]
    fn every_file_of_the_folder_is_embedded() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rules");
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.retain(|name| name.ends_with(".toml"));
        names.sort();
        let embedded: Vec<_> = FILES.iter().map(|file| file.name).collect();
        assert_eq!(embedded, names);
    }
}
