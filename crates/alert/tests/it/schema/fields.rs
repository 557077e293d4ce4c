//! The field lists in `tests/data`.

use std::collections::BTreeMap;

/// A field of an alert's document.
pub struct DocumentField {
    /// Its name; `[]` follows what is a list.
    pub path: &'static str,
    /// Its type in Elasticsearch.
    pub field_type: &'static str,
    /// The values that it can have; empty for any.
    pub allowed: Vec<&'static str>,
    /// Every alert has it.
    pub is_always_there: bool,
    /// What it is. Empty for fields that others define.
    pub about: &'static str,
}

/// The type of a field of ECS, and whether it must be a list.
pub type EcsType = (&'static str, bool);

impl DocumentField {
    /// The name in queries and mappings.
    pub fn name(&self) -> String {
        self.path.replace("[]", "")
    }

    pub fn is_ours(&self) -> bool {
        self.path.starts_with("trailbell.")
    }

    /// It is a field of Elastic's AWS integration, outside ECS.
    pub fn is_of_integration(&self) -> bool {
        self.path.starts_with("aws.cloudtrail.")
    }
}

pub fn document_fields() -> Vec<DocumentField> {
    let field = |row: &'static str| {
        let columns: Vec<&str> = row.split('\t').collect();
        let [path, type_and_values, presence, about] = columns[..] else { panic!("{row}") };
        let (field_type, allowed) = match type_and_values.trim_end_matches(')').split_once('(') {
            Some((field_type, allowed)) => (field_type, allowed.split('|').collect()),
            None => (type_and_values, Vec::new()),
        };
        DocumentField { path, field_type, allowed, is_always_there: presence == "always", about }
    };
    include_str!("../../data/document-fields.tsv").lines().map(field).collect()
}

/// The version of ECS of [`ecs_fields`].
pub fn ecs_version() -> &'static str {
    let header = include_str!("../../data/ecs-fields.tsv").lines().next().unwrap();
    header.strip_prefix("# ECS ").unwrap().split_once(':').unwrap().0
}

/// The published fields of ECS, by name.
pub fn ecs_fields() -> BTreeMap<&'static str, EcsType> {
    let field = |row: &'static str| {
        let columns: Vec<&str> = row.split('\t').collect();
        let [name, field_type, list] = columns[..] else { panic!("{row}") };
        (name, (field_type, list == "array"))
    };
    let rows = include_str!("../../data/ecs-fields.tsv").lines();
    rows.filter(|row| !row.starts_with('#')).map(field).collect()
}
