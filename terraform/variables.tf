# The parameters of template.yaml: tests/terraform/compare.py compares names, defaults and limits.

variable "name" {
  type        = string
  default     = "trailbell"
  description = "The name of the function, and the beginning of all other names."

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,29}$", var.name))
    error_message = "name must be at most 30 lower-case letters, digits and hyphens, e.g. trailbell."
  }
}

variable "zip_file" {
  type        = string
  description = "The path of trailbell-lambda-ARCHITECTURE.zip, of a release or of scripts/build-release.sh."

  validation {
    condition     = endswith(var.zip_file, ".zip")
    error_message = "zip_file must be the path of a zip, e.g. trailbell-lambda-arm64.zip."
  }
}

variable "trail_bucket_name" {
  type        = string
  default     = ""
  description = "The name of the bucket that is created without log_bucket_name. If empty, it is made of name, account and region."

  validation {
    condition     = can(regex("^$|^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.trail_bucket_name))
    error_message = "trail_bucket_name must be the name of a bucket, or empty."
  }
}

# Log source (leave everything empty to create a trail and a bucket).

variable "log_bucket_name" {
  type        = string
  default     = ""
  description = "The bucket of an existing trail, in this region. If empty, the stack creates a multi-region trail and a bucket."

  validation {
    condition     = can(regex("^$|^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.log_bucket_name))
    error_message = "log_bucket_name must be the name of a bucket, or empty."
  }
}

variable "log_prefix" {
  type        = string
  default     = ""
  description = "The trail's S3KeyPrefix, which is the part of an object's key before /AWSLogs/. Often empty."

  validation {
    condition     = can(regex("^$|^[^/*?$]([^*?$]*[^/*?$])?$", var.log_prefix))
    error_message = "log_prefix must be a prefix without a slash at either end, or empty."
  }
}

variable "log_topic_arn" {
  type        = string
  default     = ""
  description = "A topic to which the bucket, or CloudTrail itself, sends notifications of log objects. A topic of another account must allow this account to subscribe. If empty, the stack uses the bucket's EventBridge events."

  validation {
    condition     = can(regex("^$|^arn:[a-z0-9-]+:sns:[a-z0-9-]+:\\d{12}:[A-Za-z0-9_-]+$", var.log_topic_arn))
    error_message = "log_topic_arn must be the ARN of a standard SNS topic, or empty."
  }
}

variable "log_key_arn" {
  type        = string
  default     = ""
  description = "The KMS key that encrypts the log objects, if they use SSE-KMS."

  validation {
    condition     = can(regex("^$|^arn:[a-z0-9-]+:kms:[a-z0-9-]+:\\d{12}:key/[A-Za-z0-9-]+$", var.log_key_arn))
    error_message = "log_key_arn must be the ARN of a KMS key (not of an alias), or empty."
  }
}

variable "trail_home_region" {
  type        = string
  default     = ""
  description = "Where the trail was created, if that is not this region: changes to the trail are recorded there only. Log objects of that region are read for them."

  validation {
    condition     = can(regex("^$|^[a-z]+(-[a-z]+)+-\\d+$", var.trail_home_region))
    error_message = "trail_home_region must be a region, or empty."
  }
}

variable "trail_account_id" {
  type        = string
  default     = ""
  description = "The account that owns the trail, if that is not this account: of an organization trail, the management account."

  validation {
    condition     = can(regex("^$|^\\d{12}$", var.trail_account_id))
    error_message = "trail_account_id must be an account id, or empty."
  }
}

variable "api_call_alerts" {
  type        = string
  default     = "off"
  description = "Also receives this account's IAM calls from EventBridge, within seconds instead of minutes. Works only in the region where IAM is recorded (us-east-1, cn-north-1, us-gov-west-1), and has no effect elsewhere."

  validation {
    condition     = contains(["on", "off"], var.api_call_alerts)
    error_message = "api_call_alerts must be one of on, off."
  }
}

# Recipients.

variable "alert_email" {
  type        = string
  default     = ""
  description = "Receives the alerts after the subscription is confirmed. Leave empty to subscribe later."

  validation {
    condition     = can(regex("^$|^[^@\\s]+@[^@\\s]+$", var.alert_email))
    error_message = "alert_email must be an e-mail address, or empty."
  }
}

variable "alert_email_severity" {
  type        = string
  default     = "all"
  description = "The rules for group creation and user addition have severity low: with any other value than \"all\", this address receives no mail about them."

  validation {
    condition     = contains(["all", "medium", "high", "critical"], var.alert_email_severity)
    error_message = "alert_email_severity must be one of all, medium, high, critical."
  }
}

variable "operations_email" {
  type        = string
  default     = ""
  description = "Receives the alarms, for example that the trail has been silent for hours. Must be confirmed too."

  validation {
    condition     = can(regex("^$|^[^@\\s]+@[^@\\s]+$", var.operations_email))
    error_message = "operations_email must be an e-mail address, or empty."
  }
}

variable "topic_encryption" {
  type        = string
  default     = "none"
  description = "\"key\" creates a KMS key that encrypts alerts and alarms in SNS, with the permissions that both need."

  validation {
    condition     = contains(["none", "key"], var.topic_encryption)
    error_message = "topic_encryption must be one of none, key."
  }
}

# Chat (Amazon Q Developer in chat applications).

variable "chat" {
  type        = string
  default     = "off"
  description = "Sends every alert to a chat channel too, through a second topic. \"topic\" creates only that topic. Authorize the workspace or team in the console of Amazon Q Developer in chat applications first: docs/chat.md."

  validation {
    condition     = contains(["off", "topic", "slack", "teams"], var.chat)
    error_message = "chat must be one of off, topic, slack, teams."
  }
}

variable "slack_workspace_id" {
  type        = string
  default     = ""
  description = "The id of the authorized workspace, as the console shows it."

  validation {
    condition     = can(regex("^$|^[0-9A-Z]{1,255}$", var.slack_workspace_id))
    error_message = "slack_workspace_id must be the id of a workspace, e.g. T07EA123LEP, or empty."
  }
}

variable "slack_channel_id" {
  type        = string
  default     = ""
  description = "The end of the channel's link. Of a private channel, the app must be a member."

  validation {
    condition     = can(regex("^$|^[A-Za-z0-9]{1,255}$", var.slack_channel_id))
    error_message = "slack_channel_id must be the id of a channel, e.g. C07EZ1ABC23, or empty."
  }
}

variable "teams_tenant_id" {
  type        = string
  default     = ""
  description = "The tenant of the authorized team, as the console shows it."

  validation {
    condition     = can(regex("^$|^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$", var.teams_tenant_id))
    error_message = "teams_tenant_id must be a UUID, or empty."
  }
}

variable "teams_team_id" {
  type        = string
  default     = ""
  description = "The authorized team, as the console shows it."

  validation {
    condition     = can(regex("^$|^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$", var.teams_team_id))
    error_message = "teams_team_id must be a UUID, or empty."
  }
}

variable "teams_channel_id" {
  type        = string
  default     = ""
  description = "The part of the channel's link that begins with 19%3a."

  validation {
    condition     = can(regex("^$|^([a-zA-Z0-9-_=+/.,])*%3[aA]([a-zA-Z0-9-_=+/.,])*%40([a-zA-Z0-9-_=+/.,])*$", var.teams_channel_id))
    error_message = "teams_channel_id must be the id of a channel as its link has it, with %3a and %40, or empty."
  }
}

# Detections.

variable "rules_location" {
  type        = string
  default     = ""
  description = "s3://BUCKET/FOLDER with rules in TOML, in addition to the built-in rules. Changes are picked up."

  validation {
    condition     = can(regex("^$|^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[^*?$/]+)+/?$", var.rules_location))
    error_message = "rules_location must be s3://BUCKET/FOLDER, or empty."
  }
}

variable "exceptions_location" {
  type        = string
  default     = ""
  description = "s3://BUCKET/FOLDER with exceptions in TOML. Anyone with write access can suppress alerts."

  validation {
    condition     = can(regex("^$|^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[^*?$/]+)+/?$", var.exceptions_location))
    error_message = "exceptions_location must be s3://BUCKET/FOLDER, or empty."
  }
}

variable "privileged_groups" {
  type        = string
  default     = ""
  description = "IAM groups that are privileged by their names, separated by commas, e.g. Admin*,breakglass. A star stands for any text. A new member of one of them is a critical alert."

  validation {
    condition     = can(regex("^$|^[A-Za-z0-9*+=.@_-]+( *, *[A-Za-z0-9*+=.@_-]+)*$", var.privileged_groups))
    error_message = "privileged_groups must be names of groups, separated by commas, or empty."
  }
}

variable "identity_center_region" {
  type        = string
  default     = ""
  description = "Also alerts changes to groups of IAM Identity Center. Log objects of that region are read, of all accounts."

  validation {
    condition     = can(regex("^$|^[a-z]+(-[a-z]+)+-\\d+$", var.identity_center_region))
    error_message = "identity_center_region must be a region, or empty."
  }
}

variable "account_names" {
  type        = string
  default     = ""
  description = "Names next to account ids in alerts, e.g. 111122223333=production,444455556666=audit. For more than 2 KB, s3://BUCKET/FILE.toml with lines such as \"111122223333\" = \"production\"."

  validation {
    condition     = can(regex("^$|^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[^*?$/]+)+\\.toml$|^\\d{12}=[^,=]{1,64}(,\\d{12}=[^,=]{1,64})*$", var.account_names))
    error_message = "account_names must be ID=NAME pairs separated by commas, s3://BUCKET/FILE.toml, or empty."
  }

  validation {
    condition     = length(var.account_names) <= 2048
    error_message = "account_names must have at most 2048 characters."
  }
}

variable "alert_mail" {
  type        = string
  default     = "short"
  description = "short sends mails of at most 60 lines, full adds the rule's guide."

  validation {
    condition     = contains(["short", "full"], var.alert_mail)
    error_message = "alert_mail must be one of short, full."
  }
}

variable "reports" {
  type        = string
  default     = "off"
  description = "alerts writes a page of every alert to the bucket of the ledger, and the alert has a link to it. all also writes a page of every week, and daily statements. Readers sign in to the console, and need access to the bucket: docs/report.md."

  validation {
    condition     = contains(["off", "alerts", "all"], var.reports)
    error_message = "reports must be one of off, alerts, all."
  }
}

# Function.

variable "architecture" {
  type        = string
  default     = "x86_64"
  description = "arm64 is cheaper."

  validation {
    condition     = contains(["x86_64", "arm64"], var.architecture)
    error_message = "architecture must be one of x86_64, arm64."
  }
}

variable "memory_size" {
  type        = number
  default     = 256
  description = "CPU time is proportional to memory. The size of log objects does not matter."

  validation {
    condition     = var.memory_size >= 128 && var.memory_size <= 10240
    error_message = "memory_size must be from 128 to 10240."
  }
}

variable "concurrency" {
  type        = number
  default     = 2
  description = "The rate of alerts is divided by this number, to protect e-mail subscriptions: with 20, each instance sends one in 4 seconds. SQS allows no less than 2."

  validation {
    condition     = var.concurrency >= 2 && var.concurrency <= 20
    error_message = "concurrency must be from 2 to 20."
  }
}

variable "reserved_concurrency" {
  type        = number
  default     = 0
  description = "0 reserves nothing. Otherwise use at least one more than the number above, for the sweep. Reserved concurrency is not available to the account's other functions."

  validation {
    condition     = var.reserved_concurrency >= 0 && var.reserved_concurrency <= 1000
    error_message = "reserved_concurrency must be from 0 to 1000."
  }
}

variable "log_retention_days" {
  type        = number
  default     = 90
  description = "Applies to the log of the function only. The trail's bucket has no expiration."

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days must be one of 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653."
  }
}

variable "ledger_retention_days" {
  type        = number
  default     = 400
  description = "A finding that is redelivered after this time is alerted again."

  validation {
    condition     = var.ledger_retention_days >= 7 && var.ledger_retention_days <= 3653
    error_message = "ledger_retention_days must be from 7 to 3653."
  }
}

# Monitoring.

variable "monitoring" {
  type        = string
  default     = "basic"
  description = "basic has the main alarms and one for all other problems, within what CloudWatch gives an account for free. full has an alarm for each kind of problem, all metrics and a dashboard: about 20 USD a month."

  validation {
    condition     = contains(["basic", "full"], var.monitoring)
    error_message = "monitoring must be one of basic, full."
  }
}

variable "silence_hours" {
  type        = number
  default     = 2
  description = "Raises an alarm if no log object and no hourly digest is announced for this long. Use a higher value where digests are not announced: for a trail without log file validation, or with CloudTrail's own topic."

  validation {
    condition     = var.silence_hours >= 2 && var.silence_hours <= 24
    error_message = "silence_hours must be from 2 to 24."
  }
}

variable "canary_schedule" {
  type        = string
  default     = "off"
  description = "If weekly, sends a test alert through queue, function and topic on Mondays at 09:00 UTC."

  validation {
    condition     = contains(["off", "weekly"], var.canary_schedule)
    error_message = "canary_schedule must be one of off, weekly."
  }
}
