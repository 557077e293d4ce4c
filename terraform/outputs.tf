output "alerts_topic_arn" {
  description = "The alerts topic. Subscribe further people and machines here."
  value       = aws_sns_topic.alerts.arn
}

output "operations_topic_arn" {
  description = "The alarms topic. Someone should subscribe here."
  value       = aws_sns_topic.operations.arn
}

output "confirm_command" {
  description = "Confirms an e-mail subscription of the alerts so that unsubscribing requires a sign-in. TOKEN is part of the link in the confirmation mail: run this command instead of following the link."
  value       = "aws sns confirm-subscription --region ${local.region} --topic-arn ${aws_sns_topic.alerts.arn} --authenticate-on-unsubscribe true --token TOKEN"
}

output "confirm_operations_command" {
  description = "Confirms a subscription of the alarms in the same way."
  value       = "aws sns confirm-subscription --region ${local.region} --topic-arn ${aws_sns_topic.operations.arn} --authenticate-on-unsubscribe true --token TOKEN"
}

output "canary_command" {
  description = "Sends a test alert through queue, function and topic."
  value       = "aws sqs send-message --region ${local.region} --queue-url ${aws_sqs_queue.notifications.url} --message-body '{\"trailbell\":\"canary\"}'"
}

output "attach_command" {
  description = "Switches on EventBridge for an existing bucket whose notifications Terraform does not manage, and keeps its other notifications."
  value       = local.follows_eventbridge ? "trailbell attach --region ${local.region} --bucket ${var.log_bucket_name} --eventbridge --yes" : null
}

output "chat_topic_arn" {
  description = "Every alert as a notification for chat channels. Subscribe nothing else to it."
  value       = local.has_chat ? aws_sns_topic.chat[0].arn : null
}

output "trail_bucket" {
  description = "The bucket of the new trail."
  value       = local.creates_trail ? aws_s3_bucket.trail[0].id : null
}

output "ledger_bucket" {
  description = "The bucket of the ledger."
  value       = aws_s3_bucket.ledger.id
}

output "notification_queue_arn" {
  description = "The queue in front of the function, for notifications that you configure yourself."
  value       = aws_sqs_queue.notifications.arn
}

output "dead_letter_queue_url" {
  description = "Messages that failed five times. It should be empty."
  value       = aws_sqs_queue.dead_letters.url
}

output "redrive_command" {
  description = "Redrives the dead letters, once their cause is fixed."
  value       = "aws sqs start-message-move-task --region ${local.region} --source-arn ${aws_sqs_queue.dead_letters.arn} --destination-arn ${aws_sqs_queue.notifications.arn}"
}

output "function_name" {
  description = "The function."
  value       = aws_lambda_function.function.function_name
}

output "log_group" {
  description = "The log group of the function."
  value       = aws_cloudwatch_log_group.function.name
}
