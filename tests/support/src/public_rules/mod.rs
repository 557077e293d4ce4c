//! Rule files shaped like Elastic's public rules for AWS: each has the type, the language, the
//! fields and the keys of one of them. All values and texts are made up.

mod eql;
mod file;
mod kql;
mod record;

/// Facts about the public rules, a line each.
const TABLE: &str = include_str!("../../data/public-rules.tsv");

/// A rule, as the table has it.
#[derive(Debug, Clone)]
pub struct PublicRule {
    /// The number of its line. What is made up for the rule has it in its name, so that no call,
    /// service or user agent is in two rules.
    number: usize,
    /// The name of its file.
    pub file: &'static str,
    /// Its `type`.
    pub kind: &'static str,
    language: &'static str,
    /// What it uses of its language and of the format.
    uses: Vec<&'static str>,
    /// The fields that its query names.
    fields: Vec<&'static str>,
}

impl PublicRule {
    /// All of them, in the order of their files' names.
    pub fn all() -> Vec<PublicRule> {
        let lines = TABLE.lines().filter(|line| !line.starts_with('#'));
        lines.enumerate().map(|(number, line)| PublicRule::parse(number, line)).collect()
    }

    fn parse(number: usize, line: &'static str) -> PublicRule {
        let columns: Vec<&str> = line.split('\t').collect();
        let [file, kind, language, uses, fields] = columns[..] else {
            panic!("not five columns: {line}");
        };
        let list = |text: &'static str, separator| match text {
            "-" => Vec::new(),
            _ => text.split(separator).collect(),
        };
        let uses = list(uses, "; ");
        PublicRule { number, file, kind, language, uses, fields: list(fields, " ") }
    }

    /// The text of its file.
    pub fn text(&self) -> String {
        file::text(self)
    }

    /// Records of CloudTrail that make the rule find something once.
    pub fn records(&self) -> Vec<serde_json::Value> {
        record::records(self)
    }

    fn uses(&self, what: &str) -> bool {
        self.uses.contains(&what)
    }

    /// The value of `name=value` in what it uses.
    fn setting(&self, name: &str) -> Option<&'static str> {
        self.uses.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
    }

    /// The fields of a setting, which are joined by `+`.
    fn setting_fields(&self, name: &str) -> Vec<&'static str> {
        self.setting(name).map(|fields| fields.split('+').collect()).unwrap_or_default()
    }

    fn names(&self, field: &str) -> bool {
        self.fields.contains(&field)
    }
}
