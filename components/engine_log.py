"""What the SDK reports for debugging goes to the engine beside the program, which does not wait for each message.

The SDK sends four debug messages for every resource, shown only with `--debug`, and waits for the engine's answer to each while
nothing else of the program runs: a sixteenth of a preview of the dev stack. Owns the one function of the SDK that is replaced.
Warnings and errors are sent as the SDK sends them, so none of them is lost when the program ends.
"""

from __future__ import annotations

import pulumi
from pulumi import log
from pulumi.runtime.proto import engine_pb2
from pulumi.runtime.settings import get_engine

_waiting = log.debug
"""The SDK's own function."""


def send_debug_aside() -> None:
    """From now on `pulumi.log.debug` returns at once. The program's last call to the engine comes after all of them."""
    log.debug = _debug


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
