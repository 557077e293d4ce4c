"""Serves moto on a free port of 127.0.0.1, and prints its URL on one line.

Exits when standard input closes: then the parent process has ended, by itself or killed.
"""

import logging
import sys
import threading
from collections import OrderedDict

from moto.s3.responses import S3Response
from moto.server import ThreadedMotoServer
from moto.sns.models import SNSBackend


class Snapshots(OrderedDict):
    """Can change while another thread loops over it: that loop has a copy."""

    def values(self):
        return list(super().values())

    def items(self):
        return list(super().items())


def share_safely(create_backend):
    """moto's threads share topics and subscriptions: without copies, it sometimes answers 500."""

    def create(backend, *positional, **named):
        create_backend(backend, *positional, **named)
        backend.topics = Snapshots(backend.topics)
        backend.subscriptions = Snapshots(backend.subscriptions)

    return create


def one_at_a_time(answer):
    """S3's conditions are atomic: moto's threads check one, and write after others have written."""
    lock = threading.RLock()

    def answer_alone(*positional, **named):
        with lock:
            return answer(*positional, **named)

    return answer_alone


def main():
    S3Response._key_response = one_at_a_time(S3Response._key_response)
    SNSBackend.__init__ = share_safely(SNSBackend.__init__)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    print(f"http://{host}:{port}", flush=True)
    sys.stdin.buffer.read()


if __name__ == "__main__":
    main()
