//! `trailbell attach`.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow, bail};
use clap::ArgGroup;
use serde_json::{Value, json};
use trailbell::store::{S3Store, Target};

use crate::attach::{self, Attachment, Destination, Need, Plan};
use crate::commands::aws::AwsArgs;
use crate::commands::output::{Format, FormatArg, clean_lines, write_document};
use crate::commands::setup;

/// Add a notification to a bucket, or remove it, without touching other ones.
///
/// Shows the bucket's notifications, what would be added, and what else is needed. Writes only with
/// --yes. Refuses a configuration that S3 would reject, or that has elements which this program
/// does not know and could not preserve.
///
/// Exit codes: 0 the change was shown or written, or there is nothing to change; 2 refused, or
/// wrong usage.
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
    /// Take the notification out again, and no other. EventBridge is switched off for the whole
    /// bucket, also for rules that are not ours
    #[arg(long)]
    remove: bool,
    /// The command is the stack's, which has the rest: do not print what else is needed
    #[arg(long)]
    from_stack: bool,
    /// Write the change
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    aws: AwsArgs,
    #[command(flatten)]
    format: FormatArg,
}

pub fn run(args: &Args) -> Result<ExitCode> {
    let wanted = attachment(args)?;
    let result = setup::build_runtime()?.block_on(attach_bucket(&wanted, args));
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

async fn attach_bucket(wanted: &Attachment, args: &Args) -> Result<()> {
    let store = S3Store::new(args.aws.connect().s3().await);
    let before = store.notifications(&wanted.bucket, wanted.owner.as_deref()).await?;
    // Only for messages: a caller who may not ask for it can attach the bucket nevertheless.
    let region = store.bucket_region(&wanted.bucket, wanted.owner.as_deref()).await.ok().flatten();
    let plan = match args.remove {
        true => attach::plan_removal(&before, wanted),
        false => {
            check_region(wanted, region.as_deref())?;
            attach::plan(&before, wanted)
        }
    };
    let plan = plan.map_err(|obstacle| anyhow!("{obstacle}\n{}", obstacle.alternative()))?;
    let is_complete = args.remove || args.from_stack;
    let need = if is_complete { None } else { attach::needs(wanted, region.as_deref()) };
    let changes = match &plan {
        Plan::Write(after) => attach::difference(&before, after),
        Plan::Attached(_) | Plan::Detached => Vec::new(),
    };
    let mut page = AttachPage { wanted, plan: &plan, changes, need };
    if args.format.format == Format::Table {
        page.print_plan()?;
    }
    let is_written = match &plan {
        Plan::Write(after) if args.yes => {
            attach::write(&store, wanted, &before, after).await?;
            true
        }
        _ => false,
    };
    match args.format.format {
        Format::Table => page.print_end(is_written, args.remove),
        format => {
            let document = page.document(is_written);
            Ok(write_document(&mut io::stdout().lock(), format, &document)?)
        }
    }
}

/// What is printed.
struct AttachPage<'a> {
    wanted: &'a Attachment,
    plan: &'a Plan,
    changes: Vec<String>,
    need: Option<Need>,
}

impl AttachPage<'_> {
    fn print_plan(&mut self) -> Result<()> {
        let bucket = &self.wanted.bucket;
        match self.plan {
            Plan::Attached(route) => {
                print_lines(&format!("s3://{bucket} is attached already: {route}"))?;
            }
            Plan::Detached => print_lines(&format!("s3://{bucket} has no such notification"))?,
            Plan::Write(_) => print_lines(&format!(
                "Notifications of s3://{bucket} (= unchanged, + added, - removed):\n  {}",
                self.changes.join("\n  ")
            ))?,
        }
        let Some(need) = &self.need else { return Ok(()) };
        print_lines(&format!("\nAlso needed: {}.", need.text))?;
        need.commands.iter().try_for_each(|command| print_lines(&format!("  {command}")))
    }

    fn print_end(&self, is_written: bool, removes: bool) -> Result<()> {
        let state = if removes { "notifies it no longer" } else { "is attached" };
        match (self.plan, is_written) {
            (Plan::Write(_), true) => print_lines(&format!(
                "\nWritten and verified: s3://{} {state}.",
                self.wanted.bucket
            )),
            (Plan::Write(_), false) => {
                print_lines("\nNothing was changed. Add --yes to write this.")
            }
            _ => Ok(()),
        }
    }

    fn document(&self, is_written: bool) -> Value {
        let state = match self.plan {
            Plan::Attached(_) => "attached",
            Plan::Detached => "not_attached",
            Plan::Write(_) if is_written => "written",
            Plan::Write(_) => "planned",
        };
        let need = self.need.as_ref().map(|need| {
            let commands: Vec<String> = need.commands.iter().map(ToString::to_string).collect();
            json!({"text": need.text, "commands": commands})
        });
        json!({
            "bucket": self.wanted.bucket,
            "state": state,
            "changes": self.changes,
            "also_needed": need,
        })
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

/// Prints text that may contain names which other people chose.
fn print_lines(text: &str) -> Result<()> {
    Ok(writeln!(io::stdout(), "{}", clean_lines(text))?)
}
