"""Serving a resource provider to the engine.

A provider plugin is a program that prints the port it listens on and answers the `pulumirpc.ResourceProvider` service.
The engine starts one process per provider instance and ends it with SIGINT or SIGTERM; a plugin that does not exit at
once costs every operation five seconds, so both signals end the process immediately. All durable state is elsewhere.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent import futures
from typing import Any

import grpc
from pulumi.runtime.proto import provider_pb2_grpc

_MAX_MESSAGE = 400 * 1024 * 1024
"""Bytes; the engine's own limit."""
_PARENT_SECONDS = 0.5
"""How often a plugin looks whether its engine is still there."""


def end_with_engine(before: Callable[[], object] = lambda: None) -> None:
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


def serve(provider: provider_pb2_grpc.ResourceProviderServicer) -> None:
    """Serves `provider` on a free loopback port until the engine ends the process."""
    end_with_engine()
    options = [("grpc.max_send_message_length", _MAX_MESSAGE), ("grpc.max_receive_message_length", _MAX_MESSAGE)]
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=64), options=options)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(provider, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    server.wait_for_termination()
