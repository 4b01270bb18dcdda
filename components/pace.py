"""What the program does not wait for: the engine's answer to each debug message, and the collector when it ends.

The SDK sends four debug messages for every resource, shown only with `--debug`, and waits for the engine's answer to each while
nothing else of the program runs: a sixteenth of a preview of the dev stack. At its end Python looks through all objects again and
again before it drops them, which is another sixteenth.

Owns the one function of the SDK that is replaced. Warnings and errors are sent as the SDK sends them: none of them is lost when
the program ends.
"""

from __future__ import annotations

import atexit
import gc

import pulumi
from pulumi import log
from pulumi.runtime.proto import engine_pb2
from pulumi.runtime.settings import get_engine

_waiting = log.debug
"""The SDK's own function."""


def set_pace() -> None:
    """From now on `pulumi.log.debug` returns at once, and nothing is collected at the end, when all of it goes anyway.

    The program's last call to the engine comes after all debug messages, so the engine has them.
    """
    log.debug = _debug
    atexit.register(gc.freeze)


def _debug(
    msg: str,
    resource: pulumi.Resource | None = None,
    stream_id: int | None = None,
    ephemeral: bool | None = None,
) -> None:
    engine = get_engine()
    send = getattr(getattr(engine, "Log", None), "future", None)
    if resource is not None or send is None:
        _waiting(msg, resource, stream_id, ephemeral)
        return
    send(
        engine_pb2.LogRequest(
            severity=engine_pb2.DEBUG, message=msg, urn="", streamId=stream_id or 0, ephemeral=bool(ephemeral)
        )
    )
