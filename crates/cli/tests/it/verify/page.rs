//! The table of tamperings in docs/integrity.md: what is reported of each, beside what the AWS CLI
//! says of the same bucket. `scripts/tampered_validate_logs.py` asks that.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::{env, fs};

use serde::Deserialize;
use support::trail::SignedTrail;
use support::{golden, root};

use super::tamperings::{ROWS, Row};
use super::world::{label, trail};

const START: &str = "<!-- tamperings: scripts/tampered_validate_logs.py -->\n";
const END: &str = "<!-- end of tamperings -->";

/// What `aws cloudtrail validate-logs` says of a bucket.
#[derive(Deserialize)]
struct ValidateLogs {
    exit: i32,
    lines: Vec<String>,
}

#[test]
fn the_table_of_tamperings_is_on_the_page() {
    let original = trail();
    if let Some(folder) = env::var_os("TRAILBELL_TAMPERED") {
        write_to(&PathBuf::from(folder), &original);
    }
    let said = fs::read(root().join("crates/cli/tests/it/verify/validate-logs.json")).unwrap();
    let said: BTreeMap<String, ValidateLogs> = serde_json::from_slice(&said).unwrap();
    let mut table =
        "\n| tampering | `trailbell verify` | `aws cloudtrail validate-logs` |\n|---|---|---|\n"
            .to_owned();
    for row in ROWS {
        let theirs = said.get(row.name).map_or_else(String::new, |it| it.cell(&original));
        table += &format!("| {} | {} | {theirs} |\n", row.name, row.cell());
    }
    let path = root().join("docs/integrity.md");
    let page = fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(START).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    golden::compare([(path, format!("{before}{START}{table}\n{END}{after}"))]);
}

/// Writes each tampered trail as a folder.
fn write_to(folder: &std::path::Path, original: &SignedTrail) {
    for row in ROWS {
        let mut tampered = original.clone();
        (row.tamper)(&mut tampered);
        tampered.write_to(&folder.join(row.name));
    }
}

impl Row {
    /// What is expected, which another test compares with what the program says.
    fn cell(&self) -> String {
        let mut parts = Vec::new();
        for status in ["invalid", "missing", "unchecked"] {
            let of_status = self.bad.iter().filter(|(_, it, _)| *it == status);
            let labels: Vec<&str> = of_status.map(|(label, ..)| short(label)).collect();
            if !labels.is_empty() {
                parts.push(format!("{status}: {}", labels.join(", ")));
            }
        }
        if self.unverified > 0 {
            parts.push(format!("unverified log files: {}", self.unverified));
        }
        cell(self.code, parts)
    }
}

impl ValidateLogs {
    fn cell(&self, trail: &SignedTrail) -> String {
        let mut parts: Vec<String> = Vec::new();
        for line in &self.lines {
            let line = match line.split_once(" s3://trail-logs/") {
                Some((_, rest)) => {
                    let (key, what) = rest.split_once(' ').unwrap_or((rest, ""));
                    format!("{} {what}", short(&label(trail, key)))
                }
                // `7/8 digest files valid, 1/8 digest files INVALID`
                None => line.split(',').next().unwrap_or(line).to_owned(),
            };
            let line = line.replace("INVALID: ", "").replace(" files valid", "s valid");
            let line: String = line.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
            parts.push(line.replace('|', "\\|"));
        }
        cell(self.exit, parts)
    }
}

/// A key that is of nothing in the trail is not repeated.
fn short(label: &str) -> &str {
    if label.contains('/') { "the listed key" } else { label }
}

fn cell(code: i32, parts: Vec<String>) -> String {
    let said = if parts.is_empty() { "all valid".to_owned() } else { parts.join("; ") };
    format!("{code}: {said}")
}
