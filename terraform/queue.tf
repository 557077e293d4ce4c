# The queue in front of the function.

resource "aws_sqs_queue" "notifications" {
  name                    = "${var.name}-notifications"
  sqs_managed_sse_enabled = true
  # Six times the function's timeout, as recommended for Lambda.
  visibility_timeout_seconds = 720
  # 4 days. Less than that of the dead-letter queue, which counts from the first arrival too.
  message_retention_seconds = 345600
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letters.arn
    maxReceiveCount     = 5
  })
}

resource "aws_sqs_queue_policy" "notifications" {
  queue_url = aws_sqs_queue.notifications.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      # Also in mode (b), as an alternative: the bucket may notify the queue directly.
      local.follows_topic ? [] : [{
        Sid       = "AllowBucketNotifications"
        Effect    = "Allow"
        Principal = { Service = "s3.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = aws_sqs_queue.notifications.arn
        Condition = {
          StringEquals = { "aws:SourceAccount" = local.account }
          ArnEquals    = { "aws:SourceArn" = local.log_arn }
        }
      }],
      local.follows_eventbridge ? [{
        Sid       = "AllowObjectCreatedRule"
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = aws_sqs_queue.notifications.arn
        Condition = { ArnEquals = { "aws:SourceArn" = aws_cloudwatch_event_rule.object_created[0].arn } }
      }] : [],
      local.follows_topic ? [{
        Sid       = "AllowLogTopic"
        Effect    = "Allow"
        Principal = { Service = "sns.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = aws_sqs_queue.notifications.arn
        Condition = { ArnEquals = { "aws:SourceArn" = var.log_topic_arn } }
      }] : [],
      local.follows_api_calls ? [{
        Sid       = "AllowApiCallRule"
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = aws_sqs_queue.notifications.arn
        Condition = { ArnEquals = { "aws:SourceArn" = aws_cloudwatch_event_rule.api_call[0].arn } }
      }] : [],
      local.sends_canaries ? [{
        Sid       = "AllowCanaryRule"
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = aws_sqs_queue.notifications.arn
        Condition = { ArnEquals = { "aws:SourceArn" = aws_cloudwatch_event_rule.canary[0].arn } }
      }] : [],
      [{
        Sid       = "DenyWithoutTls"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sqs:*"
        Resource  = aws_sqs_queue.notifications.arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      }],
    )
  })
}

# Its messages still need attention.
resource "aws_sqs_queue" "dead_letters" {
  name                      = "${var.name}-dead-letters"
  sqs_managed_sse_enabled   = true
  message_retention_seconds = 1209600 # 14 days, the maximum

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_sqs_queue_policy" "dead_letters" {
  queue_url = aws_sqs_queue.dead_letters.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "DenyWithoutTls"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sqs:*"
        Resource  = aws_sqs_queue.dead_letters.arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
  })
}

resource "aws_lambda_event_source_mapping" "notifications" {
  event_source_arn = aws_sqs_queue.notifications.arn
  function_name    = aws_lambda_function.function.function_name
  batch_size       = 10
  # Without this, Lambda treats every response as a success, and failed objects are lost.
  function_response_types = ["ReportBatchItemFailures"]

  scaling_config {
    maximum_concurrency = var.concurrency
  }

  depends_on = [aws_iam_role_policy.function]
}

# Invokes the function directly: the sweep must work when the queue does not.

resource "aws_cloudwatch_event_rule" "sweep" {
  name                = "${var.name}-sweep"
  description         = "Runs the sweep, which finds log objects without a notification and finishes interrupted work"
  schedule_expression = "rate(10 minutes)"
}

resource "aws_cloudwatch_event_target" "sweep" {
  rule      = aws_cloudwatch_event_rule.sweep.name
  target_id = "function"
  arn       = aws_lambda_function.function.arn
  input     = jsonencode({ trailbell = "sweep" })
}

resource "aws_lambda_permission" "sweep" {
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.function.function_name
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.sweep.arn
}

# A failed sweep is not retried, because the next one does its work. This does not affect the queue's
# retries.
resource "aws_lambda_function_event_invoke_config" "sweep" {
  function_name                = aws_lambda_function.function.function_name
  qualifier                    = "$LATEST"
  maximum_retry_attempts       = 0
  maximum_event_age_in_seconds = 600
}

# The page of the week, so far or whole, after the last statement of yesterday was written. One that
# fails is not retried, because that of the next day has everything.

resource "aws_cloudwatch_event_rule" "report" {
  count = local.writes_weeks ? 1 : 0

  name                = "${var.name}-report"
  description         = "Writes the page of the week and the statements of its days"
  schedule_expression = "cron(30 7 * * ? *)"
}

resource "aws_cloudwatch_event_target" "report" {
  count = local.writes_weeks ? 1 : 0

  rule      = aws_cloudwatch_event_rule.report[0].name
  target_id = "function"
  arn       = aws_lambda_function.function.arn
  input     = jsonencode({ trailbell = "report" })
}

resource "aws_lambda_permission" "report" {
  count = local.writes_weeks ? 1 : 0

  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.function.function_name
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.report[0].arn
}

# Through the queue: a canary that fails five times becomes a dead letter, which raises an alarm.

resource "aws_cloudwatch_event_rule" "canary" {
  count = local.sends_canaries ? 1 : 0

  name                = "${var.name}-canary"
  description         = "Sends a test alert through Trailbell"
  schedule_expression = "cron(0 9 ? * MON *)"
}

resource "aws_cloudwatch_event_target" "canary" {
  count = local.sends_canaries ? 1 : 0

  rule      = aws_cloudwatch_event_rule.canary[0].name
  target_id = "queue"
  arn       = aws_sqs_queue.notifications.arn
  input     = jsonencode({ trailbell = "canary" })
}
