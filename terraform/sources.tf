# (a) A new trail and its bucket. The audit trail must outlive the function.

resource "aws_s3_bucket" "trail" {
  count = local.creates_trail ? 1 : 0

  bucket = local.trail_bucket

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "trail" {
  count = local.creates_trail ? 1 : 0

  bucket = aws_s3_bucket.trail[0].id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket_ownership_controls" "trail" {
  count = local.creates_trail ? 1 : 0

  bucket = aws_s3_bucket.trail[0].id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_public_access_block" "trail" {
  count = local.creates_trail ? 1 : 0

  bucket                  = aws_s3_bucket.trail[0].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

# CloudTrail never overwrites an object, so versions cost nothing until someone else does.
resource "aws_s3_bucket_versioning" "trail" {
  count = local.creates_trail ? 1 : 0

  bucket = aws_s3_bucket.trail[0].id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_notification" "trail" {
  count = local.creates_trail ? 1 : 0

  bucket = aws_s3_bucket.trail[0].id

  queue {
    queue_arn     = aws_sqs_queue.notifications.arn
    events        = ["s3:ObjectCreated:*"]
    filter_prefix = "AWSLogs/"
    filter_suffix = ".json.gz"
  }

  # S3 checks its permission to write to the queue when the notification is configured.
  depends_on = [aws_sqs_queue_policy.notifications]
}

resource "aws_s3_bucket_policy" "trail" {
  count = local.creates_trail ? 1 : 0

  bucket = aws_s3_bucket.trail[0].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "AllowCloudTrailAclCheck"
        Effect    = "Allow"
        Principal = { Service = "cloudtrail.amazonaws.com" }
        Action    = "s3:GetBucketAcl"
        Resource  = aws_s3_bucket.trail[0].arn
        Condition = { StringEquals = { "aws:SourceArn" = local.trail_arn } }
      },
      {
        Sid       = "AllowCloudTrailWrites"
        Effect    = "Allow"
        Principal = { Service = "cloudtrail.amazonaws.com" }
        Action    = "s3:PutObject"
        Resource  = "${aws_s3_bucket.trail[0].arn}/AWSLogs/${local.account}/*"
        Condition = {
          StringEquals = {
            "aws:SourceArn" = local.trail_arn
            "s3:x-amz-acl"  = "bucket-owner-full-control"
          }
        }
      },
      {
        Sid       = "DenyWithoutTls"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = [aws_s3_bucket.trail[0].arn, "${aws_s3_bucket.trail[0].arn}/*"]
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
  })

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_cloudtrail" "trail" {
  count = local.creates_trail ? 1 : 0

  # The bucket policy refers to the trail before it exists.
  name           = var.name
  s3_bucket_name = aws_s3_bucket.trail[0].id
  enable_logging = true
  # IAM is recorded in one region of the partition, which may differ from this one.
  is_multi_region_trail         = true
  include_global_service_events = true
  enable_log_file_validation    = true

  depends_on = [aws_s3_bucket_policy.trail]
}

# (b) An existing bucket. Its notification configuration stays as it is: switch EventBridge on with
# the output attach_command, or with `eventbridge = true` where that configuration is managed.

resource "aws_cloudwatch_event_rule" "object_created" {
  count = local.follows_eventbridge ? 1 : 0

  name        = "${var.name}-object-created"
  description = "Sends new log objects and digest files of the trail to Trailbell"
  event_pattern = jsonencode({
    source      = ["aws.s3"]
    detail-type = ["Object Created"]
    detail = {
      bucket = { name = [var.log_bucket_name] }
      object = { key = [{ prefix = local.log_folder }] }
    }
  })
}

resource "aws_cloudwatch_event_target" "object_created" {
  count = local.follows_eventbridge ? 1 : 0

  rule      = aws_cloudwatch_event_rule.object_created[0].name
  target_id = "queue"
  arn       = aws_sqs_queue.notifications.arn
}

# (c) An existing topic that S3 or CloudTrail notifies.

resource "aws_sns_topic_subscription" "log_topic" {
  count = local.follows_topic ? 1 : 0

  # CloudTrail's topic is in the home region of the trail, which may differ from this one.
  region    = element(split(":", var.log_topic_arn), 3)
  topic_arn = var.log_topic_arn
  protocol  = "sqs"
  endpoint  = aws_sqs_queue.notifications.arn

  # SNS discards messages that the queue refuses.
  depends_on = [aws_sqs_queue_policy.notifications]
}

# (d) The API calls. The log object that comes minutes later is a duplicate in the ledger.

resource "aws_cloudwatch_event_rule" "api_call" {
  count = local.follows_api_calls ? 1 : 0

  name        = "${var.name}-api-call"
  description = "Sends calls to IAM to Trailbell"
  event_pattern = jsonencode({
    source      = ["aws.iam"]
    detail-type = ["AWS API Call via CloudTrail"]
    detail      = { eventSource = ["iam.amazonaws.com"] }
  })
}

resource "aws_cloudwatch_event_target" "api_call" {
  count = local.follows_api_calls ? 1 : 0

  rule      = aws_cloudwatch_event_rule.api_call[0].name
  target_id = "queue"
  arn       = aws_sqs_queue.notifications.arn
}
