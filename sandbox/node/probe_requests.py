"""One probe, sent: what a kubelet asks a container and how it words a failure.

Owns: httpGet, tcpSocket, grpc and exec against the local process, with the texts of the kubelet's Events. Does not own
when they are sent. Texts: pkg/probe of Kubernetes 1.34 and Go's net package, which make them.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

from sandbox.node.probes import Probe

Object = dict[str, Any]

_USER_AGENT = "kube-probe/1.34"
_MOST_REDIRECTS = 10
_HEALTH_METHOD = "/grpc.health.v1.Health/Check"
_GRPC_STATUS = {0: "UNKNOWN", 1: "SERVING", 2: "NOT_SERVING", 3: "SERVICE_UNKNOWN"}


@dataclass(frozen=True, kw_only=True)
class Target:
    """The container a probe is for; `local_port` is where the pod serves a container port on this machine."""

    container: Object
    pod_ip: str
    local_port: Callable[[int], int | None]

    def port(self, value: int | str) -> int:
        """The number of a port that is named in the container or is a number already.

        Raises:
            ProbeFailedError: the container has no port of that name.
        """
        if isinstance(value, int) or value.isdigit():
            return int(value)
        for entry in self.container.get("ports", []):
            if entry.get("name") == value:
                return int(entry["containerPort"])
        raise ProbeFailedError(f'couldn\'t find port: {{1 0 {value}}}: no port named "{value}" in the container')


class ProbeFailedError(Exception):
    """The container does not pass; the message is the kubelet's."""


async def send(probe: Probe, target: Target) -> str | None:
    """None when the container passes, else the kubelet's reason; never raises for what the container does."""
    try:
        match probe.action:
            case "httpGet":
                await _http(probe, target)
            case "tcpSocket":
                number = target.port(probe.handler["port"])
                address = f"{probe.handler.get('host') or target.pod_ip}:{number}"
                _, writer = await _connect(target, number, address, probe.timeout)
                writer.close()
            case "grpc":
                await asyncio.to_thread(_grpc, probe, target)
            case _:
                return None  # exec: there is no container to run a command in; the log says so
    except ProbeFailedError as error:
        return str(error)
    return None


async def _http(probe: Probe, target: Target) -> None:
    handler = probe.handler
    scheme = str(handler.get("scheme", "HTTP")).lower()
    number = target.port(handler["port"])
    host = handler.get("host") or target.pod_ip
    path = str(handler.get("path") or "/")
    url = f"{scheme}://{host}:{number}{path if path.startswith('/') else f'/{path}'}"
    given = {str(item["name"]): str(item.get("value", "")) for item in handler.get("httpHeaders", [])}
    for _ in range(_MOST_REDIRECTS):
        status, headers = await http_get(url, given, target, probe.timeout)
        location = urljoin(url, headers["location"]) if 300 <= status < 400 and "location" in headers else None
        if location is None or urlsplit(location).hostname != urlsplit(url).hostname:
            if not 200 <= status < 400:
                raise ProbeFailedError(f"HTTP probe failed with statuscode: {status}")
            return
        url = location
    raise ProbeFailedError(f'Get "{url}": stopped after {_MOST_REDIRECTS} redirects')


