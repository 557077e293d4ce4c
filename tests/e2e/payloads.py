"""Hands every sample payload to the function, and expects a success for each."""

import sys

from function import ROOT, Failure, Function

SETTINGS = {
    "TRAILBELL_STORE": f"dir:{ROOT / 'events' / 'store'}",
    "TRAILBELL_ALERTS": "stdout",
    "TRAILBELL_LEDGER": "none",
}


def check(function, file):
    """The answer to a queue names the messages to try again: there should be none."""
    answer = function.invoke(file)
    again = answer.get("batchItemFailures") if isinstance(answer, dict) else None
    if again:
        raise Failure(f"{file.name}: to be tried again: {again}")
    if file.name.startswith("sqs-") and again is None:
        raise Failure(f"{file.name}: the answer has no batchItemFailures: {answer}")
    print(f"{file.name}: {answer}")


def main():
    files = sorted((ROOT / "events").glob("*.json"))
    with Function(SETTINGS) as function:
        for file in files:
            check(function, file)
    print(f"{len(files)} payloads, all answered with success")


if __name__ == "__main__":
    try:
        main()
    except Failure as failure:
        sys.exit(f"failed: {failure}")
