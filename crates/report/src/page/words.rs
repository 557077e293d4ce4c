//! The sentences of the page.

use super::{ReportPage, format};
use crate::data::{ProofSummary, Scope};

impl ReportPage<'_> {
    /// `41 changes to 7 groups; 3 need an answer`.
    pub(super) fn headline(&self) -> String {
        let verdict = &self.report.verdict;
        if self.report.events.is_empty() {
            return match self.report.unreadable.is_empty() {
                true => "No changes to IAM groups were found".to_owned(),
                false => "No changes were found, and not everything could be read".to_owned(),
            };
        }
        let changes = match verdict.changes {
            0 => "No changes to groups".to_owned(),
            changes => {
                let changes = format::count(changes, "change");
                format!("{changes} to {}", format::count(verdict.groups, "group"))
            }
        };
        let attempts = match verdict.attempts {
            0 => String::new(),
            attempts => format!(" and {}", format::count(attempts, "failed attempt")),
        };
        let open = match verdict.open {
            0 => "none needs an answer".to_owned(),
            1 => "1 needs an answer".to_owned(),
            open => format!("{} need an answer", format::number(open)),
        };
        format!("{changes}{attempts}; {open}.")
    }

    pub(super) fn proof_class(&self) -> &'static str {
        match &self.report.proof {
            None => "",
            Some(proof) if proof.is_complete() => "proven",
            Some(proof) if proof.counts.digests == 0 => "",
            Some(_) => "broken",
        }
    }

    /// What is proven, in a sentence.
    pub(super) fn proof_sentence(&self) -> String {
        let Some(proof) = &self.report.proof else {
            return "The log files were not verified.".to_owned();
        };
        let counts = proof.counts;
        if counts.digests == 0 {
            return "Nothing could be verified: there are no digest files.".to_owned();
        }
        let logs = counts.logs + proof.unverified_logs;
        if let (true, Some(last)) = (proof.stated, proof.statements.last()) {
            return format!("{}; the last statement is of {}.", stated(proof, logs), last.name);
        }
        if proof.is_complete() {
            return match logs {
                0 => "Every hour is verified; there were no log files.".to_owned(),
                1 => "The one log file is verified, and none is missing.".to_owned(),
                logs => {
                    format!("Every one of {} log files is verified.", format::number(logs))
                }
            };
        }
        format!("{}.", partly_verified(proof, logs))
    }

    pub(super) fn proof_counts(&self, proof: &ProofSummary) -> String {
        let counts = proof.counts;
        let digests = format!(
            "{} of {} are valid",
            format::number(counts.valid_digests),
            format::count(counts.digests, "signed digest")
        );
        match proof.unverified_logs {
            0 => format!("{digests}."),
            more => format!("{digests}; no digest covers {}.", format::count(more, "log file")),
        }
    }

    pub(super) fn proof_hint(&self) -> &'static str {
        match self.report.origin.from_logs {
            true => "Add --verify, with the digests beside the log files.",
            false => {
                "trailbell verify checks a bucket; trailbell report with the bucket and --verify \
                 puts the result on this page."
            }
        }
    }

    pub(super) fn statements(&self) -> String {
        let statements = self.report.proof.iter().map(|proof| proof.statements.len()).sum();
        match statements {
            0 => "none".to_owned(),
            count => format::count(count, "daily statement"),
        }
    }

    pub(super) fn empty_hint(&self) -> String {
        let read = match self.report.origin.from_logs {
            true => format!("{} read.", self.files_were()),
            false => "The ledger was read and has no finding of this period.".to_owned(),
        };
        match self.report.scope.account.is_some() || self.report.scope.group.is_some() {
            true => format!("{read} Only what matches the filter above is on this page."),
            false => read,
        }
    }

    fn files_were(&self) -> String {
        let files = self.report.origin.files;
        let verb = if files == 1 { "was" } else { "were" };
        format!("{} {verb}", format::count(files, "log file"))
    }

    /// The period to the minute, and the filters.
    pub(super) fn scope_in_words(&self) -> String {
        let Scope { since, until, account, group } = &self.report.scope;
        let mut words = match (since, until) {
            (Some(since), Some(until)) => {
                format!("{} to {}", format::minute(*since), format::minute(*until))
            }
            (None, Some(until)) => format!("until {}", format::minute(*until)),
            _ => "all that is known".to_owned(),
        };
        if let Some(account) = account {
            words += &format!(" · only account {}", self.account_label(account));
        }
        if let Some(group) = group {
            words += &format!(" · only the group {}", format::name(group));
        }
        words
    }
}

/// What was verified when it was written.
fn stated(proof: &ProofSummary, logs: u64) -> String {
    match proof.is_complete() {
        true => format!("{} verified day by day", format::count(logs, "log file")),
        false => partly_verified(proof, logs),
    }
}

fn partly_verified(proof: &ProofSummary, logs: u64) -> String {
    let valid = format::number(proof.counts.valid_logs);
    let gaps: usize = proof.accounts.iter().map(|account| account.gaps.len()).sum();
    let gaps = match gaps {
        0 => String::new(),
        gaps => format!("; {}", format::count(gaps, "gap")),
    };
    format!("{valid} of {} verified{gaps}", format::count(logs, "log file"))
}