async def http_get(
    url: str,
    headers: Mapping[str, str],
    target: Target,
    timeout: float,  # noqa: ASYNC109 - the kubelet's own term
) -> tuple[int, dict[str, str]]:
    """Status and headers of a GET of `url`, whose host is the pod's; https is not verified, as by a kubelet.

    Raises:
        ProbeFailedError: no HTTP answer came.
    """
    parts = urlsplit(url)
    number = parts.port or (443 if parts.scheme == "https" else 80)
    sent = {"Host": parts.netloc, "User-Agent": _USER_AGENT, "Accept": "*/*", "Connection": "close"}
    for name, value in headers.items():
        sent = {key: old for key, old in sent.items() if key.lower() != name.lower()} | {name: value}
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    request = f"GET {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in sent.items()) + "\r\n"
    context = _unverified() if parts.scheme == "https" else None
    writer: asyncio.StreamWriter | None = None
    try:
        async with asyncio.timeout(timeout):
            reader, writer = await _connect(target, number, parts.netloc, timeout, context)
            writer.write(request.encode())
            head = await reader.readuntil(b"\r\n\r\n")
    except TimeoutError:
        raise ProbeFailedError(
            f'Get "{url}": context deadline exceeded (Client.Timeout exceeded while awaiting headers)'
        ) from None
    except asyncio.IncompleteReadError as error:
        raise ProbeFailedError(f'Get "{url}": {_malformed(error.partial) if error.partial else "EOF"}') from None
    except (asyncio.LimitOverrunError, ssl.SSLError, OSError) as error:
        raise ProbeFailedError(f'Get "{url}": {_network_text(error)}') from None
    except ProbeFailedError as error:
        raise ProbeFailedError(f'Get "{url}": {error}') from None
    finally:
        if writer is not None:
            writer.close()
    first, *lines = head.decode("latin-1").split("\r\n")
    code = first.split(" ")[1] if first.startswith("HTTP/1.") and " " in first else ""
    if not code.isdigit():
        raise ProbeFailedError(f'Get "{url}": {_malformed(head)}')
    named = (line.partition(":") for line in lines if ":" in line)
    return int(code), {name.strip().lower(): value.strip() for name, _, value in named}


async def _connect(
    target: Target,
    number: int,
    address: str,
    timeout: float,  # noqa: ASYNC109 - as above
    context: ssl.SSLContext | None = None,
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    local = target.local_port(number)
    refused = ProbeFailedError(f"dial tcp {address}: connect: connection refused")
    if local is None:
        raise refused
    try:
        async with asyncio.timeout(timeout):
            return await asyncio.open_connection("127.0.0.1", local, ssl=context)
    except ConnectionRefusedError:
        raise refused from None
    except ssl.SSLError as error:
        raise ProbeFailedError(_network_text(error)) from None
    except TimeoutError:
        raise ProbeFailedError(f"dial tcp {address}: i/o timeout") from None
    except OSError as error:
        raise ProbeFailedError(f"read tcp {address}: {_network_text(error)}") from None


def _unverified() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _network_text(error: Exception) -> str:
    if isinstance(error, ssl.SSLError) and error.reason in {"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE"}:
        return "http: server gave HTTP response to HTTPS client"
    if isinstance(error, ConnectionResetError):
        return "read: connection reset by peer"
    return str(error)


def _malformed(data: bytes) -> str:
    text = data.partition(b"\r\n")[0][:40].decode("latin-1").encode("unicode_escape").decode()
    return f'net/http: HTTP/1.x transport connection broken: malformed HTTP response "{text}"'


def _grpc(probe: Probe, target: Target) -> None:
    import grpc  # noqa: PLC0415 - costs 0.1 s, and few containers are probed like this

    number = int(probe.handler["port"])
    local = target.local_port(number)
    late = (
        f'timeout: failed to connect service "{target.pod_ip}:{number}" within {probe.timeout:g}s: '
        "context deadline exceeded"
    )
    if local is None:
        raise ProbeFailedError(late)
    service = str(probe.handler.get("service") or "").encode()
    request = bytes([0x0A, len(service)]) + service if service else b""  # field 1 of HealthCheckRequest
    with grpc.insecure_channel(f"127.0.0.1:{local}", options=[("grpc.enable_http_proxy", 0)]) as channel:
        check = channel.unary_unary(_HEALTH_METHOD, request_serializer=None, response_deserializer=None)
        try:
            answer: bytes = check(request, timeout=probe.timeout, metadata=(("user-agent", _USER_AGENT),))
        except grpc.RpcError as error:
            code = error.code() if isinstance(error, grpc.Call) else grpc.StatusCode.UNKNOWN
            if code is grpc.StatusCode.UNIMPLEMENTED:
                text = "error: this server does not implement the grpc health protocol (grpc.health.v1.Health)"
            elif code in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}:
                text = late
            else:
                text = f"error: health rpc probe failed: {error}"
            raise ProbeFailedError(text) from None
    status = answer[1] if len(answer) >= 2 and answer[0] == 0x08 else 0  # field 1 of HealthCheckResponse, a varint
    if status != 1:
        raise ProbeFailedError(f'service unhealthy (responded with "{_GRPC_STATUS.get(status, str(status))}")')
