//! The rules that are part of the program: all files of `rules/`.

/// File name and text of each, sorted by name.
pub(super) static FILES: &[(&str, &str)] = &[
    ("aws-iam-group-creation.toml", include_str!("../../rules/aws-iam-group-creation.toml")),
    ("aws-iam-user-addition-to-group.toml", include_str!("../../rules/aws-iam-user-addition-to-group.toml")),
];

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::FILES;

    #[test]
    fn every_file_of_the_folder_is_in_the_table() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules");
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.retain(|name| name.ends_with(".toml"));
        names.sort();
        let embedded: Vec<_> = FILES.iter().map(|(name, _)| *name).collect();
        assert_eq!(embedded, names);
    }
}
