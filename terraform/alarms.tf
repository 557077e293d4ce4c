# The alarms of template.yaml, about the metrics of docs/metrics.md. Each says when it exists: always,
# with full monitoring, or with full monitoring and chat.

locals {
  function_dimension = { Function = aws_lambda_function.function.function_name }
  lambda_dimension   = { FunctionName = aws_lambda_function.function.function_name }

  alarm_kinds = concat(
    ["always"],
    local.is_full ? ["full"] : [],
    local.is_full && local.has_chat ? ["chat"] : [],
  )

  alarms = {
    # Digests are written every hour, even without calls, and are announced like log objects. Objects
    # that a sweep finds do not count. Missing data is breaching: the function does not run.
    silence = {
      when        = "always"
      description = "No log object and no hourly digest was announced for hours: the trail, its notification or the function does not work. docs/operate.md#silence"
      namespace   = "Trailbell"
      metric      = "Announced"
      dimensions  = local.function_dimension
      statistic   = "Sum"
      period      = 3600
      periods     = var.silence_hours
      breaching   = var.silence_hours
      comparison  = "LessThanThreshold"
      threshold   = 1
      missing     = "breaching"
      sends_ok    = true
    }

    # Every sweep writes this metric, even if it finds nothing. Missing data is breaching: no sweep
    # ran.
    sweep_missing = {
      when        = "always"
      description = "No sweep ran for half an hour, so objects without a notification are not found. docs/operate.md#sweep-missing"
      namespace   = "Trailbell"
      metric      = "SweepListed"
      dimensions  = local.function_dimension
      statistic   = "SampleCount"
      period      = 1800
      periods     = 1
      breaching   = 1
      comparison  = "LessThanThreshold"
      threshold   = 1
      missing     = "breaching"
      sends_ok    = true
    }

    # The minimum of an hour: a single sweep may leave objects to the next. Missing data: see
    # sweep_missing.
    sweep_behind = {
      when        = "full"
      description = "For an hour, every sweep left log objects to the next. docs/operate.md#sweep-behind"
      namespace   = "Trailbell"
      metric      = "SweepBacklog"
      dimensions  = local.function_dimension
      statistic   = "Minimum"
      period      = 3600
      periods     = 1
      breaching   = 1
      comparison  = "GreaterThanOrEqualToThreshold"
      threshold   = 1
      missing     = "notBreaching"
      sends_ok    = true
    }

    # Nothing retries an abandoned object. Missing data: no sweep ran, see sweep_missing.
    abandoned = {
      when        = "full"
      description = "Six sweeps could not read a log object, and none will try again. docs/operate.md#abandoned"
      namespace   = "Trailbell"
      metric      = "SweepAbandoned"
      dimensions  = local.function_dimension
      statistic   = "Sum"
      period      = 900
      periods     = 1
      breaching   = 1
      comparison  = "GreaterThanOrEqualToThreshold"
      threshold   = 1
      missing     = "notBreaching"
      sends_ok    = true
    }

    # SQS writes no metrics for a queue that was idle for hours: missing data is an empty queue.
    dead_letters = {
      when        = "always"
      description = "Notifications, or a canary, failed five times and need attention. docs/operate.md#dead-letters"
      namespace   = "AWS/SQS"
      metric      = "ApproximateNumberOfMessagesVisible"
      dimensions  = { QueueName = aws_sqs_queue.dead_letters.name }
      statistic   = "Maximum"
      period      = 300
      periods     = 1
      breaching   = 1
      comparison  = "GreaterThanOrEqualToThreshold"
      threshold   = 1
      missing     = "notBreaching"
      sends_ok    = true
    }

    # In seconds. A message that fails is received a third time after 24 minutes, and counts no more
    # from then on. Missing data: an empty queue.
    queue_age = {
      when        = "always"
      description = "A notification waits for half an hour, so alerts are late. docs/operate.md#queue-age"
      namespace   = "AWS/SQS"
      metric      = "ApproximateAgeOfOldestMessage"
      dimensions  = { QueueName = aws_sqs_queue.notifications.name }
      statistic   = "Maximum"
      period      = 300
      periods     = 1
      breaching   = 1
      comparison  = "GreaterThanOrEqualToThreshold"
      threshold   = 1800
      missing     = "notBreaching"
      sends_ok    = true
    }

    # Missing data: no invocation.
    outside_trails = {
      when        = "full"
      description = "A notification named a log object outside the trail, which was not read. docs/operate.md#outside-trails"
      namespace   = "Trailbell"
      metric      = "ObjectsOutsideTrails"
      dimensions  = local.function_dimension
      statistic   = "Sum"
      period      = 900
      periods     = 1
      breaching   = 1
      comparison  = "GreaterThanOrEqualToThreshold"
      threshold   = 1
      missing     = "notBreaching"
      sends_ok    = true
    }

    # Missing data: no invocation.
    inline_refused = {
      when        = "full"
      description = "A message contained CloudTrail records, which this stack does not accept. docs/operate.md#refused-records"
      namespace   = "Trailbell"
      metric      = "InlineRefused"
      dimensions  = local.function_dimension
      statistic   = "Sum"
      period      = 900
      periods     = 1
      breaching   = 1
      comparison  = "GreaterThanOrEqualToThreshold"
      threshold   = 1
      missing     = "notBreaching"
      sends_ok    = true
    }

    # Missing data: no invocation.
    bad_records = {
      when        = "full"
      description = "A CloudTrail record could not be read. docs/operate.md#bad-records"
      namespace   = "Trailbell"
      metric      = "BadRecords"
      dimensions  = local.function_dimension
      statistic   = "Sum"
      period      = 900
      periods     = 1
      breaching   = 1
      comparison  = "GreaterThanOrEqualToThreshold"
      threshold   = 1
      missing     = "notBreaching"
      sends_ok    = true
    }

    # Queue and sweep retry, but the alert is late. Missing data: no invocation.
    findings_failed = {
      when        = "always"
      description = "An alert could not be published to the topic. docs/operate.md#failed-findings"
      namespace   = "Trailbell"
      metric      = "FindingsFailed"
      dimensions  = local.function_dimension
      statistic   = "Sum"
      period      = 900
      periods     = 1
      breaching   = 1
      comparison  = "GreaterThanOrEqualToThreshold"
      threshold   = 1
      missing     = "notBreaching"
      sends_ok    = true
    }

    # The alert itself was sent: nothing is retried for the chat.
    chat = {
      when        = "chat"
      description = "An alert was sent, but not to the chat channel. docs/operate.md#chat"
      namespace   = "Trailbell"
      metric      = "ChatFailed"
      dimensions  = local.function_dimension
      statistic   = "Sum"
      period      = 900
      periods     = 1
      breaching   = 1
      comparison  = "GreaterThanOrEqualToThreshold"
      threshold   = 1
      missing     = "notBreaching"
      sends_ok    = true
    }

    # One failed attempt is enough: an alert would fail too. Missing data: no canary was sent.
    canary = {
      when        = "full"
      description = "A test alert failed: a real alert would fail too. docs/operate.md#canary-failed"
      namespace   = "Trailbell"
      metric      = "CanariesFailed"
      dimensions  = local.function_dimension
      statistic   = "Sum"
      period      = 900
      periods     = 1
      breaching   = 1
      comparison  = "GreaterThanOrEqualToThreshold"
      threshold   = 1
      missing     = "notBreaching"
      sends_ok    = true
    }

    # SNS writes this metric only when it delivers: missing data is no failed delivery.
    undelivered = {
      when        = "full"
      description = "SNS could not deliver an alert to a subscriber. docs/operate.md#undelivered"
      namespace   = "AWS/SNS"
      metric      = "NumberOfNotificationsFailed"
      dimensions  = { TopicName = aws_sns_topic.alerts.name }
      statistic   = "Sum"
      period      = 900
      periods     = 1
      breaching   = 1
      comparison  = "GreaterThanOrEqualToThreshold"
      threshold   = 1
      missing     = "notBreaching"
      sends_ok    = true
    }

    # A retry fixes a single error. Failed messages are not errors of the invocation. Missing data: no
    # invocation, see sweep_missing.
    errors = {
      when        = "always"
      description = "The function failed twice in half an hour: it could not start, a sweep failed, or it crashed. docs/operate.md#errors"
      namespace   = "AWS/Lambda"
      metric      = "Errors"
      dimensions  = local.lambda_dimension
      statistic   = "Sum"
      period      = 1800
      periods     = 1
      breaching   = 1
      comparison  = "GreaterThanOrEqualToThreshold"
      threshold   = 2
      missing     = "notBreaching"
      sends_ok    = true
    }

    # The queue stays within its own limit, so the cause is the account's limit or a reservation.
    # Missing data: no invocation.
    throttles = {
      when        = "full"
      description = "Lambda throttled the function: no concurrency was left. docs/operate.md#throttles"
      namespace   = "AWS/Lambda"
      metric      = "Throttles"
      dimensions  = local.lambda_dimension
      statistic   = "Sum"
      period      = 300
      periods     = 3
      breaching   = 2
      comparison  = "GreaterThanOrEqualToThreshold"
      threshold   = 1
      missing     = "notBreaching"
      sends_ok    = true
    }

    # In milliseconds. The function starts nothing new after 110 of its 120 s, so 115 s means that a
    # call hangs. Missing data: no invocation.
    duration = {
      when        = "full"
      description = "The function nearly reached its timeout. docs/operate.md#duration"
      namespace   = "AWS/Lambda"
      metric      = "Duration"
      dimensions  = local.lambda_dimension
      statistic   = "Maximum"
      period      = 300
      periods     = 1
      breaching   = 1
      comparison  = "GreaterThanOrEqualToThreshold"
      threshold   = 115000
      missing     = "notBreaching"
      sends_ok    = true
    }

    # A sweep counts once an hour, not always in the same minute, so one of two hours may have no
    # data. Missing data: see sweep_missing.
    no_subscriber = {
      when        = "always"
      description = "No subscription of the alerts topic is confirmed, so nobody receives the alerts. docs/operate.md#no-subscriber"
      namespace   = "Trailbell"
      metric      = "SubscriptionsConfirmed"
      dimensions  = local.function_dimension
      statistic   = "Minimum"
      period      = 3600
      periods     = 2
      breaching   = 1
      comparison  = "LessThanThreshold"
      threshold   = 1
      missing     = "notBreaching"
      sends_ok    = true
    }

    # With basic monitoring this is about everything that has an alarm of its own with full, and about
    # nothing else that has an alarm. Missing data: no invocation, see sweep_missing.
    other_problems = {
      when        = "always"
      description = "A problem that has no alarm of its own. The function's log has the reason: search for \"problems\". docs/operate.md#other-problems"
      namespace   = "Trailbell"
      metric      = "Problems"
      dimensions  = local.function_dimension
      statistic   = "Sum"
      period      = 900
      periods     = 1
      breaching   = 1
      comparison  = "GreaterThanOrEqualToThreshold"
      threshold   = 1
      missing     = "notBreaching"
      sends_ok    = true
    }

    # Counted once, so the alarm ends after an hour.
    subscription_lost = {
      when        = "full"
      description = "A subscription of the alerts topic ended. docs/operate.md#subscription-lost"
      namespace   = "Trailbell"
      metric      = "SubscriptionsLost"
      dimensions  = local.function_dimension
      statistic   = "Sum"
      period      = 3600
      periods     = 1
      breaching   = 1
      comparison  = "GreaterThanOrEqualToThreshold"
      threshold   = 1
      missing     = "notBreaching"
      sends_ok    = false
    }

    # A bug in Trailbell. Missing data: no invocation.
    mismatch = {
      when        = "full"
      description = "The counts of an invocation do not add up: an object or a finding has no outcome. docs/operate.md#mismatch"
      namespace   = "Trailbell"
      metric      = "Mismatches"
      dimensions  = local.function_dimension
      statistic   = "Sum"
      period      = 300
      periods     = 1
      breaching   = 1
      comparison  = "GreaterThanOrEqualToThreshold"
      threshold   = 1
      missing     = "notBreaching"
      sends_ok    = true
    }

    # Every invocation writes this metric until the problem is fixed. Missing data: no invocation.
    stale_detections = {
      when        = "full"
      description = "The latest rules or exceptions cannot be used; the previous ones stay in use. docs/operate.md#stale"
      namespace   = "Trailbell"
      metric      = "StaleDetections"
      dimensions  = local.function_dimension
      statistic   = "Maximum"
      period      = 900
      periods     = 1
      breaching   = 1
      comparison  = "GreaterThanOrEqualToThreshold"
      threshold   = 1
      missing     = "notBreaching"
      sends_ok    = true
    }

    # Every invocation writes this metric until the problem is fixed. Missing data: no invocation.
    exceptions = {
      when        = "full"
      description = "The exceptions cannot be used, so no finding is suppressed. docs/operate.md#exceptions"
      namespace   = "Trailbell"
      metric      = "ExceptionProblems"
      dimensions  = local.function_dimension
      statistic   = "Maximum"
      period      = 900
      periods     = 1
      breaching   = 1
      comparison  = "GreaterThanOrEqualToThreshold"
      threshold   = 1
      missing     = "notBreaching"
      sends_ok    = true
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "alarm" {
  for_each = { for name, alarm in local.alarms : name => alarm if contains(local.alarm_kinds, alarm.when) }

  alarm_name          = "${var.name}-${replace(each.key, "_", "-")}"
  alarm_description   = each.value.description
  alarm_actions       = [aws_sns_topic.operations.arn]
  ok_actions          = each.value.sends_ok ? [aws_sns_topic.operations.arn] : []
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = each.value.statistic
  period              = each.value.period
  evaluation_periods  = each.value.periods
  datapoints_to_alarm = each.value.breaching
  comparison_operator = each.value.comparison
  threshold           = each.value.threshold
  treat_missing_data  = each.value.missing
}

# Two hours, because a sweep reads objects some minutes after their notification. Missing data: no
# sweep ran, see sweep_missing.
resource "aws_cloudwatch_metric_alarm" "unannounced" {
  count = local.is_full ? 1 : 0

  alarm_name          = "${var.name}-unannounced"
  alarm_description   = "Sweeps find new log objects, but none is announced: the trail works, its notification does not. docs/operate.md#unannounced"
  alarm_actions       = [aws_sns_topic.operations.arn]
  ok_actions          = [aws_sns_topic.operations.arn]
  evaluation_periods  = 2
  datapoints_to_alarm = 2
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 1
  treat_missing_data  = "notBreaching"

  metric_query {
    id          = "unannounced"
    label       = "Log objects found by sweeps only"
    expression  = "IF(announced < 1 AND swept > 0, swept, 0)"
    return_data = true
  }

  metric_query {
    id          = "announced"
    return_data = false

    metric {
      namespace   = "Trailbell"
      metric_name = "Announced"
      dimensions  = local.function_dimension
      stat        = "Sum"
      period      = 3600
    }
  }

  metric_query {
    id          = "swept"
    return_data = false

    metric {
      namespace   = "Trailbell"
      metric_name = "SweepRead"
      dimensions  = local.function_dimension
      stat        = "Sum"
      period      = 3600
    }
  }
}

resource "aws_cloudwatch_dashboard" "dashboard" {
  count = local.is_full ? 1 : 0

  dashboard_name = "${var.name}-${local.region}"
  dashboard_body = templatefile("${path.module}/dashboard.json.tftpl", {
    region        = local.region
    function      = aws_lambda_function.function.function_name
    notifications = aws_sqs_queue.notifications.name
    dead_letters  = aws_sqs_queue.dead_letters.name
    alarms = jsonencode(concat(
      [for alarm in aws_cloudwatch_metric_alarm.alarm : alarm.arn],
      [aws_cloudwatch_metric_alarm.unannounced[0].arn],
    ))
  })
}
