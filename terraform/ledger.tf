# The ledger: findings, their outcomes, and the progress of the sweep. Without it, redelivered
# findings would be alerted again.

resource "aws_s3_bucket" "ledger" {
  bucket_prefix = "${var.name}-ledger-"

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "ledger" {
  bucket = aws_s3_bucket.ledger.id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket_ownership_controls" "ledger" {
  bucket = aws_s3_bucket.ledger.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_public_access_block" "ledger" {
  bucket                  = aws_s3_bucket.ledger.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

# Not versioned: entries are overwritten, and only the last version matters.
resource "aws_s3_bucket_lifecycle_configuration" "ledger" {
  bucket = aws_s3_bucket.ledger.id

  # What the trail has said of groups, policies and users does not expire: a group can stay as it is
  # for years. The sweep rewrites its own state every time.
  rule {
    id     = "ExpireEntries"
    status = "Enabled"

    filter {
      prefix = "ledger/entries/"
    }

    expiration {
      days = var.ledger_retention_days
    }
  }

  rule {
    id     = "ExpireIndexes"
    status = "Enabled"

    filter {
      prefix = "ledger/by-"
    }

    expiration {
      days = var.ledger_retention_days
    }
  }

  rule {
    id     = "ExpireGrouped"
    status = "Enabled"

    filter {
      prefix = "ledger/grouped/"
    }

    expiration {
      days = var.ledger_retention_days
    }
  }

  rule {
    id     = "ExpireIncidents"
    status = "Enabled"

    filter {
      prefix = "ledger/incidents/"
    }

    expiration {
      days = var.ledger_retention_days
    }
  }

  rule {
    id     = "ExpireOpenMarkers"
    status = "Enabled"

    filter {
      prefix = "ledger/open/"
    }

    expiration {
      days = var.ledger_retention_days
    }
  }

  rule {
    id     = "ExpireNotes"
    status = "Enabled"

    filter {
      prefix = "ledger/reading/"
    }

    expiration {
      days = var.ledger_retention_days
    }
  }

  rule {
    id     = "ExpireReports"
    status = "Enabled"

    filter {
      prefix = "reports/incidents/"
    }

    expiration {
      days = var.ledger_retention_days
    }
  }

  rule {
    id     = "AbortUploads"
    status = "Enabled"

    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }
}

resource "aws_s3_bucket_policy" "ledger" {
  bucket = aws_s3_bucket.ledger.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "DenyWithoutTls"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = [aws_s3_bucket.ledger.arn, "${aws_s3_bucket.ledger.arn}/*"]
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
  })

  lifecycle {
    prevent_destroy = true
  }
}
