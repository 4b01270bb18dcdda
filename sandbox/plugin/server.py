"""Serving a provider or the language host to the engine.

A plugin is a program that prints the port it listens on and answers one of the engine's gRPC services. The engine starts one
process per instance and ends it with SIGINT or SIGTERM; a plugin that does not exit at once costs every operation five seconds,
so both signals end the process immediately. All durable state is elsewhere. It imports no service: each costs time at start.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent import futures
from typing import Any, TypeVar

import grpc

Servicer = TypeVar("Servicer")

_MAX_MESSAGE = 400 * 1024 * 1024
"""Bytes; the engine's own limit."""
_PARENT_SECONDS = 0.5
"""How often a plugin looks whether its engine is still there."""


def _end_with_engine(before: Callable[[], object]) -> None:
    """Ends this process at once on the engine's signals, and soon after the engine where that is killed.

    Open calls are not waited for; `before` is called first.
    """

    def leave(*_: Any) -> None:
        try:
            before()
        finally:
            os._exit(0)

    signal.signal(signal.SIGINT, leave)
    signal.signal(signal.SIGTERM, leave)
    engine = os.getppid()

    def watch() -> None:
        while os.getppid() == engine:
            time.sleep(_PARENT_SECONDS)
        leave()

    threading.Thread(target=watch, name="engine-watch", daemon=True).start()


def serve(
    add: Callable[[Servicer, grpc.Server], None], servicer: Servicer, *, before_end: Callable[[], object] = lambda: None
) -> None:
    """Serves `servicer` on a free loopback port until the engine ends the process; `before_end` is called then.

    `add` is the stub's function that adds it to a server.
    """
    _end_with_engine(before_end)
    options = [("grpc.max_send_message_length", _MAX_MESSAGE), ("grpc.max_receive_message_length", _MAX_MESSAGE)]
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=64), options=options)
    add(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    server.wait_for_termination()
