"""Serves moto on a free port of 127.0.0.1, and prints its URL on one line.

Exits when standard input closes: then the parent process has ended, by itself or killed.
"""

import logging
import sys

from moto.server import ThreadedMotoServer


def main():
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    print(f"http://{host}:{port}", flush=True)
    sys.stdin.buffer.read()


if __name__ == "__main__":
    main()
