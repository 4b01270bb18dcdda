"""A process that has imported the providers already, and makes a copy of itself for each that the engine starts.

An engine starts its providers one after the other, each when the program first needs it, and waits: a tenth of a second for every
import of gRPC. The language host starts this process when a program is about to run, so it imports while the policy pack and the
program start. The plugin's command (`launch.py`) hands itself over, and imports for itself where nobody stands by.

Owns the copies: each is what its command would have been, with the command's environment, folder, arguments and output, and ends
with it. A copy is made while gRPC has no threads yet, so it is a whole one; the providers share nothing but what was imported.
"""

from __future__ import annotations

import importlib
import json
import os
import runpy
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from sandbox.plugin.launch import address

MODULES: Final = ("sandbox.gcp", "sandbox.kubernetes")
"""The programs of the plugins."""
TAKEN: Final = b"+"
"""What a copy answers as soon as it is one; a command that hears nothing goes on by itself."""
_HOST_SECONDS: Final = 0.5
"""How often the process looks whether its language host is still there."""
_MOST_BYTES: Final = 1 << 20
"""Of a command's arguments and environment together, which Linux holds to 2 MiB; a larger one goes on by itself."""
_CREDENTIALS: Final = struct.Struct("3i")
"""Process, user and group of a socket's other side: unix(7), SO_PEERCRED."""


def start(engine: str) -> subprocess.Popen[bytes] | None:
    """Starts the process for the engine at `engine`; None where somebody listens there already.

    A command may connect from now on; it is answered once everything is imported.
    """
    with socket.socket(socket.AF_UNIX) as listener:
        try:
            listener.bind(address(engine))
            listener.listen()
        except OSError:
            return None
        number = listener.fileno()
        command = [sys.executable, "-m", "sandbox.plugin.standby", str(number), str(os.getpid())]
        # A group of its own: the engine interrupts the host's whole group, and ends its providers in an order of its own.
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, pass_fds=[number], process_group=0)


def stand_by(listener: socket.socket, host: int) -> None:
    """Imports, then makes a copy for each command that connects, until the process `host`, its parent, is gone."""
    for module in (*(f"{program}.provider" for program in MODULES), "sandbox.plugin.server"):
        importlib.import_module(module)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # a copy that has ended leaves nothing behind
    listener.settimeout(_HOST_SECONDS)
    while os.getppid() == host:
        with suppress(TimeoutError):
            connection, _ = listener.accept()
            with connection:
                if _user(connection) == os.getuid() and os.fork() == 0:
                    listener.close()
                    _become(connection)


def _user(connection: socket.socket) -> int:
    _, user, _ = _CREDENTIALS.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    return user


def _become(connection: socket.socket) -> None:
    """Is what the command on the other side of `connection` asks for, to the end of this process."""
    connection.settimeout(None)
    content, files, _, _ = socket.recv_fds(connection, _MOST_BYTES, 2)
    wanted: dict[str, Any] = json.loads(content)
    module: str = wanted["module"]
    if module not in MODULES:
        raise ValueError(f"module: {module!r} is no provider of the sandbox; give one of {', '.join(MODULES)}.")
    for number, file in enumerate(files, start=1):
        os.dup2(file, number)
        os.close(file)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.chdir(wanted["folder"])
    os.environ.clear()
    os.environ.update(wanted["environment"])
    sys.argv[1:] = wanted["arguments"]
    Path("/proc/self/comm").write_text(module)  # what `ps` and `top` show; Linux keeps 15 characters
    connection.send(TAKEN)
    threading.Thread(target=_end_with, args=(connection,), name="command-watch", daemon=True).start()
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _end_with(command: socket.socket) -> None:
    with suppress(OSError):
        command.recv(1)
    os.kill(os.getpid(), signal.SIGTERM)


def main(arguments: Sequence[str]) -> None:
    """`python -m sandbox.plugin.standby NUMBER HOST`: the number of a listening socket, and the language host's process."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # ends at once, without a traceback
    number, host = map(int, arguments[1:])
    stand_by(socket.socket(fileno=number), host)


if __name__ == "__main__":
    from sandbox.plugin.stubs import load_stubs_alone

    load_stubs_alone()
    main(sys.argv)
