//! What may be said after `trailbell doctor`.

use clap::ValueEnum;

/// Look at a deployment through S3 and SNS, and say what is wrong and what mends it.
///
/// Reads the TRAILBELL_* variables as the function does; what is said here counts instead. Nothing
/// is changed, but one object is written below doctor/ in the ledger and removed again; with
/// --read-only not even that.
///
/// Exit codes: 0 all is well; 1 there is a warning; 2 something fails, or wrong usage.
#[derive(Debug, clap::Args)]
pub struct DoctorArgs {
    /// The topic's ARN, as TRAILBELL_ALERTS
    #[arg(long, value_name = "ARN")]
    pub alerts: Option<String>,

    /// As TRAILBELL_LEDGER
    #[arg(long, value_name = "PLACE")]
    pub ledger: Option<String>,

    /// As TRAILBELL_TRAILS
    #[arg(long, value_name = "PLACES")]
    pub trails: Option<String>,

    /// As TRAILBELL_RULES
    #[arg(long, value_name = "PLACE")]
    pub rules: Option<String>,

    /// As TRAILBELL_EXCEPTIONS
    #[arg(long, value_name = "PLACE")]
    pub exceptions: Option<String>,

    /// How new objects should be announced: the ARN of a queue, topic or function, eventbridge, or
    /// cloudtrail (by CloudTrail's own topic); any way will do unless told
    #[arg(long, value_name = "WAY")]
    pub announced: Option<String>,

    /// The account that the trails' buckets must belong to
    #[arg(long, value_name = "ACCOUNT")]
    pub expected_bucket_owner: Option<String>,

    /// Write nothing at all: whether the ledger can be written is then not told
    #[arg(long)]
    pub read_only: bool,

    /// What is printed
    #[arg(long, value_enum, default_value_t = DoctorFormat::Text)]
    pub format: DoctorFormat,
}

/// How what was found is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DoctorFormat {
    /// A line for each thing, and below it what mends it
    Text,
    /// One JSON object a line
    Json,
}
