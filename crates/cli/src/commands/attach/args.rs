//! What may be said after `trailbell attach`.

/// Lead a bucket's notifications of new log objects to the function, and keep all others.
///
/// Shows what would stay and what would be added, and what is needed besides; writes only with
/// --yes. Refuses what S3 would refuse, and a configuration that holds what this program does not
/// know.
///
/// Exit codes: 0 shown, written, or attached already; 2 refused, or wrong usage.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("way").required(true).args(["eventbridge", "topic", "queue"])))]
pub struct AttachArgs {
    /// The bucket that the trail writes to
    #[arg(long, value_name = "BUCKET")]
    pub bucket: String,

    /// Only objects whose keys begin so, such as AWSLogs/; all of the bucket unless told
    #[arg(long, value_name = "PREFIX", default_value = "", hide_default_value = true)]
    pub prefix: String,

    /// Announce through EventBridge, which announces every object of the bucket
    #[arg(long)]
    pub eventbridge: bool,

    /// Announce to an SNS topic
    #[arg(long, value_name = "ARN")]
    pub topic: Option<String>,

    /// Announce to an SQS queue, such as the stack's
    #[arg(long, value_name = "ARN")]
    pub queue: Option<String>,

    /// The account that the bucket must belong to: another's is left alone
    #[arg(long, value_name = "ACCOUNT")]
    pub expected_bucket_owner: Option<String>,

    /// Write it
    #[arg(long)]
    pub yes: bool,
}
