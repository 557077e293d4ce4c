"""`trailbell verify` and `aws cloudtrail validate-logs` on the same bucket, in memory.

    pip install awscli
    cargo build --release -p trailbell-cli
    python3 scripts/compare_validate_logs.py target/release/trailbell [AWS] [LATENCY_MS]

The bucket has digests of 10 accounts in 2 regions, of one day, each with 10 log files, signed by
the test key in events/keys. The AWS CLI is run once for each account and region, as it must be.
"""

import asyncio
import datetime
import gzip
import hashlib
import json
import os
import pathlib
import subprocess
import sys
import threading
import time
import urllib.parse
from xml.sax.saxutils import escape

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUCKET, TRAIL = "trail-logs", "trail"
ACCOUNTS = [f"{number:012}" for number in range(111122223330, 111122223340)]
REGIONS = ["us-east-1", "eu-west-1"]
HOURS, LOGS, RECORDS = 24, 10, 40
START = datetime.datetime(2026, 3, 12, 0, 17, 5, tzinfo=datetime.UTC)
KEYS = ROOT / "events/keys/public-keys.json"


def sign(text):
    """RSA PKCS#1 v1.5 with SHA-256, as CloudTrail signs."""
    key = json.loads((ROOT / "events/keys/test-key.json").read_text())
    modulus, exponent = int(key["n"], 16), int(key["d"], 16)
    size = (modulus.bit_length() + 7) // 8
    info = bytes.fromhex("3031300d060960864801650304020105000420")
    digest = info + hashlib.sha256(text.encode()).digest()
    padded = b"\x00\x01" + b"\xff" * (size - len(digest) - 3) + b"\x00" + digest
    return pow(int.from_bytes(padded), exponent, modulus).to_bytes(size).hex()


def records(account, region, hour, index):
    """The text of a log file: calls that no rule matches."""
    call = {
        "eventVersion": "1.11",
        "eventSource": "s3.amazonaws.com",
        "eventName": "GetObject",
        "awsRegion": region,
        "recipientAccountId": account,
        "sourceIPAddress": "203.0.113.7",
        "userAgent": "aws-cli/2.31.0 md/awscrt#0.27.6 ua/2.1 os/linux#6.8 lang/python#3.13.7",
        "requestParameters": {"bucketName": "data", "key": f"{hour}/{index}"},
    }
    ids = (
        hashlib.sha256(f"{account}{region}{hour}{index}{n}".encode()).hexdigest()
        for n in range(RECORDS)
    )
    return json.dumps({"Records": [{**call, "eventID": i, "note": i * 8} for i in ids]}).encode()


def make_bucket():
    """Objects by key: stored bytes and metadata."""
    objects = {}
    fingerprint = json.loads(KEYS.read_text())["PublicKeyList"][0]["Fingerprint"]
    iso = "%Y-%m-%dT%H:%M:%SZ"
    for account in ACCOUNTS:
        for region in REGIONS:
            previous = dict.fromkeys(["key", "hash", "signature"])
            for hour in range(HOURS):
                end = START + datetime.timedelta(hours=hour + 1)
                listed = []
                for index in range(LOGS):
                    at = end - datetime.timedelta(minutes=55 - 5 * index)
                    key = (
                        f"AWSLogs/{account}/CloudTrail/{region}/{at:%Y/%m/%d}/"
                        f"{account}_CloudTrail_{region}_{at:%Y%m%dT%H%MZ}_aBcDeFgHiJ{index:06}.json.gz"
                    )
                    text = records(account, region, hour, index)
                    objects[key] = (gzip.compress(text), {})
                    listed.append(
                        {
                            "s3Bucket": BUCKET,
                            "s3Object": key,
                            "hashValue": hashlib.sha256(text).hexdigest(),
                            "hashAlgorithm": "SHA-256",
                            "newestEventTime": f"{at:{iso}}",
                            "oldestEventTime": f"{at:{iso}}",
                        }
                    )
                key = (
                    f"AWSLogs/{account}/CloudTrail-Digest/{region}/{end:%Y/%m/%d}/"
                    f"{account}_CloudTrail-Digest_{region}_{TRAIL}_us-east-1_{end:%Y%m%dT%H%M%SZ}.json.gz"
                )
                text = json.dumps(
                    {
                        "awsAccountId": account,
                        "digestStartTime": f"{end - datetime.timedelta(hours=1):{iso}}",
                        "digestEndTime": f"{end:{iso}}",
                        "digestS3Bucket": BUCKET,
                        "digestS3Object": key,
                        "digestPublicKeyFingerprint": fingerprint,
                        "digestSignatureAlgorithm": "SHA256withRSA",
                        "newestEventTime": None,
                        "oldestEventTime": None,
                        "previousDigestS3Bucket": previous["key"] and BUCKET,
                        "previousDigestS3Object": previous["key"],
                        "previousDigestHashValue": previous["hash"],
                        "previousDigestHashAlgorithm": previous["key"] and "SHA-256",
                        "previousDigestSignature": previous["signature"],
                        "logFiles": listed,
                    }
                ).encode()
                digest = hashlib.sha256(text).hexdigest()
                before = previous["signature"] or "null"
                signature = sign(f"{end:{iso}}\n{BUCKET}/{key}\n{digest}\n{before}")
                metadata = {"signature": signature, "signature-algorithm": "SHA256withRSA"}
                objects[key] = (gzip.compress(text), metadata)
                previous = {"key": key, "hash": digest, "signature": signature}
    return objects


