//! Counts of what was verified.

use std::process::ExitCode;

use serde_json::{Value, json};
use trailbell::integrity::Verdict;
use trailbell::integrity::verify::{CheckedKind, CheckedObject};

/// Digests or log files by what the check says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub valid: u64,
    pub invalid: u64,
    pub missing: u64,
    pub unchecked: u64,
}

/// Counts of digests and log files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ObjectCounts {
    pub digests: Counts,
    pub logs: Counts,
}

/// Counts of a run.
#[derive(Debug, Default)]
pub struct Totals {
    pub objects: ObjectCounts,
    /// Log files that no valid digest covers.
    pub unverified: u64,
    pub gaps: u64,
    /// Accounts and regions that could not be listed, or that have log files and no digests.
    pub failures: u64,
}

impl Counts {
    fn add(&mut self, other: Counts) {
        self.valid += other.valid;
        self.invalid += other.invalid;
        self.missing += other.missing;
        self.unchecked += other.unchecked;
    }

    /// `22 valid, 1 missing`.
    pub fn text(self) -> String {
        let counts = [
            (self.valid, "valid"),
            (self.invalid, "invalid"),
            (self.missing, "missing"),
            (self.unchecked, "unchecked"),
        ];
        let named = counts.iter().filter(|(count, _)| *count > 0);
        let named: Vec<_> = named.map(|(count, name)| format!("{count} {name}")).collect();
        if named.is_empty() { "none".to_owned() } else { named.join(", ") }
    }

    pub fn json(self) -> Value {
        let Counts { valid, invalid, missing, unchecked } = self;
        json!({"valid": valid, "invalid": invalid, "missing": missing, "unchecked": unchecked})
    }
}

impl ObjectCounts {
    pub fn of(objects: &[CheckedObject]) -> ObjectCounts {
        let mut counts = ObjectCounts::default();
        for CheckedObject { kind, verdict, .. } in objects {
            let counts = match kind {
                CheckedKind::Digest => &mut counts.digests,
                CheckedKind::Log => &mut counts.logs,
            };
            match verdict {
                Verdict::Valid => counts.valid += 1,
                Verdict::Invalid(_) => counts.invalid += 1,
                Verdict::Missing(_) => counts.missing += 1,
                Verdict::Unchecked(_) => counts.unchecked += 1,
            }
        }
        counts
    }

    pub fn add(&mut self, other: ObjectCounts) {
        self.digests.add(other.digests);
        self.logs.add(other.logs);
    }
}

impl Totals {
    /// `valid`, `invalid` or `unchecked`.
    pub fn status(&self) -> &'static str {
        let ObjectCounts { digests, logs } = self.objects;
        if digests.invalid + digests.missing + logs.invalid + logs.missing > 0 {
            return "invalid";
        }
        let found = digests.valid + digests.unchecked;
        match digests.unchecked + logs.unchecked + self.failures > 0 || found == 0 {
            true => "unchecked",
            false => "valid",
        }
    }

    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self.status() {
            "valid" => 0,
            "invalid" => 1,
            _ => 2,
        })
    }
}
