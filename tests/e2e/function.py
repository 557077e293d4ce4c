"""The function as Lambda runs it: under `cargo lambda watch`, on a free port of 127.0.0.1."""

import json
import os
import socket
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NAME = "trailbell-lambda"
START_TIMEOUT = 60
INVOKE_TIMEOUT = 120


class Failure(Exception):
    """A failed expectation, as a message for people."""


class Function:
    """`with Function(settings) as function:` builds, starts and stops it."""

    def __init__(self, settings):
        ours = ("AWS_", "TRAILBELL_")
        inherited = {name: one for name, one in os.environ.items() if not name.startswith(ours)}
        self.environment = inherited | {"NO_PROXY": "127.0.0.1"} | settings
        self.port = free_port()
        self.log = tempfile.TemporaryFile(mode="w+")

    def __enter__(self):
        # The same packages as `cargo lambda watch` selects, so that it has nothing left to build.
        subprocess.run(
            ["cargo", "build", "--quiet", "--locked", "--bin", NAME], cwd=ROOT, check=True
        )
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
            self.stop()
            raise
        return self

    def __exit__(self, kind, error, trace):
        self.stop()
        if error:
            print(f"output of the function:\n{self.output()}")

    def output(self):
        """Everything that the function and the watcher printed so far."""
        self.log.seek(0)
        return self.log.read()

    def stop(self):
        """Stops the watcher, which stops the function."""
        self.watcher.terminate()
        try:
            self.watcher.wait(10)
        except subprocess.TimeoutExpired:
            self.watcher.kill()
            self.watcher.wait()

    def invoke(self, file):
        """The function's response to the payload in `file`."""
        command = ["cargo", "lambda", "invoke", NAME, *self.address(), "--data-file", str(file)]
        try:
            ran = subprocess.run(
                command, cwd=ROOT, capture_output=True, text=True, timeout=INVOKE_TIMEOUT
            )
        except subprocess.TimeoutExpired:
            raise Failure(f"{file}: no response within {INVOKE_TIMEOUT} seconds") from None
        if ran.returncode != 0:
            raise Failure(f"{file}: {ran.stderr.strip()}")
        return json.loads(ran.stdout)

    def address(self):
        return ["--invoke-address", "127.0.0.1", "--invoke-port", str(self.port)]

    def wait_for_port(self):
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline and self.watcher.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.1)
        raise Failure(f"cargo lambda watch did not start: {self.output()}")


def expect(what, actual, expected):
    if actual != expected:
        raise Failure(f"{what}: {actual!r} instead of {expected!r}")


def free_port():
    """A port that nothing listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
