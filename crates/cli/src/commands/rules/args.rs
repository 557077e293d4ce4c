//! What may be said after `trailbell rules`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// Look at rules, check and test them.
#[derive(Debug, Args)]
pub struct RulesArgs {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    List(ListArgs),
    Show(ShowArgs),
    Check(CheckArgs),
    Test(TestArgs),
}

/// Which rules a command is about.
#[derive(Debug, Args)]
pub struct SourceArgs {
    /// Further rules, a folder or a file; one with the rule_id of another replaces it (repeatable)
    #[arg(long, value_name = "DIR")]
    pub rules: Vec<PathBuf>,

    /// Leave out the rules that come with the program
    #[arg(long)]
    pub no_default_rules: bool,
}

/// List the rules: severity, risk score, name, id, the calls they look for, and where they were
/// read.
///
/// A narrow terminal gets no calls and no places: `rules show` and --format json have them.
///
/// Exit codes: 0 done; 2 a rule file cannot be used.
#[derive(Debug, Args)]
pub struct ListArgs {
    #[command(flatten)]
    pub source: SourceArgs,

    /// How they are printed
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
}

/// How rules are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A table for people
    Table,
    /// One JSON array
    Json,
}

/// Show all of a rule: what it sees, its query, its guide.
///
/// Exit codes: 0 done; 2 there is no such rule, or a rule file cannot be used.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// The rule_id, the name, or a part of the name that only one rule has
    #[arg(value_name = "ID|NAME")]
    pub rule: String,

    #[command(flatten)]
    pub source: SourceArgs,
}

/// Check rule files before anything depends on them.
///
/// Says for each file whether it can run here, or why not, and tells, with file, line and column:
/// unknown keys and fields, conditions that can never be true, queries without a literal to search
/// by (slow), ids that are used twice.
///
/// A condition can never be true if its value is not of the field's type (ip, boolean, date; no
/// field is a number), or if it asks a field that has one value for two. Fields that can have
/// several are let be: event.category, event.type, related.user, group.*, user.target.*,
/// user.changes.name, aws.cloudtrail.resources.* and aws.cloudtrail.flattened.*.
///
/// Exit codes: 0 all can run; 1 some are of a kind that cannot run here, or, with --strict, there
/// are warnings; 2 a file is broken (2 wins over 1).
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Rule files, and folders of them
    #[arg(required = true)]
    pub paths: Vec<PathBuf>,

    /// Warnings count as failures: exit with 1
    #[arg(long)]
    pub strict: bool,
}

/// Test rules with the records beside them
///
/// Beside a-rule.toml, a-rule.tests.json holds records that the rule must match and records that it
/// must not:
///
///   {"base": RECORD,
///    "must_match": [{"name": "a group is created", "change": {}}],
///    "must_not_match": [{"name": "denied", "change": {"errorCode": "AccessDenied"}},
///                       {"name": "another service", "record": RECORD}]}
///
/// A case is a whole CloudTrail record, or the base with a change (a JSON merge patch: objects are
/// merged, null removes).
///
/// Exit codes: 0 every rule passes; 1 a rule lacks either kind of record, or gives a wrong verdict;
/// 2 a file cannot be used (2 wins over 1).
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct TestArgs {
    /// A folder of rules, or one rule file; the rules that come with the program unless told
    #[arg(value_name = "DIR")]
    pub path: Option<PathBuf>,
}
