# The same resources as template.yaml, which has the reasons: tests/terraform/compare.py compares
# both, resource by resource. The modes follow from the variables:
#   (a) no bucket given: CloudTrail -> bucket -> queue
#   (b) bucket given: EventBridge events of the bucket -> queue
#   (c) bucket and topic given: topic -> queue
#   (d) optional, in addition: the API calls, within seconds

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.region

  creates_trail       = var.log_bucket_name == ""
  follows_topic       = var.log_topic_arn != ""
  follows_eventbridge = !local.creates_trail && !local.follows_topic
  # IAM is recorded in one region of each partition, and EventBridge has its calls only there.
  iam_regions = [
    "us-east-1",
    "cn-north-1",
    "us-gov-west-1",
    "us-iso-east-1",
    "us-isob-east-1",
    "us-isof-south-1",
    "eu-isoe-west-1",
    "eusc-de-east-1",
  ]
  follows_api_calls = var.api_call_alerts == "on" && contains(local.iam_regions, local.region)

  has_chat       = var.chat != "off"
  encrypts       = var.topic_encryption == "key"
  is_full        = var.monitoring == "full"
  sends_canaries = var.canary_schedule == "weekly"
  writes_reports = var.reports != "off"
  writes_weeks   = var.reports == "all"

  # The queue's policy names the bucket before it exists.
  trail_bucket = var.trail_bucket_name == "" ? "${var.name}-${local.account}-${local.region}" : var.trail_bucket_name
  trail_arn    = "arn:${local.partition}:cloudtrail:${local.region}:${local.account}:trail/${var.name}"
  log_bucket   = local.creates_trail ? local.trail_bucket : var.log_bucket_name
  log_folder   = var.log_prefix == "" ? "AWSLogs/" : "${var.log_prefix}/AWSLogs/"
  log_arn      = "arn:${local.partition}:s3:::${local.log_bucket}"
  function_arn = "arn:${local.partition}:lambda:${local.region}:${local.account}:function:${var.name}"
}
