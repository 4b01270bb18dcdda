"""Telling the engine how a long operation is getting on, so that people see more than a clock."""

from __future__ import annotations

from collections.abc import Callable

import grpc
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc


class EngineLog:
    """The engine's log service; silent when there is no engine."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._stub: engine_pb2_grpc.EngineStub | None = None

    def reporter(self, urn: str) -> Callable[[str], None]:
        """A function that shows a line as the state of the resource `urn`."""

        def report(line: str) -> None:
            if not self._address:
                return
            if self._stub is None:
                self._stub = engine_pb2_grpc.EngineStub(grpc.insecure_channel(self._address))
            request = engine_pb2.LogRequest(severity=engine_pb2.INFO, message=line, urn=urn, streamId=0, ephemeral=True)
            try:
                self._stub.Log(request, timeout=2)
            except grpc.RpcError:
                self._address = ""

        return report
