//! `trailbell attach`: leads a bucket's notifications to the function, and keeps all else.

pub mod args;

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use args::AttachArgs;
use detect::text::clean;
use detect::text::error::error_chain;
use trailbell::app::wiring::Aws;
use trailbell::store::{Notifications, S3Store, Target};

use crate::attach::{self, Attachment, Plan, Way};

/// The most characters of a line: a route names an ARN and a prefix.
const LINE: usize = 4000;

pub fn run(args: &AttachArgs) -> Result<ExitCode, Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(attached(args))?;
    Ok(ExitCode::SUCCESS)
}

async fn attached(args: &AttachArgs) -> Result<(), Box<dyn Error>> {
    let wanted = wanted(args)?;
    let bucket = wanted.bucket.clone();
    let in_bucket = |error: &dyn std::fmt::Display| shown(&format!("s3://{bucket}: {error}"));
    let store = S3Store::new(Aws::from_default_chain().s3().await);
    let before = store.notifications(&bucket, wanted.owner.as_deref()).await;
    let before = before.map_err(|error| in_bucket(&error_chain(&error)))?;
    // Only for what is told: who may not list the bucket may attach it all the same.
    let region = store.bucket_region(&bucket, wanted.owner.as_deref()).await.ok().flatten();
    check_region(&wanted, region.as_deref())?;
    match attach::plan(&before, &wanted) {
        Ok(Plan::Attached(by)) => {
            writeln!(io::stdout(), "s3://{bucket} is attached already: {}", shown(&by))?;
            tell_needs(&wanted, region.as_deref())?;
            Ok(())
        }
        Ok(Plan::Write(after)) => {
            change(args, &store, &wanted, (&before, &after), region.as_deref()).await
        }
        Err(obstacle) => Err(format!("{}\n{}", in_bucket(&obstacle), obstacle.way_out()).into()),
    }
}

fn wanted(args: &AttachArgs) -> Result<Attachment, String> {
    let way = match (&args.queue, &args.topic) {
        (Some(arn), _) => Way::To(Target::Queue(of_service(arn, "sqs", "queue")?)),
        (_, Some(arn)) => Way::To(Target::Topic(of_service(arn, "sns", "topic")?)),
        _ => Way::EventBridge,
    };
    let bucket = args.bucket.trim_start_matches("s3://").trim_end_matches('/');
    if bucket.is_empty() || bucket.contains('/') {
        return Err(format!(
            "--bucket {:?} is no name of a bucket; say the rest with --prefix",
            args.bucket
        ));
    }
    let (prefix, owner) = (args.prefix.clone(), args.expected_bucket_owner.clone());
    Ok(Attachment { bucket: bucket.to_owned(), prefix, way, owner })
}

fn of_service(arn: &str, service: &str, kind: &str) -> Result<String, String> {
    let parts: Vec<&str> = arn.split(':').collect();
    if parts.len() != 6
        || parts[0] != "arn"
        || parts[2] != service
        || parts.iter().any(|part| part.is_empty())
    {
        return Err(format!(
            "{arn:?} is no ARN of a {kind}: arn:aws:{service}:REGION:ACCOUNT:NAME"
        ));
    }
    if arn.ends_with(".fifo") {
        return Err(format!(
            "{arn}: S3 sends no notifications to a FIFO {kind}; take a standard one"
        ));
    }
    Ok(arn.to_owned())
}

/// S3 would say only that it cannot validate the destination.
fn check_region(wanted: &Attachment, region: Option<&str>) -> Result<(), String> {
    let (Way::To(target), Some(region)) = (&wanted.way, region) else { return Ok(()) };
    match target.arn().split(':').nth(3) {
        Some(other) if other != region => Err(format!(
            "s3://{} is in {region}, and the {target} is not: S3 sends only to queues and topics of its own region. \
             Take --eventbridge, with a rule that leads on to {other}",
            wanted.bucket
        )),
        _ => Ok(()),
    }
}

async fn change(
    args: &AttachArgs,
    store: &S3Store,
    wanted: &Attachment,
    (before, after): (&Notifications, &Notifications),
    region: Option<&str>,
) -> Result<(), Box<dyn Error>> {
    let bucket = &wanted.bucket;
    writeln!(io::stdout(), "What s3://{bucket} announces (= stays, + is added):")?;
    for line in attach::difference(before, after) {
        writeln!(io::stdout(), "  {}", shown(&line))?;
    }
    tell_needs(wanted, region)?;
    if !args.yes {
        writeln!(io::stdout(), "\nNothing was changed. To write this, say it again with --yes.")?;
        return Ok(());
    }
    attach::write(store, wanted, before, after)
        .await
        .map_err(|error| shown(&format!("s3://{bucket}: {}", error_chain(&error))))?;
    writeln!(io::stdout(), "\nWritten, and read again: s3://{bucket} is attached.")?;
    Ok(())
}

fn tell_needs(wanted: &Attachment, region: Option<&str>) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for need in attach::needs(wanted, region) {
        writeln!(out, "\nNeeded besides: {}.", need.what)?;
        need.commands.iter().try_for_each(|command| writeln!(out, "  {command}"))?;
    }
    Ok(())
}

/// Line by line: the names of others' rules are not ours.
fn shown(text: &str) -> String {
    text.lines().map(|line| clean::text(line, LINE)).collect::<Vec<_>>().join("\n")
}
