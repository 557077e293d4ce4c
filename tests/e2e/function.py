"""The function by itself, as Lambda runs it: under `cargo lambda watch`, on a free port of 127.0.0.1."""

import json
import os
import socket
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NAME = "trailbell-lambda"
START_LIMIT = 60
ANSWER_LIMIT = 120


class Failure(Exception):
    """What went wrong, for people to read."""


class Function:
    """`with Function({...}) as function:` builds and starts it with these settings, and ends it."""

    def __init__(self, settings):
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TRAILBELL_"))}
        self.environment = inherited | {"NO_PROXY": "127.0.0.1"} | settings
        self.port = free_port()
        self.log = tempfile.TemporaryFile(mode="w+")

    def __enter__(self):
        subprocess.run(["cargo", "build", "--quiet", "--locked", "--package", "trailbell", "--bin", NAME], cwd=ROOT, check=True)
        command = ["cargo", "lambda", "watch", "--ignore-changes", *self.address()]
        self.watcher = subprocess.Popen(
            command,
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=subprocess.STDOUT,
        )
        try:
            self.wait_for_port()
        except Failure:
            self.end()
            raise
        return self

    def __exit__(self, kind, error, trace):
        self.end()
        if error:
            print(f"what the function said:\n{self.said()}")

    def said(self):
        """All that function and watcher printed so far."""
        self.log.seek(0)
        return self.log.read()

    def end(self):
        """Ends the watcher, which ends the function."""
        self.watcher.terminate()
        try:
            self.watcher.wait(10)
        except subprocess.TimeoutExpired:
            self.watcher.kill()
            self.watcher.wait()

    def invoke(self, file):
        """What the function answers to the payload in `file`."""
        command = ["cargo", "lambda", "invoke", NAME, *self.address(), "--data-file", str(file)]
        try:
            ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=ANSWER_LIMIT)
        except subprocess.TimeoutExpired:
            raise Failure(f"{file}: no answer in {ANSWER_LIMIT} seconds") from None
        if ran.returncode != 0:
            raise Failure(f"{file}: {ran.stderr.strip()}")
        return json.loads(ran.stdout)

    def address(self):
        return ["--invoke-address", "127.0.0.1", "--invoke-port", str(self.port)]

    def wait_for_port(self):
        deadline = time.monotonic() + START_LIMIT
        while time.monotonic() < deadline and self.watcher.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.1)
        raise Failure(f"cargo lambda watch does not start: {self.said()}")


def expect(what, found, expected):
    if found != expected:
        raise Failure(f"{what}: {found!r} instead of {expected!r}")


def free_port():
    """A port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
