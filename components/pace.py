"""What the program does not wait for: the engine's answer to each debug message, and looks through what stays anyway.

The SDK sends four debug messages for every resource, shown only with `--debug`, and waits for the engine's answer to each while
nothing else of the program runs: a sixteenth of a preview of the dev stack. Python's collector looks through all that was
imported while resources are made, and again and again before it is dropped at the end: another tenth.

Owns the one function of the SDK that is replaced. Warnings and errors are sent as the SDK sends them: none of them is lost when
the program ends.
"""

from __future__ import annotations

import atexit
import gc
from collections.abc import Callable
from typing import Any

import pulumi
from pulumi import log
from pulumi.runtime.proto import engine_pb2
from pulumi.runtime.settings import get_engine

_waiting = log.debug
"""The SDK's own function."""


def set_pace() -> None:
    """From now on `pulumi.log.debug` returns at once, and the collector leaves alone what is there now; at the end, everything.

    To be called once everything is imported. The engine has all debug messages before the program ends, whose last call to it
    comes after them. Nothing is changed where no engine runs the program, as under test mocks: that process goes on afterwards.
    """
    if _sender() is None:
        return
    log.debug = _debug
    gc.freeze()
    atexit.register(gc.freeze)


def _sender() -> Callable[[engine_pb2.LogRequest], Any] | None:
    """Sends a message to the engine without waiting."""
    return getattr(getattr(get_engine(), "Log", None), "future", None)


def _debug(
    msg: str,
    resource: pulumi.Resource | None = None,
    stream_id: int | None = None,
    ephemeral: bool | None = None,
) -> None:
    send = _sender()
    if resource is not None or send is None:
        _waiting(msg, resource, stream_id, ephemeral)
        return
    send(
        engine_pb2.LogRequest(
            severity=engine_pb2.DEBUG, message=msg, urn="", streamId=stream_id or 0, ephemeral=bool(ephemeral)
        )
    )
