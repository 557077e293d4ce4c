# The alerts.

resource "aws_sns_topic" "alerts" {
  name              = "${var.name}-alerts"
  display_name      = "Trailbell"
  kms_master_key_id = local.encrypts ? aws_kms_key.topics[0].key_id : null
}

resource "aws_sns_topic_policy" "alerts" {
  arn = aws_sns_topic.alerts.arn
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "DenyWithoutTls"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sns:Publish"
        Resource  = aws_sns_topic.alerts.arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
  })
}

locals {
  severities_from = {
    all      = []
    medium   = ["medium", "high", "critical"]
    high     = ["high", "critical"]
    critical = ["critical"]
  }
}

# Confirm it with the output confirm_command, so that unsubscribing requires a sign-in.
resource "aws_sns_topic_subscription" "alert_email" {
  count = var.alert_email == "" ? 0 : 1

  topic_arn = aws_sns_topic.alerts.arn
  protocol  = "email"
  endpoint  = var.alert_email
  # No filter on severity by default: the two main rules are "low".
  filter_policy = var.alert_email_severity == "all" ? null : jsonencode({
    severity = local.severities_from[var.alert_email_severity]
  })
}

# A topic of its own for chat, since Amazon Q Developer subscribes by https and reads only its own
# format, and other https subscribers of the alerts want the document.

resource "aws_sns_topic" "chat" {
  count = local.has_chat ? 1 : 0

  name              = "${var.name}-chat"
  display_name      = "Trailbell"
  kms_master_key_id = local.encrypts ? aws_kms_key.topics[0].key_id : null
}

resource "aws_sns_topic_policy" "chat" {
  count = local.has_chat ? 1 : 0

  arn = aws_sns_topic.chat[0].arn
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "DenyWithoutTls"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sns:Publish"
        Resource  = aws_sns_topic.chat[0].arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
  })
}

# Required, and without any permission: the channel only shows messages. The guardrail denies
# everything (without one it would be AdministratorAccess).
resource "aws_iam_role" "chat" {
  count = var.chat == "slack" || var.chat == "teams" ? 1 : 0

  name_prefix = "${var.name}-"
  description = "The role of the chat channel for alerts of Trailbell. It has no permissions."
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "chatbot.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_chatbot_slack_channel_configuration" "chat" {
  count = var.chat == "slack" ? 1 : 0

  configuration_name    = "${var.name}-${local.region}"
  slack_team_id         = var.slack_workspace_id
  slack_channel_id      = var.slack_channel_id
  sns_topic_arns        = [aws_sns_topic.chat[0].arn]
  iam_role_arn          = aws_iam_role.chat[0].arn
  guardrail_policy_arns = ["arn:${local.partition}:iam::aws:policy/AWSDenyAll"]
  logging_level         = "ERROR"
}

resource "aws_chatbot_teams_channel_configuration" "chat" {
  count = var.chat == "teams" ? 1 : 0

  configuration_name    = "${var.name}-${local.region}"
  tenant_id             = var.teams_tenant_id
  team_id               = var.teams_team_id
  channel_id            = var.teams_channel_id
  sns_topic_arns        = [aws_sns_topic.chat[0].arn]
  iam_role_arn          = aws_iam_role.chat[0].arn
  guardrail_policy_arns = ["arn:${local.partition}:iam::aws:policy/AWSDenyAll"]
  logging_level         = "ERROR"
}

# Topics store nothing, so the key can be deleted with the rest, after 30 days.
resource "aws_kms_key" "topics" {
  count = local.encrypts ? 1 : 0

  description             = "Encrypts alerts and alarms of Trailbell in SNS"
  enable_key_rotation     = true
  deletion_window_in_days = 30
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      # In a key policy, "*" is the key itself.
      {
        Sid       = "AllowAccount"
        Effect    = "Allow"
        Principal = { AWS = "arn:${local.partition}:iam::${local.account}:root" }
        Action    = "kms:*"
        Resource  = "*"
      },
      # For CloudWatch alarms. The function has the permission in its role.
      {
        Sid       = "AllowAlarms"
        Effect    = "Allow"
        Principal = { Service = "cloudwatch.amazonaws.com" }
        Action    = ["kms:GenerateDataKey*", "kms:Decrypt"]
        Resource  = "*"
        Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
      },
    ]
  })
}

# A separate topic for alarms about Trailbell: they must arrive when the alerts topic fails, and must
# not count against the rate of alerts.

resource "aws_sns_topic" "operations" {
  name              = "${var.name}-operations"
  display_name      = "Trailbell operations"
  kms_master_key_id = local.encrypts ? aws_kms_key.topics[0].key_id : null
}

resource "aws_sns_topic_policy" "operations" {
  arn = aws_sns_topic.operations.arn
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "AllowAlarms"
        Effect    = "Allow"
        Principal = { Service = "cloudwatch.amazonaws.com" }
        Action    = "sns:Publish"
        Resource  = aws_sns_topic.operations.arn
        Condition = {
          StringEquals = { "aws:SourceAccount" = local.account }
          ArnLike = {
            "aws:SourceArn" = "arn:${local.partition}:cloudwatch:${local.region}:${local.account}:alarm:*"
          }
        }
      },
      {
        Sid       = "DenyWithoutTls"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sns:Publish"
        Resource  = aws_sns_topic.operations.arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
  })
}

resource "aws_sns_topic_subscription" "operations_email" {
  count = var.operations_email == "" ? 0 : 1

  topic_arn = aws_sns_topic.operations.arn
  protocol  = "email"
  endpoint  = var.operations_email
}
