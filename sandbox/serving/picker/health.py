"""The gRPC health service of the picker: kubelets and Google's load balancer ask it.

Owns the service grpc.health.v1.Health, as the real picker answers: without leader election every name means 'the pool is
known'. Its two messages have one field each and are written here byte by byte, because the package with their stubs is none
of the project's requirements.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import grpc

from sandbox.serving.http import LOOPBACK

SERVICE: Final = "grpc.health.v1.Health"
SERVING: Final = 1
NOT_SERVING: Final = 2


def request(service: str) -> bytes:
    """A HealthCheckRequest; names of up to 127 bytes."""
    name = service.encode()
    return b"" if not name else bytes((0x0A, len(name))) + name


def answer(status: int) -> bytes:
    """A HealthCheckResponse."""
    return bytes((0x08, status))


def serve(port: int, ready: Callable[[], bool]) -> grpc.Server:
    """Starts the service on loopback. Raises RuntimeError when the port is taken."""

    def check(_message: bytes, _context: grpc.ServicerContext) -> bytes:
        return answer(SERVING if ready() else NOT_SERVING)

    server = grpc.server(ThreadPoolExecutor(max_workers=2), options=(("grpc.so_reuseport", 0),))
    handlers = {"Check": grpc.unary_unary_rpc_method_handler(check)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    if not server.add_insecure_port(f"{LOOPBACK}:{port}"):
        raise RuntimeError(f"port {port} is taken")
    server.start()
    return server
