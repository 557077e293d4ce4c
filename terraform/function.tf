resource "aws_lambda_function" "function" {
  function_name    = var.name
  description      = "Reads CloudTrail log objects and sends an alert when someone changes an IAM group"
  filename         = var.zip_file
  source_code_hash = filebase64sha256(var.zip_file)
  handler          = "bootstrap"
  runtime          = "provided.al2023"
  architectures    = [var.architecture]
  memory_size      = var.memory_size
  # The queue's visibility timeout must be six times as long.
  timeout                        = 120
  reserved_concurrent_executions = var.reserved_concurrency == 0 ? -1 : var.reserved_concurrency
  role                           = aws_iam_role.function.arn

  logging_config {
    log_format = "Text"
    log_group  = aws_cloudwatch_log_group.function.name
  }

  environment {
    variables = merge(
      {
        TRAILBELL_ALERTS = aws_sns_topic.alerts.arn
        TRAILBELL_STORE  = "s3"
        TRAILBELL_LEDGER = "s3://${aws_s3_bucket.ledger.id}/ledger"
        TRAILBELL_TRAILS = "s3://${local.log_bucket}/${local.log_folder}"
        # Only (d) sends records. In all other modes a record in the queue is forged.
        TRAILBELL_INLINE  = local.follows_api_calls ? "eventbridge" : "off"
        TRAILBELL_MAIL    = var.alert_mail
        TRAILBELL_METRICS = var.monitoring
        # What the guard rules protect.
        TRAILBELL_OWN = join(",", concat(
          [
            aws_sns_topic.alerts.arn,
            aws_sns_topic.operations.arn,
            aws_sqs_queue.notifications.arn,
            aws_sqs_queue.dead_letters.arn,
            local.function_arn,
            aws_s3_bucket.ledger.arn,
            local.log_arn,
          ],
          local.creates_trail ? [aws_cloudtrail.trail[0].arn] : [],
        ))
        # Where changes to all of that, and to the trail, are recorded.
        TRAILBELL_GUARD = join(",", [
          "${local.account}/${local.region}",
          join("/", [
            var.trail_account_id == "" ? local.account : var.trail_account_id,
            var.trail_home_region == "" ? local.region : var.trail_home_region,
          ]),
        ])
        TRAILBELL_CONCURRENCY = tostring(var.concurrency)
        RUST_LOG              = "info"
      },
      local.writes_reports ? { TRAILBELL_REPORTS = "s3://${aws_s3_bucket.ledger.id}/reports" } : {},
      local.has_chat ? { TRAILBELL_CHAT = aws_sns_topic.chat[0].arn } : {},
      var.rules_location == "" ? {} : { TRAILBELL_RULES = var.rules_location },
      var.exceptions_location == "" ? {} : { TRAILBELL_EXCEPTIONS = var.exceptions_location },
      var.privileged_groups == "" ? {} : { TRAILBELL_PRIVILEGED_GROUPS = var.privileged_groups },
      var.account_names == "" ? {} : { TRAILBELL_ACCOUNTS = var.account_names },
      var.identity_center_region == "" ? {} : {
        TRAILBELL_RULE_SETS = "iam-groups,iam-principals,guard,identity-center:${var.identity_center_region}"
      },
    )
  }

  lifecycle {
    precondition {
      condition     = var.log_prefix == "" || var.log_bucket_name != ""
      error_message = "log_prefix needs log_bucket_name, the existing bucket in which it is a prefix."
    }

    precondition {
      condition     = var.log_topic_arn == "" || var.log_bucket_name != ""
      error_message = "log_topic_arn needs log_bucket_name, from which the function reads the log objects."
    }

    precondition {
      condition     = var.log_key_arn == "" || var.log_bucket_name != ""
      error_message = "log_key_arn needs log_bucket_name, because a new trail does not use a KMS key."
    }

    precondition {
      condition     = var.chat != "slack" || (var.slack_workspace_id != "" && var.slack_channel_id != "")
      error_message = "chat = \"slack\" needs slack_workspace_id and slack_channel_id."
    }

    precondition {
      condition     = var.chat != "teams" || (var.teams_tenant_id != "" && var.teams_team_id != "" && var.teams_channel_id != "")
      error_message = "chat = \"teams\" needs teams_tenant_id, teams_team_id and teams_channel_id."
    }
  }
}

resource "aws_cloudwatch_log_group" "function" {
  name              = "/aws/lambda/${var.name}"
  retention_in_days = var.log_retention_days
}

