//! The rules that are part of the program: all files of `rules/`.

/// A rule file and its tests, as they were when the program was built.
pub(crate) struct EmbeddedFile {
    /// The rule file's name.
    pub(crate) name: &'static str,
    pub(crate) text: &'static str,
    pub(crate) tests: &'static str,
}

macro_rules! embed {
    ($($name:literal),+ $(,)?) => {
        &[$(EmbeddedFile {
            name: concat!($name, ".toml"),
            text: include_str!(concat!("../../../../rules/", $name, ".toml")),
            tests: include_str!(concat!("../../../../rules/", $name, ".tests.json")),
        }),+]
    };
}

/// All of them, sorted by name.
pub(crate) static FILES: &[EmbeddedFile] = embed![
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
    "correlation-administrator-policy-and-new-member-in-one-group",
    "correlation-iam-group-staged-for-privilege-escalation",
    "correlation-many-users-added-to-one-iam-group",
];

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::FILES;

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