class Server:
    """S3 and CloudTrail, as far as both programs ask."""

    def __init__(self, objects, latency):
        self.objects, self.latency = objects, latency
        self.keys, self.requests = sorted(objects), 0
        ready = threading.Event()
        threading.Thread(target=lambda: asyncio.run(self.run(ready)), daemon=True).start()
        ready.wait()

    async def run(self, ready):
        server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        ready.set()
        await server.serve_forever()

    async def serve(self, reader, writer):
        try:
            while line := await reader.readline():
                method, target, _ = line.decode().split(" ", 2)
                headers = {}
                while (header := await reader.readline()).strip():
                    name, value = header.decode().split(":", 1)
                    headers[name.lower()] = value.strip()
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                self.requests += 1
                await asyncio.sleep(self.latency)
                status, more, content = self.answer(target, body, headers)
                lines = [f"HTTP/1.1 {status} x", f"content-length: {len(content)}", *more]
                writer.write("\r\n".join([*lines, "", ""]).encode())
                writer.write(b"" if method == "HEAD" else content)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        writer.close()

    def answer(self, target, body, headers):
        if action := headers.get("x-amz-target"):
            return self.cloudtrail(action.rsplit(".", 1)[1])
        path, _, query = target.partition("?")
        key = urllib.parse.unquote(path).lstrip("/").partition("/")[2]
        query = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
        if "location" in query:
            return 200, [], b"<LocationConstraint></LocationConstraint>"
        if not key:
            return 200, ["content-type: application/xml"], self.list(query).encode()
        if key not in self.objects:
            return 404, [], b"<Error><Code>NoSuchKey</Code></Error>"
        content, metadata = self.objects[key]
        md5 = hashlib.md5(content).hexdigest()
        more = [f"x-amz-meta-{name}: {value}" for name, value in metadata.items()]
        return (
            200,
            [f'etag: "{md5}"', "last-modified: Thu, 12 Mar 2026 00:00:00 GMT", *more],
            content,
        )

    def cloudtrail(self, action):
        listed = json.loads(KEYS.read_text())["PublicKeyList"]
        for key in listed:
            key["ValidityStartTime"], key["ValidityEndTime"] = 1_700_000_000, 1_900_000_000
        answers = {"ListPublicKeys": {"PublicKeyList": listed}}
        return (
            200,
            ["content-type: application/x-amz-json-1.1"],
            json.dumps(answers[action]).encode(),
        )

    def list(self, query):
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter")
        after = (
            query.get("continuation-token") or query.get("start-after") or query.get("marker", "")
        )
        keys, folders, last, truncated = [], [], "", False
        for key in self.keys:
            if not key.startswith(prefix) or key <= after:
                continue
            rest = key[len(prefix) :]
            name = key
            if delimiter and delimiter in rest:
                name = prefix + rest.partition(delimiter)[0] + delimiter
                if name <= after or name in folders:
                    continue
            if len(keys) + len(folders) == 1000:
                truncated = True
                break
            (folders if name.endswith("/") else keys).append(name)
            last = name
        encode = urllib.parse.quote if query.get("encoding-type") == "url" else escape
        facts = "<LastModified>2026-03-12T00:00:00.000Z</LastModified><Size>1</Size>"
        item = "<Contents><Key>{}</Key>" + facts + "</Contents>"
        parts = [item.format(encode(key)) for key in keys]
        parts += [
            f"<CommonPrefixes><Prefix>{encode(it)}</Prefix></CommonPrefixes>" for it in folders
        ]
        if truncated:
            parts.append(
                f"<NextContinuationToken>{escape(last)}</NextContinuationToken><NextMarker>{encode(last)}</NextMarker>"
            )
        parts.append(f"<IsTruncated>{str(truncated).lower()}</IsTruncated>")
        if query.get("encoding-type") == "url":
            parts.append("<EncodingType>url</EncodingType>")
        return f"<ListBucketResult><Name>{BUCKET}</Name>{''.join(parts)}</ListBucketResult>"


def measure(name, server, commands, env):
    """Runs commands one after the other, and prints the seconds, the requests and the last line."""
    server.requests, begin, last = 0, time.monotonic(), ""
    for command in commands:
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"{command}: {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
        last = (done.stdout + done.stderr).strip().splitlines()[-1]
    seconds = time.monotonic() - begin
    print(f"{name:32}{len(commands):3} runs {seconds:8.2f} s {server.requests:6} requests   {last}")
    return seconds


def main():
    program = sys.argv[1]
    aws = sys.argv[2] if len(sys.argv) > 2 else "aws"
    latency = float(sys.argv[3]) / 1000 if len(sys.argv) > 3 else 0.0
    objects = make_bucket()
    server = Server(objects, latency)
    size = sum(len(content) for content, _ in objects.values())
    print(f"{len(objects)} objects, {size / 1e6:.1f} MB, {latency * 1000:.0f} ms for each request")
    env = {
        "PATH": os.environ["PATH"],
        "HOME": "/nonexistent",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": server.url,
    }
    until = START + datetime.timedelta(hours=HOURS)
    times = [START.strftime("%Y-%m-%dT%H:%M:%SZ"), until.strftime("%Y-%m-%dT%H:%M:%SZ")]
    ours = [program, "verify", f"s3://{BUCKET}/", "--since", times[0], "--until", times[1]]
    theirs = [
        [
            *(aws, "cloudtrail", "validate-logs", "--start-time", times[0], "--end-time", times[1]),
            *("--trail-arn", f"arn:aws:cloudtrail:us-east-1:{account}:trail/{TRAIL}"),
            *("--s3-bucket", BUCKET, "--account-id", account, "--region", region),
        ]
        for account in ACCOUNTS
        for region in REGIONS
    ]
    mine = min(measure("trailbell verify", server, [ours], env) for _ in range(3))
    other = measure("aws cloudtrail validate-logs", server, theirs, env)
    print(f"{other / mine:.0f} times")


if __name__ == "__main__":
    main()
