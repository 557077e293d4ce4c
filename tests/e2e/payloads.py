"""Invokes the function with every sample payload, and expects each to succeed."""

import sys

from function import ROOT, Failure, Function

SETTINGS = {
    "TRAILBELL_STORE": f"dir:{ROOT / 'events' / 'store'}",
    "TRAILBELL_ALERTS": "stdout",
    "TRAILBELL_LEDGER": "none",
    "TRAILBELL_INLINE": "eventbridge,logs",
}


def check(function, file):
    """No message of the payload may be retried. For a queue, the response lists those that are."""
    response = function.invoke(file)
    failures = response.get("batchItemFailures") if isinstance(response, dict) else None
    if failures:
        raise Failure(f"{file.name}: would be retried: {failures}")
    if file.name.startswith("sqs-") and failures is None:
        raise Failure(f"{file.name}: the response has no batchItemFailures: {response}")
    print(f"{file.name}: {response}")


def main():
    files = sorted((ROOT / "events").glob("*.json"))
    with Function(SETTINGS) as function:
        for file in files:
            check(function, file)
    print(f"{len(files)} payloads, all processed")


if __name__ == "__main__":
    try:
        main()
    except Failure as failure:
        sys.exit(f"failed: {failure}")
