//! The daily statements of the function, as the proof of a report.

use std::collections::{BTreeMap, BTreeSet};

use detect::finding::canary;
use detect::text::time::format_column_time;
use jiff::Timestamp;
use report::data::{Input, ProofCounts, ProofInput, Statement as NamedStatement, TrailProof};
use report::data::{Unreadable, VerifiedHours};
use sha2::{Digest, Sha256};

use crate::integrity::statement::{ChainStatement, NotValid, Statement};
use crate::ledger::{LedgerError, StoredLedger, StoredStatement};

/// A trail in a region of an account.
type TrailKey = (String, String, String);

/// Adds the statements of the days of a period. Without a check of the log files, what they state
/// is the proof. Returns them as they are stored.
///
/// # Errors
/// The ledger cannot be read.
pub async fn add_statements(
    ledger: &StoredLedger,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    input: &mut Input,
) -> Result<Vec<StoredStatement>, LedgerError> {
    let first = since.map_or_else(String::new, day);
    let last = until.map_or_else(|| "9999-12-31".to_owned(), day);
    let statements = ledger.statements(&first, &last).await?;
    let mut stated = ProofInput { stated: true, ..ProofInput::default() };
    let mut trails = BTreeMap::new();
    for StoredStatement { day, bytes } in &statements {
        let sha256 = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        stated.statements.push(NamedStatement { name: day.clone(), sha256 });
        match Statement::from_json(bytes) {
            Ok(mut statement) => {
                let account = input.scope.account.as_ref();
                statement.chains.retain(|chain| account.is_none_or(|it| *it == chain.account));
                add_statement(&statement, &mut stated, &mut trails);
            }
            Err(problem) => {
                let name = format!("statements/{day}.json");
                input.unreadable.push(Unreadable { name, problem });
            }
        }
    }
    stated.trails.extend(trails.into_values());
    match &mut input.proof {
        Some(proof) => proof.statements.extend(stated.statements),
        None if statements.is_empty() => {}
        None => input.proof = Some(stated),
    }
    Ok(statements)
}

/// Adds the accounts that have findings, and of whose log files nothing is proven, to what was not
/// seen. Without any proof the whole page says so.
pub fn note_unproven_accounts(input: &mut Input) {
    let Some(proof) = &input.proof else { return };
    let proven: BTreeSet<&str> = proof.trails.iter().map(|trail| trail.account.as_str()).collect();
    let found = input.findings.iter().map(|reported| &*reported.finding);
    let found: BTreeSet<&str> = found
        .filter(|finding| !canary::is_canary(finding))
        .filter_map(|finding| finding.account.as_deref())
        .filter(|account| input.scope.account.as_ref().is_none_or(|wanted| wanted == account))
        .collect();
    let line = |account: &&str| {
        format!(
            "Account {account}: no digest of it is verified, so nothing shows whether its log \
             files are complete and unchanged."
        )
    };
    input.not_seen.extend(found.difference(&proven).map(line).collect::<Vec<_>>());
}

fn day(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d").to_string()
}

fn add_statement(
    statement: &Statement,
    proof: &mut ProofInput,
    trails: &mut BTreeMap<TrailKey, TrailProof>,
) {
    proof.unverified_logs += statement.unverified_log_files.unwrap_or_default();
    for chain in &statement.chains {
        let key = (chain.account.clone(), chain.region.clone(), chain.trail.clone());
        let trail = trails.entry(key).or_insert_with(|| TrailProof {
            account: chain.account.clone(),
            region: chain.region.clone(),
            trail: chain.trail.clone(),
            ..TrailProof::default()
        });
        add_counts(chain, &mut trail.counts);
        // Digests of a backfill say nothing about the time at which they were written.
        if !chain.backfill {
            add_hours(chain, &mut trail.hours);
        }
        proof.problems.extend(problems(chain));
    }
}

fn add_counts(chain: &ChainStatement, counts: &mut ProofCounts) {
    let not_valid =
        |kind: &str| chain.not_valid.iter().filter(|object| object.kind == kind).count() as u64;
    for day in chain.days.values() {
        counts.valid_digests += day.digests;
        counts.digests += day.digests;
        counts.valid_logs += day.log_files;
        counts.logs += day.log_files;
    }
    counts.digests += not_valid("digest");
    counts.logs += not_valid("log");
}

/// A statement does not say in which hour something is not valid: then none of its hours is.
fn add_hours(chain: &ChainStatement, hours: &mut VerifiedHours) {
    if let Some(stated) = chain.from.zip(chain.until) {
        match chain.not_valid.iter().all(|object| object.kind == "digest") {
            true => hours.valid.push(stated),
            false => hours.broken.push(stated),
        }
    }
    hours.broken.extend(chain.gaps.iter().map(|gap| (gap.from, gap.until)));
}

fn problems(chain: &ChainStatement) -> Vec<String> {
    let gaps = chain.gaps.iter().map(|gap| {
        format!(
            "gap: account {}, {}, trail {}: {} to {} UTC: {}",
            chain.account,
            chain.region,
            chain.trail,
            format_column_time(gap.from),
            format_column_time(gap.until),
            gap.reason,
        )
    });
    let objects = chain.not_valid.iter().map(|object| {
        let NotValid { key, status, reason, .. } = object;
        format!("{status}: s3://{}/{key}: {reason}", chain.bucket)
    });
    gaps.chain(objects).collect()
}
