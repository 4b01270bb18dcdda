"""One health check of one endpoint, as Google's probers make it.

Owns what counts as healthy: the answer 200 and nothing else for HTTP, HTTPS and HTTP2 (which is asked by HTTP/1.1 here), a
connection for TCP, SERVING for gRPC. Does not own when and how often (`health`). Certificates are not verified.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

from sandbox.balancer import wire
from sandbox.balancer.specs import HealthCheck

_SERVING = 1
_METHOD = "/grpc.health.v1.Health/Check"


async def probe(check: HealthCheck, port: int, ip: str, timeout: float) -> str | None:  # noqa: ASYNC109
    """Checks 127.0.0.1:`port` within `timeout` seconds; None when it is healthy, else the reason."""
    try:
        async with asyncio.timeout(timeout):
            return await _METHODS.get(check.type, _http)(check, port, ip)
    except TimeoutError:
        return f"no answer in {timeout:.1f} s"
    except ConnectionRefusedError:
        return "connection refused"
    except ssl.SSLError as error:
        return f"TLS failed: {error.reason or error}"
    except (OSError, wire.BadMessageError, asyncio.IncompleteReadError) as error:
        return str(error) or type(error).__name__


async def _tcp(_check: HealthCheck, port: int, _ip: str) -> str | None:
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.close()
    return None


async def _http(check: HealthCheck, port: int, ip: str) -> str | None:
    headers = [("host", check.host or ip), ("user-agent", "GoogleHC/1.0"), ("accept", "*/*")]
    status, body = await wire.fetch(port, "GET", check.path, headers=headers, secure=check.type == "HTTPS", limit=1024)
    if status != 200:
        return f"GET {check.path} answered {status}; only 200 is healthy"
    if check.response and not body.startswith(check.response.encode()):
        return f"the answer does not begin with {check.response!r}"
    return None


async def _grpc(check: HealthCheck, port: int, _ip: str) -> str | None:
    import grpc  # noqa: PLC0415 - 30 MB that only a gRPC check is worth

    request = b"\x0a" + bytes([len(check.service)]) + check.service.encode() if check.service else b""
    channel: Any = grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=[("grpc.enable_http_proxy", 0)])
    try:
        answer: bytes = await channel.unary_unary(_METHOD)(request)
    except grpc.aio.AioRpcError as error:
        return f"gRPC {error.code().name}: {error.details()}"
    finally:
        await channel.close()
    # HealthCheckResponse has one field: status, number 1, a varint below 128
    status = answer[1] if len(answer) > 1 and answer[0] == 0x08 else 0
    return None if status == _SERVING else f"gRPC health status {status}, {_SERVING} is SERVING"


_METHODS = {"TCP": _tcp, "GRPC": _grpc}
