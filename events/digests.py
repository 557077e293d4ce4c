"""CloudTrail's digest files, signed by the key of keys/test-key.json."""

import base64
import hashlib
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from envelopes import ACCOUNT, BUCKET, REGION, one_line

KEY = json.loads((Path(__file__).resolve().parent / "keys" / "test-key.json").read_text())
MODULUS, EXPONENT, PRIVATE = (int(KEY[name], 16) for name in ("n", "e", "d"))

# What precedes a SHA-256 hash in a signature. Source: RFC 8017, section 9.2, note 1.
SHA256_PREFIX = bytes.fromhex("3031300d060960864801650304020105000420")


class Log(NamedTuple):
    """A log file: its key, its text and its records."""

    key: str
    text: str
    records: list


class Digest(NamedTuple):
    """A digest file: its key, its text and its metadata."""

    key: str
    text: str
    metadata: dict


def der(tag, content):
    """An element of DER."""
    size = len(content)
    length = bytes([size]) if size < 128 else bytes([0x82]) + size.to_bytes(2, "big")
    return bytes([tag]) + length + content


def der_integer(value):
    """An INTEGER of DER, which is signed."""
    return der(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def public_key():
    """The public key as an RSAPublicKey, in DER."""
    return der(0x30, der_integer(MODULUS) + der_integer(EXPONENT))


def fingerprint():
    """What CloudTrail calls the key."""
    return hashlib.md5(public_key()).hexdigest()


def public_keys():
    """The output of `aws cloudtrail list-public-keys`."""
    key = {
        "Value": base64.b64encode(public_key()).decode(),
        "ValidityStartTime": "2026-03-01T00:00:00+00:00",
        "ValidityEndTime": "2026-04-01T00:00:00+00:00",
        "Fingerprint": fingerprint(),
    }
    return {"PublicKeyList": [key]}


def sign(text):
    """The signature in hexadecimal: RSA, PKCS #1 version 1.5, SHA-256."""
    size = (MODULUS.bit_length() + 7) // 8
    info = SHA256_PREFIX + hashlib.sha256(text.encode()).digest()
    padded = b"\x00\x01" + b"\xff" * (size - len(info) - 3) + b"\x00" + info
    return pow(int.from_bytes(padded, "big"), PRIVATE, MODULUS).to_bytes(size, "big").hex()


def sha256(text):
    """The hash of a text, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def digest_key(prefix, trail, end):
    """The key of the digest that ends at `end`."""
    name = f"{ACCOUNT}_CloudTrail-Digest_{REGION}_{trail}_{REGION}_{end:%Y%m%dT%H%M%SZ}.json.gz"
    return f"{prefix}AWSLogs/{ACCOUNT}/CloudTrail-Digest/{REGION}/{end:%Y/%m/%d}/{name}"


def log_entry(log):
    """What a digest says about a log file."""
    times = sorted(record["eventTime"] for record in log.records)
    return {
        "s3Bucket": BUCKET,
        "s3Object": log.key,
        "hashValue": sha256(log.text),
        "hashAlgorithm": "SHA-256",
        "newestEventTime": times[-1],
        "oldestEventTime": times[0],
    }


def digest(prefix, trail, end, logs, previous):
    """The digest of the hour that ends at `end`."""
    entries = [log_entry(log) for log in logs]
    text = one_line(
        {
            "awsAccountId": ACCOUNT,
            "digestStartTime": f"{end - timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}",
            "digestEndTime": f"{end:%Y-%m-%dT%H:%M:%SZ}",
            "digestS3Bucket": BUCKET,
            "digestS3Object": digest_key(prefix, trail, end),
            "digestPublicKeyFingerprint": fingerprint(),
            "digestSignatureAlgorithm": "SHA256withRSA",
            "newestEventTime": max((it["newestEventTime"] for it in entries), default=None),
            "oldestEventTime": min((it["oldestEventTime"] for it in entries), default=None),
            "previousDigestS3Bucket": previous and BUCKET,
            "previousDigestS3Object": previous and previous.key,
            "previousDigestHashValue": previous and sha256(previous.text),
            "previousDigestHashAlgorithm": previous and "SHA-256",
            "previousDigestSignature": previous and previous.metadata["signature"],
            "logFiles": entries,
        }
    )
    key = digest_key(prefix, trail, end)
    signed_before = previous.metadata["signature"] if previous else "null"
    signed = f"{end:%Y-%m-%dT%H:%M:%SZ}\n{BUCKET}/{key}\n{sha256(text)}\n{signed_before}"
    return Digest(key, text, {"signature": sign(signed), "signature-algorithm": "SHA256withRSA"})


def chain(prefix, trail, first_end, hours):
    """A trail's digests, one for each list of log files in `hours`."""
    end, previous, digests = datetime.fromisoformat(first_end), None, []
    for logs in hours:
        previous = digest(prefix, trail, end, logs, previous)
        digests.append(previous)
        end += timedelta(hours=1)
    return digests