resource "aws_iam_role" "function" {
  name_prefix = "${var.name}-"
  description = "Permissions of the Trailbell function"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "lambda.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

locals {
  rules_place      = trimprefix(var.rules_location, "s3://")
  exceptions_place = trimprefix(var.exceptions_location, "s3://")
}

resource "aws_iam_role_policy" "function" {
  name = "trailbell"
  role = aws_iam_role.function.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Sid      = "ReadLogObjects"
          Effect   = "Allow"
          Action   = ["s3:GetObject", "s3:GetObjectVersion"]
          Resource = "${local.log_arn}/${local.log_folder}*"
        },
        # For the sweep. Also, without this permission S3 responds 403 instead of 404 for a missing
        # object.
        {
          Sid      = "ListLogObjects"
          Effect   = "Allow"
          Action   = "s3:ListBucket"
          Resource = local.log_arn
        },
      ],
      var.log_key_arn == "" ? [] : [{
        Sid      = "DecryptLogObjects"
        Effect   = "Allow"
        Action   = "kms:Decrypt"
        Resource = var.log_key_arn
      }],
      # One file; or a folder with one "/" at its end, whether the variable has it or not: "rules"
      # does not mean "rules-drafts".
      var.rules_location == "" ? [] : [{
        Sid    = "ReadRules"
        Effect = "Allow"
        Action = "s3:GetObject"
        Resource = [
          "arn:${local.partition}:s3:::${local.rules_place}",
          "arn:${local.partition}:s3:::${trimsuffix(local.rules_place, "/")}/*",
        ]
      }],
      var.rules_location == "" ? [] : [{
        Sid      = "ListRules"
        Effect   = "Allow"
        Action   = "s3:ListBucket"
        Resource = "arn:${local.partition}:s3:::${element(split("/", local.rules_place), 0)}"
      }],
      var.exceptions_location == "" ? [] : [{
        Sid    = "ReadExceptions"
        Effect = "Allow"
        Action = "s3:GetObject"
        Resource = [
          "arn:${local.partition}:s3:::${local.exceptions_place}",
          "arn:${local.partition}:s3:::${trimsuffix(local.exceptions_place, "/")}/*",
        ]
      }],
      var.exceptions_location == "" ? [] : [{
        Sid      = "ListExceptions"
        Effect   = "Allow"
        Action   = "s3:ListBucket"
        Resource = "arn:${local.partition}:s3:::${element(split("/", local.exceptions_place), 0)}"
      }],
      startswith(var.account_names, "s3://") ? [{
        Sid      = "ReadAccountNames"
        Effect   = "Allow"
        Action   = "s3:GetObject"
        Resource = "arn:${local.partition}:s3:::${trimprefix(var.account_names, "s3://")}"
      }] : [],
      [
        {
          Sid      = "UseLedger"
          Effect   = "Allow"
          Action   = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]
          Resource = "${aws_s3_bucket.ledger.arn}/ledger/*"
        },
        # Without a condition on the prefix, which would make S3 respond 403 instead of 404 for a new
        # entry.
        {
          Sid      = "ListLedger"
          Effect   = "Allow"
          Action   = "s3:ListBucket"
          Resource = aws_s3_bucket.ledger.arn
        },
      ],
      local.writes_reports ? [{
        Sid      = "WriteReports"
        Effect   = "Allow"
        Action   = "s3:PutObject"
        Resource = "${aws_s3_bucket.ledger.arn}/reports/*"
      }] : [],
      [
        # The attributes have the number of subscriptions.
        {
          Sid      = "SendAlerts"
          Effect   = "Allow"
          Action   = ["sns:Publish", "sns:GetTopicAttributes"]
          Resource = aws_sns_topic.alerts.arn
        },
      ],
      local.has_chat ? [{
        Sid      = "SendToChat"
        Effect   = "Allow"
        Action   = "sns:Publish"
        Resource = aws_sns_topic.chat[0].arn
      }] : [],
      # SNS needs both, with the rights of the publisher.
      local.encrypts ? [{
        Sid      = "EncryptAlerts"
        Effect   = "Allow"
        Action   = ["kms:GenerateDataKey", "kms:Decrypt"]
        Resource = aws_kms_key.topics[0].arn
      }] : [],
      [
        {
          Sid      = "ReceiveNotifications"
          Effect   = "Allow"
          Action   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
          Resource = aws_sqs_queue.notifications.arn
        },
        {
          Sid      = "WriteLog"
          Effect   = "Allow"
          Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
          Resource = "${aws_cloudwatch_log_group.function.arn}:*"
        },
        # They are public, and the same for all accounts. The action has no resources.
        {
          Sid      = "ListPublicKeys"
          Effect   = "Allow"
          Action   = "cloudtrail:ListPublicKeys"
          Resource = "*"
        },
      ],
    )
  })
}
