"""The command of a provider's plugin: `python -IS launch.py MODULE [ENGINE-ADDRESS]`.

Hands itself over to the process that stands by for its engine (`standby.py`) and waits for that copy to end; becomes the provider
itself where nobody stands by. It sees no installed packages and imports next to nothing, which is the point of it.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys


def address(engine: str) -> str:
    """Where the process for one engine listens: an abstract name (unix(7)), which is gone with the process."""
    return f"\0gke-tpu-inference/{os.getuid()}/{engine}"


def hand_over(module: str, arguments: list[str]) -> bool:
    """Whether a copy took over; returns when it has ended, or when there is none to be had."""
    folder = os.getcwd()  # noqa: PTH109 - pathlib takes longer to import than all the rest
    wanted = {"module": module, "arguments": arguments, "folder": folder, "environment": dict(os.environ)}
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(address(arguments[-1] if arguments else ""))
            socket.send_fds(connection, [json.dumps(wanted).encode()], [1, 2])
            taken = connection.recv(1)
        except OSError:
            return False
        if taken:
            connection.recv(1)
        return bool(taken)


def main() -> None:
    """Runs the provider, one way or the other. The engine's signals end this process, and with it the copy."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    module, *arguments = sys.argv[1:]
    if not hand_over(module, arguments):
        os.execv(sys.executable, [sys.executable, "-m", module, *arguments])  # noqa: S606 - nothing but this Python


if __name__ == "__main__":
    main()
