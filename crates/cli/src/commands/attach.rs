//! `trailbell attach`.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow, bail};
use clap::ArgGroup;
use trailbell::store::{S3Store, Target};

use crate::attach::{self, Attachment, Destination, Plan};
use crate::commands::aws::AwsArgs;
use crate::commands::output::clean_lines;
use crate::commands::setup;

/// Add a notification to a bucket without touching existing ones.
///
/// Shows the bucket's notifications, what would be added, and what else is needed. Writes only with
/// --yes. Refuses a configuration that S3 would reject, or that has elements which this program
/// does not know and could not preserve.
///
/// Exit codes: 0 the change was shown or written, or the notification is there already; 2 refused,
/// or wrong usage.
#[derive(Debug, clap::Args)]
#[command(
    override_usage = "\
trailbell attach [OPTIONS] --bucket <BUCKET> --eventbridge
       trailbell attach [OPTIONS] --bucket <BUCKET> --topic <ARN>
       trailbell attach [OPTIONS] --bucket <BUCKET> --queue <ARN>",
    group(ArgGroup::new("target").required(true).args(["eventbridge", "topic", "queue"]))
)]
pub struct Args {
    /// The bucket that the trail writes to
    #[arg(long, value_name = "BUCKET")]
    bucket: String,
    /// Only objects whose keys begin with this, such as AWSLogs/
    #[arg(long, value_name = "PREFIX", default_value = "", hide_default_value = true)]
    prefix: String,
    /// Notify EventBridge, which always gets the events of the whole bucket
    #[arg(long)]
    eventbridge: bool,
    /// Notify an SNS topic
    #[arg(long, value_name = "ARN")]
    topic: Option<String>,
    /// Notify an SQS queue, such as the one of the stack
    #[arg(long, value_name = "ARN")]
    queue: Option<String>,
    /// Fail if the bucket belongs to another account
    #[arg(long, value_name = "ACCOUNT")]
    expected_bucket_owner: Option<String>,
    /// Write the change
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    aws: AwsArgs,
}

pub fn run(args: &Args) -> Result<ExitCode> {
    let wanted = attachment(args)?;
    let result = setup::build_runtime()?.block_on(attach_bucket(&wanted, args.yes, &args.aws));
    result.with_context(|| format!("s3://{}", wanted.bucket))?;
    Ok(ExitCode::SUCCESS)
}

fn attachment(args: &Args) -> Result<Attachment> {
    let destination = match (&args.queue, &args.topic) {
        (Some(arn), _) => Destination::Target(Target::Queue(checked_arn(arn, "sqs", "queue")?)),
        (_, Some(arn)) => Destination::Target(Target::Topic(checked_arn(arn, "sns", "topic")?)),
        _ => Destination::EventBridge,
    };
    let bucket = args.bucket.trim_start_matches("s3://").trim_end_matches('/').to_owned();
    if bucket.is_empty() || bucket.contains('/') {
        bail!("--bucket {:?} is not the name of a bucket; use --prefix for the rest", args.bucket);
    }
    let owner = args.expected_bucket_owner.clone();
    Ok(Attachment { bucket, prefix: args.prefix.clone(), destination, owner })
}

fn checked_arn(arn: &str, service: &str, kind: &str) -> Result<String> {
    let parts: Vec<&str> = arn.split(':').collect();
    let is_complete = parts.len() == 6 && parts.iter().all(|part| !part.is_empty());
    if !is_complete || parts[0] != "arn" || parts[2] != service {
        bail!("{arn:?} is not the ARN of a {kind}: expected arn:aws:{service}:REGION:ACCOUNT:NAME");
    }
    if arn.ends_with(".fifo") {
        bail!("{arn}: S3 sends no notifications to a FIFO {kind}; use a standard {kind}");
    }
    Ok(arn.to_owned())
}

async fn attach_bucket(wanted: &Attachment, write: bool, aws: &AwsArgs) -> Result<()> {
    let store = S3Store::new(aws.connect().s3().await);
    let before = store.notifications(&wanted.bucket, wanted.owner.as_deref()).await?;
    // Only for messages: a caller who may not ask for it can attach the bucket nevertheless.
    let region = store.bucket_region(&wanted.bucket, wanted.owner.as_deref()).await.ok().flatten();
    check_region(wanted, region.as_deref())?;
    match attach::plan(&before, wanted) {
        Ok(Plan::Attached(route)) => {
            print_lines(&format!("s3://{} is attached already: {route}", wanted.bucket))?;
            print_needs(wanted, region.as_deref())
        }
        Ok(Plan::Write(after)) => {
            print_lines(&format!(
                "Notifications of s3://{} (= unchanged, + added):\n  {}",
                wanted.bucket,
                attach::difference(&before, &after).join("\n  ")
            ))?;
            print_needs(wanted, region.as_deref())?;
            if !write {
                return print_lines("\nNothing was changed. Add --yes to write this.");
            }
            attach::write(&store, wanted, &before, &after).await?;
            print_lines(&format!("\nWritten and verified: s3://{} is attached.", wanted.bucket))
        }
        Err(obstacle) => Err(anyhow!("{obstacle}\n{}", obstacle.alternative())),
    }
}

/// S3 itself would only say that it cannot validate the destination.
fn check_region(wanted: &Attachment, region: Option<&str>) -> Result<()> {
    let (Destination::Target(target), Some(region)) = (&wanted.destination, region) else {
        return Ok(());
    };
    match target.arn().split(':').nth(3) {
        Some(other) if other != region => bail!(
            "the bucket is in {region}, and the {target} is not: S3 notifies only queues and \
             topics of its own region. Use --eventbridge, with a rule that forwards to {other}"
        ),
        _ => Ok(()),
    }
}

fn print_needs(wanted: &Attachment, region: Option<&str>) -> Result<()> {
    if let Some(need) = attach::needs(wanted, region) {
        print_lines(&format!("\nAlso needed: {}.", need.text))?;
        need.commands.iter().try_for_each(|command| print_lines(&format!("  {command}")))?;
    }
    Ok(())
}

/// Prints text that may contain names which other people chose.
fn print_lines(text: &str) -> Result<()> {
    Ok(writeln!(io::stdout(), "{}", clean_lines(text))?)
}
